import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFrameReader, MAX_FRAME_BYTES, PROTOCOL_VERSION } from '../../src/api/protocol.ts'
import { pathsOf, socketPlace } from '../../src/base/repository.ts'
import { drain, greet, request, requestIfRunning, talk } from '../../src/cli/client.ts'
import type { RepositoryContext } from '../../src/cli/context.ts'

let root: string
let server: Server | undefined
let received: unknown[]
let sockets: Socket[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orch-client-'))
  mkdirSync(join(root, '.git', 'orch'), { recursive: true })
  received = []
  sockets = []
})

afterEach(() => {
  server?.close()
  server = undefined
  rmSync(root, { recursive: true, force: true })
})

const hello = { orch: PROTOCOL_VERSION, version: '1.0.0', pid: 1 }

function context(): RepositoryContext {
  const commonDir = join(root, '.git')
  const repository = { worktree: root, mainWorktree: root, commonDir, isBare: false, isLinked: false }
  return { version: '1.0.0', repository, paths: pathsOf(repository, socketPlace({})) } as RepositoryContext
}

/** A daemon that answers each line as told; hangs up where it is told nothing more. */
function serve(greeting: object | undefined, ...answers: readonly (readonly object[] | 'hang up')[]): Promise<void> {
  server = createServer((socket: Socket) => {
    const reader = createFrameReader()
    let step = 0
    sockets.push(socket)
    const say = (frame: object): boolean => socket.write(`${JSON.stringify(frame)}\n`)
    if (greeting) say(greeting)
    else socket.end()
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      for (const line of reader.push(bytes)) {
        received.push(JSON.parse(line))
        const answer = answers[step++]
        if (answer === 'hang up') socket.end()
        else answer?.forEach(say)
      }
    })
  })
  return new Promise((resolve) => server?.listen(context().paths.socket, resolve))
}

test('hello, request, progress and result', async () => {
  await serve(
    hello,
    [],
    [
      { id: 1, progress: { done: 1, total: 2, what: 'half' } },
      { id: 1, result: { ok: true } },
    ],
  )
  const progress: unknown[] = []
  const result = await request(context(), { op: 'toy', input: { a: 1 } }, { onProgress: (step) => progress.push(step) })
  expect({ result, progress }).toEqual({ result: { ok: true }, progress: [{ done: 1, total: 2, what: 'half' }] })
  expect(received).toEqual([
    { orch: PROTOCOL_VERSION, version: '1.0.0', common: { dev: expect.any(String), ino: expect.any(String) } },
    { id: 1, op: 'toy', input: { a: 1 } },
  ])
})

test('a refusal comes back with its code, text and data', async () => {
  const error = { code: 'record_not_found', message: 'x', hint: 'y', exit: 3, data: { kind: 'task', id: 't-1' } }
  await serve(hello, [], [{ id: 1, error }])
  await expect(request(context(), { op: 'toy' })).rejects.toMatchObject({
    code: 'record_not_found',
    message: 'There is no task "t-1"',
  })
})

test('[P1] a daemon that ends before it answers: nobody pretends to know, and nothing is sent twice', async () => {
  await serve(hello, [], 'hang up')
  await expect(request(context(), { op: 'toy' })).rejects.toMatchObject({
    code: 'daemon_unreachable',
    message: expect.stringContaining('may or may not'),
  })
  expect(received.filter((frame) => (frame as { op?: string }).op === 'toy')).toHaveLength(1)
})

test('where nobody listens, or hangs up before a hello, nobody is there', async () => {
  expect(await greet(context())).toBeUndefined()
  expect(await requestIfRunning(context(), 'status')).toBeUndefined()
  expect(await drain(context())).toBe(false)
  await serve(undefined)
  expect(await talk(context(), { id: 1, op: 'toy' })).toEqual({ type: 'absent' })
})

test('an older daemon is to be replaced', async () => {
  const data = { daemon: '0.9.0', client: '1.0.0' }
  const error = { code: 'daemon_other_version', message: '', hint: '', exit: 7, data }
  await serve({ ...hello, version: '0.9.0' }, [{ id: 0, replace: true, error }])
  expect(await talk(context(), { id: 1, op: 'toy' })).toMatchObject({
    type: 'replace',
    error: { code: 'daemon_other_version', message: 'The daemon is orch 0.9.0, this is orch 1.0.0' },
  })
})

test('a daemon of any version can be asked to end; its end is the end of the connection', async () => {
  const error = { code: 'daemon_other_version', message: '', hint: '', exit: 7, data: {} }
  await serve({ ...hello, version: '2.0.0' }, [{ id: 0, error }], [{ id: 0, result: { draining: true } }])
  let ended = false
  const draining = drain(context()).then((stopped) => {
    ended = true
    return stopped
  })
  await expect.poll(() => received.length).toBe(2)
  expect(ended).toBe(false)
  for (const socket of sockets) socket.destroy()
  expect(await draining).toBe(true)
})

test('a request over the limit is refused before it is sent', async () => {
  await serve(hello)
  const input = 'x'.repeat(MAX_FRAME_BYTES)
  await expect(request(context(), { op: 'toy', input })).rejects.toMatchObject({ code: 'too_large' })
  expect(received).toEqual([])
})
