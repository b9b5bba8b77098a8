import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { FrontParts } from '../../../src/api/http/front.ts'
import type { Mount } from '../../../src/api/http/mount.ts'
import { OrchError } from '../../../src/base/error.ts'
import { ask, startFront, type TestFront } from '../../helpers/front.ts'
import { alice, principalOf } from '../../helpers/project.ts'

const started: TestFront[] = []
afterEach(async () => {
  for (const { front } of started.splice(0)) await front.stop()
})
async function serve(parts: Partial<FrontParts> = {}): Promise<TestFront> {
  const front = await startFront({ mounts, ...parts })
  started.push(front)
  return front
}

const good = { authorization: 'Bearer good-token' }
let loads = 0
const mounts: readonly Mount[] = [
  {
    path: '/echo',
    async load() {
      loads++
      return async (request, { actor, session }) =>
        Response.json({ actor: actor.name, session, length: (await request.text()).length })
    },
  },
  {
    path: '/refuses',
    load: async () => () => {
      throw new OrchError('record_not_found', { kind: 'task', id: 't-1' })
    },
  },
  {
    path: '/page',
    isPublic: true,
    load: async () => () => new Response('<p>', { headers: { 'content-type': 'text/html' } }),
  },
]

test('a mount is loaded at its first request and answers those who are known', async () => {
  loads = 0
  const { port } = await serve()
  expect(loads).toBe(0)
  const answer = await ask(port, '/echo/below', { method: 'POST', headers: good, body: 'x'.repeat(70_000) })
  expect(answer).toMatchObject({ status: 200, body: { actor: 'alice', length: 70_000 } })
  expect((await ask(port, '/echo', { headers: good })).status).toBe(200)
  expect(loads).toBe(1)
})

test.each([
  ['no token', '/echo', {}, 401, 'unauthorized'],
  ['a wrong token', '/echo', { authorization: 'Bearer nonsense' }, 401, 'unauthorized'],
  ['a token in the query, which is for WebSockets only', '/echo?token=good-token', {}, 401, 'unauthorized'],
  ['a path that nothing is at', '/echoes', good, 404, 'not_served'],
  ['a refusal of the handler', '/refuses', good, 404, 'record_not_found'],
  ['a page of another site', '/echo', { ...good, origin: 'https://evil.example' }, 403, 'forbidden'],
  ['a page without an origin of its own', '/echo', { ...good, origin: 'null' }, 403, 'forbidden'],
  ['a name that was made to resolve here', '/echo', { ...good, host: 'evil.example' }, 403, 'forbidden'],
  ['an address of elsewhere', '/echo', { ...good, host: '192.0.2.7' }, 403, 'forbidden'],
  ['a foreign host at a public page', '/page', { host: 'evil.example' }, 403, 'forbidden'],
  ['a foreign host at the health check', '/healthz', { host: 'evil.example' }, 403, 'forbidden'],
])('[R9] [P6] %s is refused with status and code', async (_, path, headers, status, code) => {
  const { port, lines } = await serve()
  expect(await ask(port, path, { headers: headers as Record<string, string> })).toMatchObject({
    status,
    body: { error: { code, hint: expect.any(String) } },
  })
  expect(lines.join('')).not.toContain('good-token')
})

test('what is open to all: a public page, whether it lives, and whether it is ready', async () => {
  let reason: string | undefined = 'it is starting'
  const { port } = await serve({ notReady: () => reason })
  expect(await ask(port, '/page')).toMatchObject({ status: 200, body: '<p>' })
  expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: { ok: true } })
  expect(await ask(port, '/readyz')).toMatchObject({ status: 503, body: { ready: false, reason } })
  reason = undefined
  expect(await ask(port, '/readyz')).toMatchObject({ status: 200, body: { ready: true } })
})

test('a page of this machine, and one that is configured, may call and read the answer', async () => {
  const { port } = await serve({ allowed: { names: [], origins: ['https://board.example.org'] } })
  for (const origin of ['http://localhost:5173', 'https://board.example.org']) {
    const asked = await ask(port, '/echo', { headers: { ...good, origin } })
    expect(asked).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin } })
    const before = await ask(port, '/echo', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    expect(before).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': origin } })
  }
})

describe('size', () => {
  const limit = 16 * 1024 * 1024
  test('a body that says it is too large is refused before it is sent', async () => {
    const { port } = await serve()
    const headers = { ...good, 'content-length': String(limit + 1) }
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    const head = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`POST /echo HTTP/1.1\r\n${head.join('')}\r\n`)
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1.1 413 .*"too_large"/s)
  })

  test('a body that does not say how long it is, is cut off', async () => {
    const { port } = await serve()
    const headers = { ...good, 'transfer-encoding': 'chunked' }
    expect(await ask(port, '/echo', { method: 'POST', headers, body: 'x'.repeat(limit + 1) })).toMatchObject({
      status: 413,
      body: { error: { code: 'too_large' } },
    })
    expect(await ask(port, '/echo', { method: 'POST', headers, body: 'x'.repeat(1000) })).toMatchObject({
      body: { length: 1000 },
    })
  })
})

test('an answer without an end ends with its token, and when the daemon stops', async () => {
  const token = new AbortController()
  let ended = 0
  const endless: Mount = {
    path: '/endless',
    load: async (stopping) => (request) => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('begun\n'))
          request.signal.addEventListener('abort', () => ended++)
          stopping.addEventListener('abort', () => request.signal.aborted || controller.close())
        },
      })
      return new Response(body)
    },
  }
  const { url, front } = await serve({
    mounts: [endless],
    authenticate: async ({ token: shown }) => ({
      ...principalOf(alice),
      ...(shown === 'ends' && { ended: token.signal }),
    }),
  })
  const begin = async (shown: string): Promise<() => Promise<unknown>> => {
    const response = await fetch(`${url}/endless`, { headers: { authorization: `Bearer ${shown}` } })
    const reader = response.body?.getReader()
    await reader?.read()
    return async () =>
      reader?.read().then(
        ({ done }) => done,
        () => 'cut',
      )
  }
  const [one, other] = await Promise.all([begin('ends'), begin('stays')])
  token.abort()
  expect(await one()).toBe('cut')
  await expect.poll(() => ended).toBe(1)
  const stopped = front.stop()
  expect(await other()).toBe(true)
  await stopped
})

test('a port that is taken is replaced by a free one, and told', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const front = await serve({ listen: { host: '127.0.0.1', port } })
  expect(front.port).not.toBe(port)
  expect(front.lines.join('')).toContain('the port is taken')
  taken.close()
})
