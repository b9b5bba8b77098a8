import { connect } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createAccept } from '../../src/peers/accept.ts'
import { closeCodes } from '../../src/peers/close-codes.ts'
import { createConduct } from '../../src/peers/conduct.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRoom } from '../../src/peers/room.ts'
import type { Wire } from '../../src/peers/wire.ts'
import { startFront, type TestFront } from '../helpers/front.ts'
import { createTestProject } from '../helpers/project.ts'

const fronts: TestFront[] = []
afterEach(async () => {
  for (const { front } of fronts.splice(0)) await front.stop()
})

/** A room on real sockets, for who shows `good-token`. */
async function serve(headersTimeoutMs?: number) {
  const { project } = createTestProject({ clock: systemClock, name: 'p1' })
  const log = silentLogger
  const peering = createPeering({
    project,
    instance: 'n-1',
    pristine: () => false,
    adopt: () => undefined,
    onTwin: () => undefined,
    log,
  })
  const conduct = createConduct(systemClock)
  const room = createRoom({ peering, clock: systemClock, log, conduct })
  const wires: Wire[] = []
  const accept = createAccept({
    room: {
      ...room,
      join(wire, who) {
        wires.push(wire)
        room.join(wire, who)
      },
    },
    logRooms: { join: () => undefined, stop: () => undefined },
    clock: systemClock,
    log,
  })
  const served = await startFront({ upgrades: [accept], ...(headersTimeoutMs && { headersTimeoutMs }) })
  fronts.push(served)
  const dial = async (token: string): Promise<WebSocket> => {
    const socket = new WebSocket(`${served.url.replace('http', 'ws')}/sync/p1?token=${token}`)
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('open', resolve))
    return socket
  }
  return { ...served, project, conduct, wires, dial }
}

const closeOf = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.once('close', resolve))

test('[R2] [R12] a frame of 100 MiB ends with its header: nothing of it is kept, its sender is named and gives up', async () => {
  const { dial, conduct } = await serve()
  const socket = await dial('good-token')
  const closed = closeOf(socket)
  const before = process.memoryUsage().arrayBuffers
  // A binary frame that says it has 100 MiB, masked; and then some of them.
  const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x06, 0x40, 0, 0, 1, 2, 3, 4])
  const stream = (socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket
  stream.write(header)
  for (let i = 0; i < 16; i++) stream.write(new Uint8Array(65_536))
  expect(await closed).toBe(closeCodes.tooLarge)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20)
  await vi.waitFor(() => expect(conduct.refusals()).toMatchObject([{ code: closeCodes.tooLarge, actor: 'alice' }]))
})

test('[R8] who has no token is told so, and what it sends meanwhile is not kept', async () => {
  const { dial, wires } = await serve()
  const socket = await dial('guessed')
  const closed = closeOf(socket)
  for (let i = 0; i < 100; i++) socket.send(new Uint8Array(65_536))
  expect([closeCodes.unauthorized, 1006]).toContain(await closed)
  expect(wires).toEqual([])
})

test('[R8] slow-loris: an upgrade that comes byte by byte is cut off, and others get in meanwhile', async () => {
  const { port, dial, front } = await serve(300)
  const slow = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'))
  const closed = slow.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())))
  for (const socket of slow) {
    socket.on('error', () => undefined)
    socket.write('GET /sync/p1?token=good-token HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n')
  }
  const drip = setInterval(() => {
    for (const socket of slow) if (!socket.destroyed) socket.write('x')
  }, 20)
  const honest = await dial('good-token')
  await Promise.all(closed)
  clearInterval(drip)
  await vi.waitFor(() => expect(front.connections()).toBe(1))
  expect(honest.readyState).toBe(WebSocket.OPEN)
  honest.terminate()
})

test('[R10] a text frame, or one that is no frame, is refused for good', async () => {
  const { dial, conduct } = await serve()
  const [text, garbage] = [await dial('good-token'), await dial('good-token')]
  const codes = [text, garbage].map(closeOf)
  text.send('hello')
  ;(garbage as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket.write(Uint8Array.of(0xff, 0x80))
  expect(await Promise.all(codes)).toEqual([closeCodes.malformed, closeCodes.malformed])
  await vi.waitFor(() => expect(conduct.refusals()).toMatchObject([{ code: closeCodes.malformed, actor: 'alice' }]))
})
