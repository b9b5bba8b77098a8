import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { systemClock } from '../../src/base/clock.ts'
import { dialSockets, type Wire, wireOverSocket } from '../../src/peers/wire.ts'
import { wireContract } from '../contract/wire.ts'
import { createTestClock, settle } from '../helpers/clock.ts'
import { createMemoryLine } from '../memory/wire.ts'

wireContract('memory', async () => ({ ends: createMemoryLine().ends, dispose: async () => undefined }))

wireContract('WebSocket', async () => {
  const { server, url } = await listen()
  const host = new Promise<Wire>((resolve) =>
    server.once('connection', (socket) => resolve(wireOverSocket(socket, systemClock))),
  )
  const dialler = await dialSockets(systemClock)(url, { protocols: [], signal: new AbortController().signal })
  return { ends: [dialler, await host], dispose: () => close(server) }
})

test('a wire whose other side went silent is closed', async () => {
  const { server, url } = await listen()
  const clock = createTestClock()
  const connected = once(server, 'connection')
  const wire = await dialSockets(clock)(url, { protocols: [], signal: new AbortController().signal })
  await connected
  const ended = new Promise((resolve) => wire.onClose((code) => resolve(code)))
  // The other side no longer reads: pings are not answered.
  for (const socket of server.clients) socket.pause()
  for (let i = 0; i < 4; i++) await clock.advance(15_000)
  expect(await ended).toBe(1006)
  await close(server)
})

test('dialling fails with a reason where nobody listens, and when it is aborted', async () => {
  const { server, url } = await listen()
  await close(server)
  const dial = dialSockets(systemClock)
  await expect(dial(url, { protocols: [], signal: new AbortController().signal })).rejects.toThrow('ECONNREFUSED')
  const abort = new AbortController()
  const dialling = dial(url, { protocols: [], signal: abort.signal })
  abort.abort()
  await expect(dialling).rejects.toThrow()
})

test('a text frame is answered with 4400', async () => {
  const { server, url } = await listen()
  const connection = once(server, 'connection')
  const wire = await dialSockets(systemClock)(url, { protocols: [], signal: new AbortController().signal })
  const [socket] = await connection
  const code = once(socket, 'close').then(([closed]) => closed)
  socket.send('text')
  expect(await code).toBe(4400)
  expect(wire.isOpen).toBe(false)
  await close(server)
})

test('a line in memory can stall, and frames keep their order', async () => {
  const line = createMemoryLine()
  const [a, b] = line.ends
  const got: (number | undefined)[] = []
  b.onFrame((frame) => got.push(frame[0]))
  line.stall(b)
  a.send(Uint8Array.of(1))
  a.send(Uint8Array.of(2))
  await settle()
  expect([got, a.bufferedBytes]).toEqual([[], 2])
  line.resume()
  expect([got, a.bufferedBytes]).toEqual([[1, 2], 0])
})

async function listen(): Promise<{ server: WebSocketServer; url: string }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function close(server: WebSocketServer): Promise<void> {
  for (const socket of server.clients) socket.terminate()
  await new Promise((resolve) => server.close(resolve))
}
