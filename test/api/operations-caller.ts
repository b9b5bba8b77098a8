import { type Agents, type AgentsParts, createAgents } from '../../src/agents/agents.ts'
import type { Tokens } from '../../src/api/access/tokens.ts'
import type { AgentParts } from '../../src/api/agent-parts.ts'
import { parseInput } from '../../src/api/input.ts'
import type {
  CodeMentions,
  CommitMoment,
  Operation,
  OperationContext,
  Parts,
  PeerInfo,
  SnapshotInfo,
  Status,
} from '../../src/api/operation.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { loadTokenCounter } from '../../src/api/tokens.ts'
import { must } from '../../src/base/assert.ts'
import { OrchError } from '../../src/base/error.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { Actor } from '../../src/model/actor.ts'
import type { AttentionItem } from '../../src/model/attention.ts'
import type { Kinds } from '../../src/model/kind-set.ts'
import { alice, createTestProject, type TestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { createTestTokens } from '../helpers/tokens.ts'

export interface Caller extends TestProject {
  /** Runs an operation as every surface does: input checked, and the answer held to the operation's own output. */
  call(name: string, input?: Readonly<Record<string, unknown>>): Promise<Answer>
  /** The code and data of the refusal of a call. */
  refusal(name: string, input?: Readonly<Record<string, unknown>>): Promise<{ code: string; data: unknown }>
  /** The refusal itself. */
  error(name: string, input?: Readonly<Record<string, unknown>>): Promise<OrchError>
  /** The same, called by somebody else. */
  as(actor: Actor, session?: string): Caller
  readonly parts: MemoryParts
}

/** What comes back, as JSON. */
export type Answer = Readonly<Record<string, unknown>>

/** Operations on a real project; the services around it are plain lists. */
export function createCaller(kinds?: Kinds): Caller {
  const test = createTestProject(kinds && { kinds })
  return callerOf(test, createMemoryParts(createTestAgents(test), createTestTokens(test).tokens), alice)
}

const tables = new WeakMap<Kinds, readonly Operation[]>()

/** Making the table takes longer than most calls. */
function tableOf(kinds: Kinds): readonly Operation[] {
  const table = tables.get(kinds) ?? operationsOf(kinds)
  tables.set(kinds, table)
  return table
}

/** The real claims of a project whose replica stands alone. */
export function createTestAgents(
  { project, database, clock }: TestProject,
  wasHere?: (replica: string) => boolean,
  more: Partial<AgentsParts> = {},
): Agents {
  const agents = createAgents({
    db: database,
    project,
    clock,
    random: createRandom(7),
    log: silentLogger,
    graceMs: 60_000,
    idleMs: 600_000,
    ask: (replica) => Promise.reject(new Error(`nobody knows ${replica}`)),
    sessions: { end: () => Promise.resolve(), resume: () => Promise.resolve() },
    ...(wasHere && { wasHere }),
    ...more,
  })
  project.onCommit(agents.claims.note)
  return agents
}

function callerOf(test: TestProject, parts: MemoryParts, actor: Actor, session?: string): Caller {
  const context: OperationContext = {
    project: test.project,
    actor,
    session,
    clock: test.clock,
    parts,
    progress: () => undefined,
    signal: new AbortController().signal,
  }
  const call = async (name: string, input: Readonly<Record<string, unknown>> = {}): Promise<Answer> => {
    const operation = must(
      tableOf(test.project.kinds).find((one) => one.name === name),
      `no operation ${name}`,
    )
    const output = await operation.run(context, parseInput(operation.input, input))
    operation.output.parse(output)
    return JSON.parse(JSON.stringify(output)) as Answer
  }
  const error = async (name: string, input?: Readonly<Record<string, unknown>>): Promise<OrchError> => {
    try {
      await call(name, input)
    } catch (thrown) {
      if (thrown instanceof OrchError) return thrown
      throw thrown
    }
    throw new Error(`${name} was not refused`)
  }
  return {
    ...test,
    parts,
    call,
    error,
    as: (other, within) => callerOf(test, parts, other, within),
    async refusal(name, input) {
      const { code, data } = await error(name, input)
      return { code, data }
    },
  }
}

interface MemoryParts extends Parts {
  readonly agents: AgentParts & Agents
  readonly commits: Map<string, CommitMoment>
  readonly mentions: Map<string, CodeMentions>
  readonly calls: string[]
  readonly peerList: PeerInfo[]
  next: SnapshotInfo | undefined
  remoteName: string | undefined
  trouble: readonly AttentionItem[]
}

export function createMemoryParts(
  agents: Agents,
  tokens: Tokens = createTestTokens(createTestProject()).tokens,
): MemoryParts {
  const calls: string[] = []
  const peerList: PeerInfo[] = []
  const parts: MemoryParts = {
    commits: new Map(),
    mentions: new Map(),
    calls,
    peerList,
    next: undefined,
    remoteName: undefined,
    trouble: [],
    agents: { ...agents, countTokens: loadTokenCounter },
    snapshots: {
      take(message) {
        calls.push(`take ${message ?? ''}`.trim())
        return Promise.resolve(parts.next)
      },
      history({ id, limit }) {
        calls.push(`history ${id ?? 'all'} ${limit}`)
        return Promise.resolve(parts.next ? [parts.next] : [])
      },
      moment: (revision) => Promise.resolve(parts.commits.get(revision)),
    },
    code: { mentions: (id) => Promise.resolve(parts.mentions.get(id)) },
    mirror: {
      sync() {
        calls.push('sync')
        return Promise.resolve()
      },
      list: () => [{ dir: '/demo/orch', worktree: '/demo', main: true }],
      add: (worktree) => Promise.resolve({ dir: `${worktree}/orch`, worktree, main: false }),
      remove: () => Promise.resolve({ removed: 1, kept: [] }),
    },
    attention: {
      list: () => parts.trouble,
      settle(id, way) {
        calls.push(`settle ${id} ${way}`)
        return Promise.resolve(`${way}: done`)
      },
    },
    remote: {
      set(name) {
        parts.remoteName = name
        return Promise.resolve()
      },
      sync() {
        calls.push('sync git')
        return Promise.resolve({ remote: 'origin', commit: 'abc', received: true, sent: false })
      },
      state: () =>
        parts.remoteName === undefined
          ? undefined
          : { name: parts.remoteName, state: 'synced', since: '2026-11-23T08:00:00.000Z' },
    },
    peers: {
      add({ name, url }) {
        peerList.push({ name, url, state: 'connecting', since: '2026-11-23T08:00:00.000Z' })
        return Promise.resolve()
      },
      remove(name) {
        peerList.splice(
          peerList.findIndex((peer) => peer.name === name),
          1,
        )
        return Promise.resolve()
      },
      list: () => peerList,
    },
    sql: () => Promise.resolve({ columns: ['n', 'title'], rows: [[1, 'a']], more: true }),
    tokens,
    audit: { read: () => [] },
    daemon: {
      status: () => Promise.resolve(STATUS),
      doctor: () => Promise.resolve([{ check: 'index', ok: false, detail: 'one row differs' }]),
    },
  }
  return parts
}

export const STATUS: Status = {
  pid: 7,
  version: '0.1.0',
  project: { id: 'pr', name: 'demo' },
  replica: 'r1',
  url: 'http://127.0.0.1:1',
  websocket: 'ws://127.0.0.1:1/sync/demo',
  mirror: '/demo/orch',
  linkedMirrors: [],
  fileAccess: 'full',
  encryption: 'none',
  branch: 'orch-history',
  remote: null,
  startedAt: '2026-11-23T08:00:00.000Z',
  memoryMb: 60,
  counts: { tasks: 1 },
  sizes: { database: 1 },
  rows: 1,
  clients: 1,
  eventLoopDelayMs: 1,
  peers: [],
  here: { actors: ['mia'], replicas: [] },
  problems: [],
}
