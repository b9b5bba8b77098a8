import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/base/clock.ts'
import { OrchError } from '../../src/base/error.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { Principal } from '../../src/model/principal.ts'
import { createAccept } from '../../src/peers/accept.ts'
import { authenticateGood, outcome, startFront, type TestFront } from '../helpers/front.ts'
import { alice, principalOf } from '../helpers/project.ts'

const fronts: TestFront[] = []
afterEach(async () => {
  for (const { front } of fronts.splice(0)) await front.stop()
})

async function serve(
  authenticate: (token: string | undefined) => Promise<Principal> = async (token) =>
    authenticateGood({ token, from: '' }),
) {
  const joined: string[] = []
  const accept = createAccept({
    room: {
      moved: (name: string) => (name === 'old' ? 'it has moved' : undefined),
      answersTo: (name) => name === 'my project',
      join: (_, { actor }) => joined.push(actor.name),
      stop: () => undefined,
    },
    logRooms: { join: (doc, _, { actor }) => joined.push(`${actor.name} in ${doc}`), stop: () => undefined },
    clock: systemClock,
    log: silentLogger,
  })
  const started = await startFront({ upgrades: [accept], authenticate: ({ token }) => authenticate(token) })
  fronts.push(started)
  return { ...started, joined }
}

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

test('[R10] [P6] a wrong token and an unknown project are refused with a close code', async () => {
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
])('[R9] %s does not get in', async (_, path, headers, status) => {
  const { url, joined } = await serve()
  expect(await outcome(url + path, { headers: headers as Record<string, string> })).toBe(status)
  expect(joined).toEqual([])
})

test('[R9] a page of this machine gets in', async () => {
  const { url, joined } = await serve()
  await outcome(`${url}/sync/my%20project?token=good-token`, { headers: { origin: 'http://localhost:5173' } })
  expect(joined).toEqual(['alice'])
})

test('it stops though clients are connected, and may be stopped twice', async () => {
  const { front, url } = await serve()
  const socket = new WebSocket(`${url.replace('http', 'ws')}/sync/my%20project?token=good-token`)
  await once(socket, 'open')
  const closed = once(socket, 'close')
  await front.stop()
  expect((await closed)[0]).toBe(1001)
  await front.stop()
  expect(front.url()).toBeUndefined()
})

test('[R8] [R10] too many wrong tokens: come back later, which is no reason to give up', async () => {
  const { url } = await serve(() => Promise.reject(new OrchError('too_many_attempts', { from: '::1' })))
  expect(await outcome(`${url}/sync/my%20project?token=x`)).toBe(1013)
})

test('[R13] a connection ends with its token, and is told so', async () => {
  const token = new AbortController()
  const { url, joined } = await serve(async () => ({ ...principalOf(alice), ended: token.signal }))
  const socket = new WebSocket(`${url.replace('http', 'ws')}/sync/my%20project?token=x`)
  await once(socket, 'open')
  await expect.poll(() => joined).toEqual(['alice'])
  const closed = once(socket, 'close')
  token.abort()
  expect((await closed)[0]).toBe(4401)
})
