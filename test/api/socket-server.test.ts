import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createDoor } from '../../src/api/door.ts'
import type { Operation, OperationContext } from '../../src/api/operation.ts'
import { type Activity, createFrameReader, MAX_FRAME_BYTES, PROTOCOL_VERSION } from '../../src/api/protocol.ts'
import { createSocketServer, type SocketServerParts } from '../../src/api/socket-server.ts'
import { OrchError } from '../../src/base/error.ts'
import { createLogger, type LogEntry } from '../../src/base/log.ts'
import type { Service } from '../../src/base/service.ts'

const common = { dev: '1', ino: '2' }
const person = { name: 'ada', type: 'person', verified: false } as const
const hello = { orch: PROTOCOL_VERSION, version: '1.2.0', common }

/** Frames as the test reads them. */
type Frame = Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } }

interface Peer {
  readonly socket: Socket
  say(...frames: readonly (object | string)[]): void
  next(): Promise<Frame>
}

let root: string
let path: string
let calls: string[]
let logged: LogEntry[]
let drains: number
let listeners: Set<(activity: Activity) => void>
let running: Service[]
let peers: Socket[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orch-socket-'))
  path = join(root, 'private', 'daemon.sock')
  calls = []
  logged = []
  drains = 0
  listeners = new Set()
  running = []
  peers = []
})

afterEach(async () => {
  for (const socket of peers) socket.destroy()
  await Promise.all(running.map((service) => service.stop()))
  rmSync(root, { recursive: true, force: true })
})

describe('hello', () => {
  test('hello and request travel in one write, and the answer comes back', async () => {
    await serve()
    const peer = await dial()
    peer.say(hello, { id: 7, op: 'toy.echo', input: { text: 'hi' } })
    expect(await peer.next()).toEqual({ orch: PROTOCOL_VERSION, version: '1.2.0', pid: process.pid })
    expect(await peer.next()).toEqual({
      id: 7,
      result: { text: 'hi', actor: { name: 'ada', type: 'person' }, session: null },
    })
  })

  test('a client from another repository gets a refusal, and nothing of it is executed, not even a drain', async () => {
    await serve()
    const peer = await greeted({ ...hello, common: { dev: '1', ino: '3' } })
    peer.say({ id: 1, op: 'toy.echo', input: { text: 'x' } }, { control: 'drain' })
    expect((await peer.next()).error?.code).toBe('daemon_other_repository')
    await roundTrip()
    expect({ calls, drains }).toEqual({ calls: ['round trip'], drains: 0 })
  })

  test('a newer client is told to replace the daemon, and may then drain it', async () => {
    await serve()
    const peer = await greeted({ ...hello, version: '1.10.0' })
    peer.say({ id: 1, op: 'toy.echo', input: { text: 'x' } })
    expect(await peer.next()).toMatchObject({ id: 0, replace: true, error: { code: 'daemon_other_version' } })
    peer.say({ control: 'drain' })
    expect(await peer.next()).toEqual({ id: 0, result: { draining: true } })
    expect({ calls, drains }).toEqual({ calls: [], drains: 1 })
  })

  test('a daemon whose repository was moved away is replaced by any client', async () => {
    await serve({ movedFrom: () => '/before/.git' })
    const peer = await dial()
    peer.say(hello, { id: 1, op: 'toy.echo', input: { text: 'hi' } }, { control: 'drain' })
    await peer.next()
    expect(await peer.next()).toMatchObject({ replace: true, error: { code: 'daemon_moved' } })
    expect(await peer.next()).toMatchObject({ result: { draining: true } })
    expect(drains).toBe(1)
  })

  test('an older client is served while it speaks the protocol, and refused when it does not', async () => {
    await serve()
    const speaking = await greeted({ ...hello, version: '1.1.0' })
    speaking.say({ id: 1, op: 'toy.echo', input: { text: 'x' } })
    expect(await speaking.next()).toMatchObject({ id: 1, result: { text: 'x' } })

    const silent = await greeted({ ...hello, version: '1.1.0', orch: PROTOCOL_VERSION - 1 })
    const refusal = await silent.next()
    expect(refusal.error?.code).toBe('daemon_other_version')
    expect(refusal).not.toHaveProperty('replace')
  })

  test('a first line that is no hello is refused', async () => {
    await serve()
    const peer = await greeted({ id: 1, op: 'toy.echo' })
    expect((await peer.next()).error?.code).toBe('usage')
  })
})

test('a conversation of protocol 1 reads as it is written down', async () => {
  const golden = readFileSync(new URL('../fixtures/handshake/v1.jsonl', import.meta.url), 'utf8')
  const lines = golden
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { client?: object; daemon?: object })
  await serve()
  const peer = await dial()
  for (const { client, daemon } of lines) {
    if (client) peer.say(client)
    else expect({ ...(await peer.next()) }).toEqual(withPid(daemon))
  }
})

/** The fixture cannot know the process. */
function withPid(frame: object | undefined): object {
  return frame && 'pid' in frame ? { ...frame, pid: process.pid } : (frame ?? {})
}

describe('requests', () => {
  test('many on one connection are all answered, each under its id', async () => {
    await serve()
    const peer = await greeted(hello)
    peer.say(...Array.from({ length: 1000 }, (_, id) => ({ id, op: 'toy.echo', input: { text: `n${id}` } })))
    const answers = await Promise.all(Array.from({ length: 1000 }, () => peer.next()))
    expect(answers.map(({ id, result }) => [id, (result as { text: string }).text])).toEqual(
      Array.from({ length: 1000 }, (_, id) => [id, `n${id}`]),
    )
  })

  test('the caller is passed on as it named itself', async () => {
    await serve()
    const peer = await greeted(hello)
    const actor = { name: 'claude', type: 'agent' }
    peer.say({ id: 1, op: 'toy.echo', input: { text: 'x' }, actor, session: 's-1' })
    expect(await peer.next()).toEqual({
      id: 1,
      result: { text: 'x', actor, session: 's-1' },
    })
    peer.say({ id: 2, op: 'toy.echo', input: { text: 'x' }, actor: { name: '\u001b[31m', type: 'agent' } })
    expect((await peer.next()).error).toMatchObject({ code: 'invalid_input', data: { field: 'actor' } })
  })

  test.each([
    ['an unknown operation, with the nearest', { op: 'toy.ecko' }, 'usage', 'did you mean toy.echo?'],
    ['a value of the wrong type, with the field', { input: { text: 1 } }, 'invalid_input', 'Invalid text'],
    ['an unknown field, with the nearest', { input: { texd: 'a' } }, 'invalid_input', 'did you mean text?'],
    ['input that is no object', { input: 'x' }, 'invalid_input', 'Invalid input'],
    ['a refusal of the operation', { op: 'toy.refuse' }, 'record_not_found', 'no task "t-1"'],
  ])('%s is answered with its error', async (_, request, code, text) => {
    await serve()
    const peer = await greeted(hello)
    peer.say({ id: 1, op: 'toy.echo', ...request })
    const { error } = await peer.next()
    expect(error?.code).toBe(code)
    expect(error?.message).toContain(text)
  })

  test('an unexpected failure is answered as internal and logged with its cause', async () => {
    await serve()
    const peer = await greeted(hello)
    peer.say({ id: 1, op: 'toy.fail' })
    expect((await peer.next()).error?.code).toBe('internal')
    expect(logged.filter(({ level }) => level !== 'debug')).toMatchObject([
      { level: 'error', fields: { op: 'toy.fail', error: expect.any(TypeError) } },
    ])
  })

  test('progress comes before the result', async () => {
    await serve()
    const peer = await greeted(hello)
    peer.say({ id: 3, op: 'toy.slow' })
    expect(await peer.next()).toEqual({ id: 3, progress: { done: 1, total: 2, what: 'half' } })
    expect(await peer.next()).toEqual({ id: 3, result: null })
  })

  test('a line that is no JSON costs the connection, not the daemon', async () => {
    await serve()
    const peer = await greeted(hello)
    peer.say('{broken')
    expect((await peer.next()).error?.code).toBe('usage')
    await once(peer.socket, 'close')
    await roundTrip()
  })

  test('a line over the limit is refused before it is complete', async () => {
    await serve()
    const peer = await greeted(hello)
    peer.socket.write(Buffer.alloc(MAX_FRAME_BYTES + 1, 'x'))
    expect((await peer.next()).error?.code).toBe('too_large')
    await once(peer.socket, 'close')
    await roundTrip()
  })
})

describe('activity', () => {
  test('a watcher hears what happens until it hangs up', async () => {
    await serve()
    const peer = await greeted(hello)
    peer.say({ id: 5, op: 'activity' })
    expect(await peer.next()).toMatchObject({ id: 5, progress: { what: 'listening' } })
    const event = { at: '2026-11-23T08:00:00Z', actor: 'ada', text: 't-1: todo -> review' }
    for (const listen of listeners) listen(event)
    expect(await peer.next()).toEqual({ id: 5, event })

    peer.socket.destroy()
    await expect.poll(() => listeners.size).toBe(0)
  })
})

describe('lifecycle', () => {
  test('connections wait while the daemon loads, and are answered when it is ready', async () => {
    let open = (): void => undefined
    await serve({ ready: new Promise<void>((resolve) => (open = resolve)) })
    const peer = await greeted(hello)
    peer.say({ id: 1, op: 'toy.echo', input: { text: 'x' } })
    await expect(Promise.race([peer.next(), nextTurns()])).resolves.toBe('nothing yet')
    open()
    expect(await peer.last()).toMatchObject({ id: 1, result: { text: 'x' } })
  })

  test('when the start fails, who waits is told why', async () => {
    await serve({ ready: Promise.reject(new OrchError('database_damaged', { reason: 'row 7' })) })
    const peer = await greeted(hello)
    peer.say({ id: 1, op: 'toy.echo', input: { text: 'x' } })
    expect((await peer.next()).error).toMatchObject({
      code: 'database_damaged',
      message: expect.stringContaining('row 7'),
    })
  })

  test('only its owner can reach the socket, and a stale one is no obstacle', async () => {
    await (await serve()).stop()
    writeFileSync(path, '')
    await serve()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
    await roundTrip()
  })

  test('stop answers what runs, refuses what comes after, and hangs up', async () => {
    const service = await serve()
    const peer = await greeted(hello)
    peer.say({ id: 1, op: 'toy.wait' })
    await expect.poll(() => calls).toEqual(['wait'])
    const stopped = service.stop()
    peer.say({ id: 2, op: 'toy.echo', input: { text: 'late' } })
    expect((await peer.next()).error?.code).toBe('daemon_stopping')
    release()
    expect(await peer.next()).toEqual({ id: 1, result: 'waited' })
    // What is still on its way was not run, and its caller may know.
    expect(await peer.next()).toMatchObject({ id: 0, error: { code: 'daemon_stopping' } })
    await stopped
    await once(peer.socket, 'close')
  })

  test('who asked it to drain is not hung up on: the end of the process is the news', async () => {
    const service = await serve()
    const peer = await greeted(hello)
    peer.say({ control: 'drain' })
    expect(await peer.next()).toMatchObject({ result: { draining: true } })
    await service.stop()
    await nextTurns()
    expect(peer.socket.readyState).toBe('open')
  })
})

test('frames are cut at line ends, however the bytes arrive', () => {
  const bytes = Buffer.from('{"a":"ü"}\n{"b":1}\n')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = createFrameReader()
    expect([...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))]).toEqual([
      '{"a":"ü"}',
      '{"b":1}',
    ])
  }
})

let release: () => void = () => undefined

const schema = z.object({ text: z.string() })
const none = z.object({})
const operations: readonly Operation[] = [
  toy('toy.echo', schema, (context, input) => {
    calls.push((input as { text: string }).text)
    const { name, type } = context.actor
    return { ...(input as object), actor: { name, type }, session: context.session ?? null }
  }),
  toy('toy.refuse', none, () => {
    throw new OrchError('record_not_found', { kind: 'task', id: 't-1' })
  }),
  toy('toy.fail', none, () => {
    throw new TypeError('not a function')
  }),
  toy('toy.slow', none, ({ progress }) => progress(1, 2, 'half')),
  toy('toy.wait', none, () => {
    calls.push('wait')
    return new Promise((resolve) => (release = () => resolve('waited')))
  }),
]

function toy(name: string, input: z.ZodType, run: Operation['run']): Operation {
  const cli = { command: name, positionals: [], view: { type: 'json' } as const, examples: [] }
  return { name, effect: 'read', role: 'reader', help: name, input, output: z.unknown(), cli, run }
}

async function serve(parts: Partial<SocketServerParts> = {}): Promise<Service> {
  const log = createLogger(
    (entry) => logged.push(entry),
    () => 0,
  )
  const service = createSocketServer({
    socket: path,
    common,
    movedFrom: () => undefined,
    version: '1.2.0',
    door: createDoor({
      operations,
      contextOf: ({ actor, session }, call) => ({ actor, session, ...call }) as unknown as OperationContext,
      ready: parts.ready ?? Promise.resolve(),
      monotonic: () => 0,
      note: () => undefined,
      log,
    }),
    person,
    ready: Promise.resolve(),
    attach: () => () => undefined,
    drain: () => drains++,
    activity(listen) {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
    log,
    ...parts,
  })
  running.push(service)
  await service.start()
  return service
}

async function dial(): Promise<Peer & { last(): Promise<Frame> }> {
  const socket = connect(path)
  peers.push(socket)
  const reader = createFrameReader()
  const waiting: ((frame: Frame) => void)[] = []
  const frames: Frame[] = []
  let latest: Promise<Frame> | undefined
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    for (const line of reader.push(bytes)) {
      const frame = JSON.parse(line) as Frame
      const wake = waiting.shift()
      if (wake) wake(frame)
      else frames.push(frame)
    }
  })
  await once(socket, 'connect')
  return {
    socket,
    say: (...lines) =>
      socket.write(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')),
    next() {
      const frame = frames.shift()
      latest = frame ? Promise.resolve(frame) : new Promise((resolve) => waiting.push(resolve))
      return latest
    },
    last: () => latest ?? Promise.reject(new Error('nothing was awaited')),
  }
}

/** A connection that has said hello and read the daemon's. */
async function greeted(line: object): Promise<Awaited<ReturnType<typeof dial>>> {
  const peer = await dial()
  peer.say(line)
  await peer.next()
  return peer
}

/** Proves that the server still works, and that everything sent before is through. */
async function roundTrip(): Promise<void> {
  const peer = await greeted(hello)
  peer.say({ id: 9, op: 'toy.echo', input: { text: 'round trip' } })
  expect(await peer.next()).toMatchObject({ id: 9, result: { text: 'round trip' } })
}

async function nextTurns(): Promise<string> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve))
  return 'nothing yet'
}
