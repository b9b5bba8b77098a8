import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFrameReader, PROTOCOL_VERSION, type Request } from '../../src/api/protocol.ts'
import { pathsOf, socketPlace } from '../../src/base/repository.ts'
import { type Connection, createConnection } from '../../src/cli/connection.ts'
import type { RepositoryContext } from '../../src/cli/context.ts'

type Handle = (request: Request, say: (frame: object) => void, socket: Socket) => void

let root: string
let servers: Server[]
let connections: Connection[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orch-connection-'))
  mkdirSync(join(root, '.git', 'orch'), { recursive: true })
  servers = []
  connections = []
})

afterEach(() => {
  for (const connection of connections) connection.close()
  for (const server of servers) server.close()
  rmSync(root, { recursive: true, force: true })
})

function context(): RepositoryContext {
  const commonDir = join(root, '.git')
  const repository = { worktree: root, mainWorktree: root, commonDir, isBare: false, isLinked: false }
  return { version: '1.0.0', repository, paths: pathsOf(repository, socketPlace({})) } as RepositoryContext
}

function connectionTo(parts?: Parameters<typeof createConnection>[1]): Connection {
  const connection = createConnection(context(), parts)
  connections.push(connection)
  return connection
}

/** A daemon that says hello and handles requests; `end` is its end, with all its connections. */
async function daemon(handle: Handle): Promise<{ end(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const reader = createFrameReader()
    const say = (frame: object): boolean => socket.write(`${JSON.stringify(frame)}\n`)
    sockets.add(socket)
    socket.on('error', () => undefined)
    say({ orch: PROTOCOL_VERSION, version: '1.0.0', pid: 1 })
    socket.on('data', (bytes: Buffer) => {
      for (const line of reader.push(bytes)) {
        const frame = JSON.parse(line)
        if ('op' in frame) handle(frame, say, socket)
      }
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(context().paths.socket, resolve))
  return {
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const answering: Handle = ({ id, op, input }, say) => say({ id, result: { op, input } })

test('many requests go over one connection, and each gets its own answer', async () => {
  const held: (() => void)[] = []
  await daemon(({ id, input }, say) => held.push(() => say({ id, result: input })))
  const connection = connectionTo()
  const asked = [1, 2, 3].map((input) => connection.request({ op: 'toy', input }, { effect: 'read' }))
  await expect.poll(() => held.length).toBe(3)
  for (const answer of held.reverse()) answer()
  expect(await Promise.all(asked)).toEqual([1, 2, 3])
})

test('[P1] a read whose daemon dies is asked again of the next; a change is not, and says so', async () => {
  const ops: string[] = []
  const first = await daemon(({ op }) => ops.push(op))
  const connection = connectionTo()
  const read = connection.request({ op: 'read' }, { effect: 'read' })
  const write = connection.request({ op: 'write' }, { effect: 'write' })
  const refused = expect(write).rejects.toMatchObject({ message: expect.stringContaining('may or may not') })
  await expect.poll(() => ops).toEqual(['read', 'write'])
  await first.end()
  await daemon(({ id, op }, say) => {
    ops.push(op)
    say({ id, result: 'again' })
  })
  expect(await read).toBe('again')
  await refused
  expect(ops).toEqual(['read', 'write', 'read'])
})

test('[P1] a change that a stopping daemon did not take is asked of the next', async () => {
  const error = { code: 'daemon_stopping', message: '', hint: '', exit: 7, data: {} }
  const first = await daemon(({ id }, say) => {
    say({ id, error })
    void first.end().then(() => daemon(answering))
  })
  const asked = await connectionTo().request({ op: 'write', input: 1 }, { effect: 'write' })
  expect(asked).toEqual({ op: 'write', input: 1 })
})

test('who it is is said first, to every daemon', async () => {
  const ops: string[] = []
  const handle: Handle = ({ id, op }, say) => {
    ops.push(op)
    say({ id, result: null })
  }
  const first = await daemon(handle)
  const connection = connectionTo({ greet: async (ask) => void (await ask({ op: 'hello' })) })
  await connection.request({ op: 'a' }, { effect: 'read' })
  await connection.request({ op: 'b' }, { effect: 'read' })
  await first.end()
  await daemon(handle)
  await connection.request({ op: 'c' }, { effect: 'read' })
  expect(ops).toEqual(['hello', 'a', 'b', 'hello', 'c'])
})

test('who follows hears the next daemon too, and that something may have been missed', async () => {
  const streams: { say: (frame: object) => void; id: number }[] = []
  const handle: Handle = ({ id, op }, say) => {
    if (op !== 'activity') return say({ id, result: null })
    say({ id, progress: { done: 0, total: 0, what: 'listening' } })
    streams.push({ say, id })
  }
  const heard: string[] = []
  const first = await daemon(handle)
  const stop = connectionTo().follow({
    onEvent: ({ text }) => heard.push(text),
    onListening: (again) => heard.push(again ? 'again' : 'listening'),
  })
  await expect.poll(() => heard).toEqual(['listening'])
  await first.end()
  await daemon(handle)
  await expect.poll(() => heard, { timeout: 5000 }).toEqual(['listening', 'again'])
  const [, second] = streams
  second?.say({ id: second.id, event: { at: '', actor: 'ada', text: 'changed' } })
  await expect.poll(() => heard).toEqual(['listening', 'again', 'changed'])
  stop()
  second?.say({ id: second.id, event: { at: '', actor: 'ada', text: 'unheard' } })
  await new Promise(setImmediate)
  expect(heard).toHaveLength(3)
})

test('a call that is cancelled is not waited for', async () => {
  const ops: string[] = []
  await daemon(({ op }) => ops.push(op))
  const controller = new AbortController()
  const asked = connectionTo().request({ op: 'wait' }, { effect: 'read', signal: controller.signal })
  const refused = expect(asked).rejects.toMatchObject({ message: expect.stringContaining('cancelled') })
  await expect.poll(() => ops).toEqual(['wait'])
  controller.abort()
  await refused
})
