import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/base/clock.ts'
import { createLogger, formatEntry } from '../../src/base/log.ts'
import { createPeerServer, type PeerServer } from '../../src/peers/accept.ts'
import { alice } from '../helpers/project.ts'

const servers: PeerServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function serve(listen: { host?: string; port?: number } = {}) {
  const lines: string[] = []
  const joined: string[] = []
  const ports: number[] = []
  const server = createPeerServer({
    listen: { host: '127.0.0.1', port: 0, ...listen },
    room: {
      moved: (name: string) => (name === 'old' ? 'it has moved' : undefined),
      answersTo: (name) => name === 'my project',
      join: (_, actor) => joined.push(actor.name),
      stop: () => undefined,
    },
    logRooms: { join: (doc, _, actor) => joined.push(`${actor.name} in ${doc}`), stop: () => undefined },
    authenticate: (token) => {
      if (token === 'broken') throw new Error('the disk')
      return token === 'good-token' ? alice : undefined
    },
    clock: systemClock,
    log: createLogger(
      (entry) => lines.push(formatEntry(entry)),
      () => 0,
    ),
    onListening: (port) => ports.push(port),
  })
  servers.push(server)
  await server.start()
  return { server, lines, joined, ports, port: ports[0] ?? 0, url: server.url() ?? '' }
}

/** What a dialled WebSocket came to: the close code, the HTTP status, or `open`. */
function outcome(url: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
  const socket = new WebSocket(url.replace('http', 'ws'), options.protocols ?? [], { headers: options.headers ?? {} })
  return new Promise<unknown>((resolve) => {
    socket.on('error', () => undefined)
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode))
    socket.once('close', (code) => resolve(code))
    socket.once('open', () => setImmediate(() => socket.readyState === WebSocket.OPEN && socket.close(3000)))
  })
}

const get = (port: number, path: string, headers: Record<string, string> = {}) =>
  new Promise<readonly [number | undefined, unknown]>((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, path, headers }, (response) => {
      let text = ''
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve([response.statusCode, JSON.parse(text)]))
    })
    asked.on('error', reject)
    asked.end()
  })

test('a token is taken from the header, a subprotocol, or the query', async () => {
  const { url, joined } = await serve()
  const room = `${url}/sync/my%20project`
  await outcome(room, { headers: { authorization: 'Bearer good-token' } })
  await outcome(room, { protocols: ['orch.y.v1', 'bearer.good-token'] })
  await outcome(`${room}?token=good-token`)
  expect(joined).toEqual(['alice', 'alice', 'alice'])
})

test('the server picks its own subprotocol and never repeats the token', async () => {
  const { url } = await serve()
  const socket = new WebSocket(`${url.replace('http', 'ws')}/sync/my%20project`, ['orch.y.v1', 'bearer.good-token'])
  await once(socket, 'open')
  expect(socket.protocol).toBe('orch.y.v1')
  socket.close()
})

test('[P6] a wrong token and an unknown project are refused with a close code', async () => {
  const { url, joined, lines } = await serve()
  const wrong = 'guessed-secret'
  expect(await outcome(`${url}/sync/my%20project?token=${wrong}`)).toBe(4401)
  expect(await outcome(`${url}/sync/my%20project`, { protocols: ['orch.y.v1', `bearer.${wrong}`] })).toBe(4401)
  expect(await outcome(`${url}/sync/other?token=${wrong}`)).toBe(4401)
  expect(await outcome(`${url}/sync/other?token=good-token`)).toBe(4404)
  expect(joined).toEqual([])
  expect(lines.join('')).not.toMatch(/guessed|good-token/)
})

test.each([
  ['another path', '/other', {}, 404],
  ['a path that does not decode', '/sync/%ff?token=good-token', {}, 404],
  ['a page of another site', '/sync/my%20project?token=good-token', { origin: 'https://evil.example' }, 403],
  ['a page without an origin of its own', '/sync/my%20project?token=good-token', { origin: 'null' }, 403],
  ['a name that was made to resolve here', '/sync/my%20project?token=good-token', { host: 'evil.example' }, 403],
  ['a name that only begins like ours', '/sync/my%20project?token=good-token', { host: '127.0.0.1.evil.example' }, 403],
  ['a token that cannot be looked up', '/sync/my%20project?token=broken', {}, 503],
])('%s does not get in', async (_, path, headers, status) => {
  const { url, joined } = await serve()
  expect(await outcome(url + path, { headers: headers as Record<string, string> })).toBe(status)
  expect(joined).toEqual([])
})

test('a page of this machine gets in', async () => {
  const { url, joined } = await serve()
  await outcome(`${url}/sync/my%20project?token=good-token`, { headers: { origin: 'http://localhost:5173' } })
  expect(joined).toEqual(['alice'])
})

test('it says that it lives, and nothing else', async () => {
  const { port } = await serve()
  expect(await get(port, '/healthz')).toEqual([200, { ok: true }])
  expect(await get(port, '/')).toEqual([404, { error: 'not found' }])
  expect(await get(port, '/healthz', { host: 'evil.example' })).toEqual([404, { error: 'not found' }])
})

test('a port that is taken is replaced by a free one, and told', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { ports, lines } = await serve({ port })
  expect(ports).toHaveLength(1)
  expect(ports[0]).not.toBe(port)
  expect(lines.join('')).toContain('the port is taken')
  taken.close()
})

test('an address that others reach is refused', async () => {
  await expect(serve({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'forbidden' })
})

test('connections that have shown no token are few', async () => {
  const { port } = await serve()
  const sockets = Array.from({ length: 80 }, () =>
    connect(port, '127.0.0.1')
      .resume()
      .on('error', () => undefined),
  )
  const gone = () => sockets.filter((socket) => socket.closed).length
  await vi.waitFor(() => expect(gone()).toBe(16))
  await expect(get(port, '/healthz')).rejects.toThrow()
  for (const socket of sockets) socket.destroy()
  await vi.waitFor(async () => expect(await get(port, '/healthz')).toEqual([200, { ok: true }]))
})

test('it stops though clients are connected, and may be stopped twice', async () => {
  const { server, url } = await serve()
  const socket = new WebSocket(`${url.replace('http', 'ws')}/sync/my%20project?token=good-token`)
  await once(socket, 'open')
  const closed = once(socket, 'close')
  await server.stop()
  expect((await closed)[0]).toBe(1001)
  await server.stop()
  expect(server.url()).toBeUndefined()
})
