import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { createDoor } from '../../../src/api/door.ts'
import { camelCase } from '../../../src/api/graphql/derive.ts'
import { createGraphqlMount, createGraphqlServer } from '../../../src/api/graphql/mount.ts'
import { createGraphqlSchema } from '../../../src/api/graphql/schema.ts'
import { createMcpMount } from '../../../src/api/mcp/mount.ts'
import { tools } from '../../../src/api/mcp/tools.ts'
import type { Operation } from '../../../src/api/operation.ts'
import { operationsOf } from '../../../src/api/operations.ts'
import { createFrameReader, PROTOCOL_VERSION } from '../../../src/api/protocol.ts'
import { createSocketServer } from '../../../src/api/socket-server.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { OrchError } from '../../../src/base/error.ts'
import { silentLogger } from '../../../src/base/log.ts'
import type { Service } from '../../../src/base/service.ts'
import type { RecordId } from '../../../src/model/id.ts'
import { task } from '../../../src/model/kinds/task.ts'
import { builtInKinds } from '../../../src/model/kinds.ts'
import { parseScope } from '../../../src/model/principal.ts'
import { type Decoded, decodeFrame, encodeFrame } from '../../../src/peers/frames.ts'
import { type DaemonInMemory, startDaemonInMemory } from '../../helpers/daemon-in-memory.ts'
import { alice, byAlice } from '../../helpers/project.ts'
import { createRandom } from '../../helpers/random.ts'
import { createCaller } from '../operations-caller.ts'

/**
 * Who may do what, by which way. Each cell is asked on the real surface. An operation is called with an input that no
 * operation takes: it is refused as such where the caller may call it, and as forbidden where not, and nothing runs.
 *
 * To add a surface, add it to `surfaces`: how one caller asks for one operation, and the code of what comes of it.
 */
interface Surface {
  readonly name: string
  readonly callers: readonly Caller[]
  /** The code of the refusal of a call with a nonsensical input. */
  ask(daemon: DaemonInMemory, caller: Caller, operation: string): Promise<string>
}

type Caller =
  | 'reader'
  | 'writer'
  | 'admin'
  | 'replica'
  | 'scoped'
  | 'expired'
  | 'revoked'
  | 'stranger'
  | 'nobody'
  | 'person'
  | 'named'

/** What each caller's calls of operations of each role come to; of those on files of this machine where that is something else. */
const EXPECTED: Readonly<
  Record<Caller, Readonly<Record<Operation['role'], string> & { readonly local: string | undefined }>>
> = {
  reader: { reader: 'may', writer: 'forbidden', admin: 'forbidden', local: 'forbidden' },
  writer: { reader: 'may', writer: 'may', admin: 'forbidden', local: 'forbidden' },
  admin: { reader: 'may', writer: 'may', admin: 'may', local: 'forbidden' },
  replica: { reader: 'may', writer: 'may', admin: 'forbidden', local: 'forbidden' },
  scoped: { reader: 'may', writer: 'may', admin: 'forbidden', local: 'forbidden' },
  expired: { reader: 'unauthorized', writer: 'unauthorized', admin: 'unauthorized', local: 'unauthorized' },
  revoked: { reader: 'unauthorized', writer: 'unauthorized', admin: 'unauthorized', local: 'unauthorized' },
  stranger: { reader: 'unauthorized', writer: 'unauthorized', admin: 'unauthorized', local: 'unauthorized' },
  nobody: { reader: 'unauthorized', writer: 'unauthorized', admin: 'unauthorized', local: 'unauthorized' },
  person: { reader: 'may', writer: 'may', admin: 'may', local: undefined },
  named: { reader: 'may', writer: 'may', admin: 'forbidden', local: undefined },
}

const NONSENSE = { 'no such field': 1 }
const operations = operationsOf(builtInKinds)
const outside: readonly Caller[] = [
  'reader',
  'writer',
  'admin',
  'replica',
  'scoped',
  'expired',
  'revoked',
  'stranger',
  'nobody',
]

const http: Surface = {
  name: 'HTTP',
  callers: outside,
  async ask({ front }, caller, operation) {
    const token = texts.get(caller)
    const answer = await fetch(`${front.url}/api/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(NONSENSE),
    })
    return ((await answer.json()) as { error: { code: string } }).error.code
  },
}

const socket: Surface = {
  name: 'the local socket',
  callers: ['person', 'named'],
  ask: (_, caller, op) =>
    new Promise((resolve, reject) => {
      const reader = createFrameReader()
      const stream = connect(socketPath)
      stream.on('error', reject)
      stream.on('data', (bytes) => {
        for (const line of reader.push(bytes)) {
          const frame = JSON.parse(line) as { id?: number; error?: { code: string } }
          if (frame.id !== 1) continue
          stream.destroy()
          resolve(frame.error?.code ?? 'no refusal')
        }
      })
      const actor = caller === 'named' ? { actor: { name: 'claude', type: 'agent' } } : {}
      for (const line of [
        { orch: PROTOCOL_VERSION, version: '1', common },
        { id: 1, op, input: NONSENSE, ...actor },
      ]) {
        stream.write(`${JSON.stringify(line)}\n`)
      }
    }),
}

/** A field without what it needs: its arguments are filled with whatever their types take. */
const graphql: Surface = {
  name: 'GraphQL',
  callers: outside,
  async ask({ front }, caller, operation) {
    const name = camelCase(operation)
    const query = schema.getQueryType()?.getFields()[name]
    const field = query ?? schema.getMutationType()?.getFields()[name]
    // What is about files of the caller's machine is not in the schema at all.
    const call = field ? callOf(field) : name
    const token = texts.get(caller)
    const answer = await fetch(`${front.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query: `${field && !query ? 'mutation' : 'query'} { ${call} }` }),
    })
    const body = (await answer.json()) as {
      error?: { code: string }
      errors?: { message: string; extensions?: { code?: string } }[]
    }
    const [error] = body.errors ?? []
    if (!field && error?.message.startsWith('Cannot query field')) return 'forbidden'
    return body.error?.code ?? error?.extensions?.code ?? JSON.stringify(body)
  },
}

function callOf(field: GraphQLField<unknown, unknown>): string {
  const given = field.args.filter(({ type }) => isNonNullType(type)).map(({ name, type }) => `${name}: ${some(type)}`)
  const selection = isLeafType(getNamedType(field.type)) ? '' : ' { __typename }'
  return `${field.name}${given.length > 0 ? `(${given.join(', ')})` : ''}${selection}`
}

function some(type: GraphQLInputType): string {
  if (isNonNullType(type)) return some(type.ofType)
  if (isListType(type)) return `[${some(type.ofType)}]`
  if (isEnumType(type)) return type.getValues()[0]?.name ?? ''
  return { Int: '1', Float: '1', Boolean: 'true', JSON: '{}' }[getNamedType(type).name] ?? '"x"'
}

const surfaces: readonly Surface[] = [http, socket, graphql]
/** Where it is asked without an input that is refused as such: what may be called does nothing but say so. */
const harmless: readonly Operation[] = operations.map((operation) => ({
  ...operation,
  run: () => {
    throw new OrchError('invalid_input', { field: 'all', reason: 'this only asks who may' })
  },
}))
const nothing = {
  have: () => ({}),
  onCommit: () => () => undefined,
  changedSince: () => ({ items: [], upto: {}, more: false }),
}
const schemaParts = {
  kinds: builtInKinds,
  operations,
  streams: { project: nothing, onPresence: () => () => undefined },
}
const schema = createGraphqlSchema(schemaParts)

const common = { dev: '1', ino: '2' }
const dir = mkdtempSync(join(tmpdir(), 'orch-table-'))
const socketPath = join(dir, 'private', 'daemon.sock')
const texts = new Map<Caller, string>()
let daemon: DaemonInMemory
let sockets: Service

beforeAll(async () => {
  daemon = await startDaemonInMemory((realDoor) => {
    const door = createDoor({
      operations: harmless,
      contextOf: () => ({ project: daemon.project, parts: createCaller().parts }) as never,
      ready: Promise.resolve(),
      monotonic: () => 0,
      note: () => undefined,
      log: silentLogger,
    })
    return [
      {
        path: '/graphql',
        load: async () =>
          createGraphqlMount(
            createGraphqlServer({ ...schemaParts, door, readerIntrospection: true, log: silentLogger }),
          ),
      },
      {
        path: '/live',
        async load() {
          const server = createGraphqlServer({
            ...schemaParts,
            door: realDoor,
            readerIntrospection: true,
            log: silentLogger,
          })
          const handle = createGraphqlMount(server)
          return (request, ...rest) => handle(new Request(request.url.replace('/live', '/graphql'), request), ...rest)
        },
      },
      {
        path: '/mcp',
        load: async (stopping) =>
          createMcpMount({
            door: realDoor,
            operations,
            activity: () => () => undefined,
            attach: () => () => undefined,
            clock: systemClock,
            random: createRandom(5),
            version: '1',
            stopping,
          }),
      },
    ]
  })
  for (const role of ['reader', 'writer', 'admin', 'replica'] as const) texts.set(role, daemon.token({ role }))
  texts.set('scoped', daemon.token({ role: 'writer', scopes: [{ kind: 'task', label: 'ui' }, { kind: 'log' }] }))
  texts.set('expired', daemon.token({ role: 'admin', expiresAt: 1 }))
  texts.set('revoked', daemon.token({ role: 'admin', name: 'revoked' }))
  daemon.tokens.revoke('revoked')
  texts.set('stranger', daemon.stranger)
  sockets = createSocketServer({
    socket: socketPath,
    common,
    movedFrom: () => undefined,
    version: '1',
    door: daemon.door,
    person: alice,
    ready: Promise.resolve(),
    drain: () => undefined,
    attach: () => () => undefined,
    activity: () => () => undefined,
    log: silentLogger,
  })
  await sockets.start()
})
afterAll(async () => {
  await sockets.stop()
  await daemon.stop()
  rmSync(dir, { recursive: true, force: true })
})

describe.each(surfaces)('operations by $name', ({ ask, callers }) => {
  test.each(callers)('a caller who is: %s', async (caller) => {
    const wrong: string[] = []
    const check = async ({ name, role, cli }: Operation): Promise<void> => {
      const wanted = (cli.paths && EXPECTED[caller].local) ?? EXPECTED[caller][role]
      const got = await ask(daemon, caller, name)
      // Whose input is looked at may call.
      if (got !== (wanted === 'may' ? 'invalid_input' : wanted)) wrong.push(`${name}: ${got}, not ${wanted}`)
    }
    await Promise.all(operations.map(check))
    expect(wrong).toEqual([])
  })
})

describe('tools of MCP', () => {
  const READERS = ['reader', 'writer', 'admin', 'replica', 'scoped'] as const
  test.each(outside)('a caller who is: %s', async (caller) => {
    const id = await daemon.project.transact(byAlice, (tx) => tx.create(task, { title: 'before', labels: ['ui'] }))
    const post = (body: object, session?: string) =>
      fetch(`${daemon.front.url}/mcp`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(texts.has(caller) && { authorization: `Bearer ${texts.get(caller)}` }),
          ...(session !== undefined && { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      })
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
    const hello = await post({ id: 0, method: 'initialize', params })
    if (!(READERS as readonly string[]).includes(caller)) return expect(hello.status).toBe(401)
    const session = hello.headers.get('mcp-session-id') ?? ''
    await post({ method: 'notifications/initialized' }, session)
    const outcomes: Record<string, string> = {}
    for (const { name, annotations } of tools) {
      if (name === 'wait') continue
      const args = ARGUMENTS[name] ?? {}
      const filled = Object.fromEntries(Object.entries(args).map(([key, value]) => [key, value === 'ID' ? id : value]))
      const answer = await post({ id: 1, method: 'tools/call', params: { name, arguments: filled } }, session)
      const text = await answer.text()
      outcomes[name] = /forbidden/.test(text) ? 'forbidden' : 'may'
      const isRefused = caller === 'reader' && annotations.readOnly !== true
      // What is not tasks or the work log is outside its scopes; what of that needs nothing written is not.
      if (caller === 'scoped' && !SCOPED.includes(name)) continue
      expect(`${name}: ${outcomes[name]} ${text.slice(0, 300)}`).toMatch(isRefused ? /: forbidden/ : /: may/)
    }
  })
})

const SCOPED: readonly string[] = ['context', 'find', 'get', 'create', 'update', 'edit', 'log']
/** What each tool that writes needs to get as far as its operation. */
const ARGUMENTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  create: { title: 'x', fields: { labels: ['ui'] } },
  update: { id: 'ID', fields: { priority: 'high' } },
  edit: { id: 'ID', append: 'x' },
  release: { id: 'ID' },
  publish: { type: 'note', title: 'x' },
  log: { action: 'x' },
  session: { do: 'end' },
  get: { ids: ['ID'] },
}

test('no operation that writes is for readers', () => {
  expect(
    operations.filter(({ effect, role }) => effect === 'write' && role === 'reader').map(({ name }) => name),
  ).toEqual([])
})

/** What each caller's messages in the room come to. */
const ROOM: Readonly<Record<'reader' | 'writer' | 'admin' | 'replica' | 'scoped', Readonly<Record<string, string>>>> = {
  reader: { step1: 'answered', step2: 'refused', update: 'refused', awareness: 'shown', rows: 'refused' },
  writer: { step1: 'answered', step2: 'written', update: 'written', awareness: 'shown', rows: 'refused' },
  admin: { step1: 'answered', step2: 'written', update: 'written', awareness: 'shown', rows: 'linked' },
  replica: { step1: 'answered', step2: 'written', update: 'written', awareness: 'shown', rows: 'linked' },
  scoped: { step1: 'answered', step2: 'refused', update: 'refused', awareness: 'shown', rows: 'refused' },
}

describe('messages in the room', () => {
  const cells = Object.entries(ROOM).flatMap(([caller, row]) =>
    Object.entries(row).map(([message, expected]) => [caller as Caller, message, expected] as const),
  )

  test.each(cells)('[R3] %s, %s: %s', async (caller, message, expected) => {
    const { project, room } = daemon
    const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'before', labels: ['ui'] }))
    const titleNow = () => project.read(task, id)?.values.title
    const member = await enter(texts.get(caller) ?? '')
    const doc = new Y.Doc()
    member.send({ type: 'step1', stateVector: Y.encodeStateVector(doc) })
    const answer = await member.until('step2')
    if (answer.type === 'step2') Y.applyUpdate(doc, answer.update)
    const before = Y.encodeStateVector(doc)
    doc.getMap<Y.Map<unknown>>('tasks').get(id)?.set('title', 'mine')
    const update = Y.encodeStateAsUpdate(doc, before)

    const outcome = async (): Promise<string> => {
      switch (message) {
        case 'step1':
          return 'answered'
        case 'awareness': {
          const state = { user: { name: 'somebody else' } }
          member.send({
            type: 'awareness',
            entries: [{ client: doc.clientID, clock: 1, state: JSON.stringify(state) }],
          })
          await expect.poll(() => room.presence().map(({ client }) => client)).toContain(doc.clientID)
          const shown = room.presence().find(({ client }) => client === doc.clientID)
          return shown?.actor.name === 'somebody else' ? 'spoofed' : 'shown'
        }
        case 'rows': {
          const hello = { project, replica: 'r-7', instance: 'n-7', pristine: false, have: {} }
          const fresh = await enter(texts.get(caller) ?? '')
          fresh.send({ type: 'hello', ...hello })
          const end = await Promise.race([fresh.until('hello').then(() => 'linked'), fresh.closed])
          fresh.close()
          return end === 'linked' ? 'linked' : end === 4403 ? 'refused' : String(end)
        }
        default: {
          member.send({ type: message as 'step2' | 'update', update })
          const end = await Promise.race([
            member.closed,
            expect
              .poll(titleNow)
              .toBe('mine')
              .then(() => 'written'),
          ])
          return end === 4403 && titleNow() === 'before' ? 'refused' : String(end)
        }
      }
    }
    expect(await outcome()).toBe(expected)
    member.close()
  })

  test.each(['expired', 'revoked', 'stranger', 'nobody'] as const)('[R13] %s does not get in', async (caller) => {
    expect(await (await enter(texts.get(caller) ?? 'none')).closed).toBe(4401)
  })
})

/** A write by each surface of whoever has a token: what of it is forbidden. */
const WRITES: Readonly<Record<string, (token: string, id: string, of: 'task' | 'state') => Promise<string>>> = {
  HTTP: (token, id, of) =>
    of === 'task'
      ? post('/api/task.update', token, { id, priority: 'high' })
      : post('/api/state.set', token, { key: 'phase', value: 'x' }),
  GraphQL: (token, id, of) =>
    post('/live', token, {
      query:
        of === 'task'
          ? `mutation { taskUpdate(id: "${id}", priority: "high") { id } }`
          : 'mutation { stateSet(key: "phase", value: "x") { key } }',
    }),
  MCP: async (token, id, of) => {
    const hello = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
    const headers = { accept: 'application/json, text/event-stream' }
    const opened = await fetch(`${daemon.front.url}/mcp`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: hello }),
    })
    if (opened.status !== 200) return opened.status === 401 ? 'unauthorized' : String(opened.status)
    const session = opened.headers.get('mcp-session-id') ?? ''
    const params =
      of === 'task'
        ? { name: 'update', arguments: { id, fields: { priority: 'high' } } }
        : { name: 'publish', arguments: { type: 'note', title: 'x' } }
    return post(
      '/mcp',
      token,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
      { ...headers, 'mcp-session-id': session },
    )
  },
}

async function post(path: string, token: string, body: object, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(daemon.front.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  const isDone = answer.status === 200 && !/error/i.test(text)
  return /forbidden|unauthorized/.exec(text)?.[0] ?? (isDone ? 'may' : `${answer.status} ${text}`)
}

describe.each(Object.entries(WRITES))('scopes by %s', (_, write) => {
  test.each([
    ['task', ['may', 'may', 'forbidden']],
    ['task:ui', ['may', 'forbidden', 'forbidden']],
    ['log', ['forbidden', 'forbidden', 'forbidden']],
  ] as const)('a token for %s: a task with the label, one without, and another kind', async (scope, expected) => {
    const [ours, other] = await Promise.all(
      [['ui'], ['db']].map((labels) =>
        daemon.project.transact(byAlice, (tx) => tx.create(task, { title: 'a', labels })),
      ),
    )
    const token = daemon.token({ role: 'writer', scopes: [parseScope(scope)] })
    const got = [
      await write(token, String(ours), 'task'),
      await write(token, String(other), 'task'),
      await write(token, '', 'state'),
    ]
    expect(got).toEqual(expected)
    const priorities = [ours, other].map((id) => daemon.project.read(task, id as RecordId)?.values.priority === 'high')
    expect(priorities).toEqual([expected[0] === 'may', expected[1] === 'may'])
  })
})

describe.each([
  ['revoked', (name: string) => daemon.tokens.revoke(name), undefined],
  ['rotated', (name: string) => daemon.tokens.rotate(name), undefined],
  ['expired', () => undefined, 1_500],
] as const)('a token that is %s while it is in use', (_, end, after) => {
  let made = 0
  test("[R13] closes its room, its stream and its idle connections, is no use on any surface, and nobody else's is", async () => {
    const { front, token } = daemon
    const name = `mallory-${_}-${++made}`
    const expiresAt = after === undefined ? {} : { expiresAt: systemClock.now() + after }
    const text = token({ role: 'writer', name, ...expiresAt })
    const id = await daemon.project.transact(byAlice, (tx) => tx.create(task, { title: 'a', labels: ['ui'] }))
    const member = await enter(text)
    const other = await enter(texts.get('writer') ?? '')
    const stream = await fetch(`${front.url}/api/changes`, { headers: { authorization: `Bearer ${text}` } })
    const reader = stream.body?.getReader()
    await reader?.read()
    end(name)
    expect(await member.closed).toBe(4401)
    await expect(reader?.read().then((part) => part.done)).rejects.toThrow()
    expect(await (await enter(text)).closed).toBe(4401)
    for (const write of Object.values(WRITES)) expect(await write(text, id, 'task')).toBe('unauthorized')
    other.send({ type: 'step1', stateVector: Uint8Array.of(0) })
    await other.until('step2')
    other.close()
  })
})

type Frame = Parameters<typeof encodeFrame>[0]

/** A connection to the room that reads what it is told. */
async function enter(token: string) {
  const ws = new WebSocket(`${daemon.front.url.replace('http', 'ws')}/sync/${daemon.project.name}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const got: Decoded[] = []
  const waiting: (() => void)[] = []
  ws.on('message', (data: Buffer) => {
    got.push(decodeFrame(new Uint8Array(data)))
    for (const wake of waiting.splice(0)) wake()
  })
  const closed = new Promise<number>((resolve) => ws.on('close', resolve))
  await new Promise<void>((resolve, reject) => ws.on('open', resolve).on('error', reject))
  return {
    closed,
    send: (frame: Frame) => ws.send(encodeFrame(frame)),
    close: () => ws.close(),
    async until(type: Decoded['type']): Promise<Decoded> {
      for (;;) {
        const found = got.find((frame) => frame.type === type)
        if (found) return found
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}
