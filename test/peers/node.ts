import { type Logger, silentLogger } from '../../src/base/log.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Json } from '../../src/model/record.ts'
import { type Awareness, createAwareness } from '../../src/peers/awareness.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRelay, type Relay } from '../../src/peers/relay.ts'
import type { Streams } from '../../src/peers/streams.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { TestClock } from '../helpers/clock.ts'
import { byAlice, createTestProject, type TestProject } from '../helpers/project.ts'
import type { FaultyDatabase } from '../memory/database.ts'
import type { MemoryServer } from '../memory/streams.ts'

/** One node: a project and its relay. */
export interface TestNode {
  readonly project: OpenProject
  readonly database: FaultyDatabase
  readonly relay: Relay
  readonly twins: string[]
  readonly awareness: Awareness
  /** What other nodes told. */
  readonly failures: readonly string[]
  readonly credentials: readonly Json[]
  add(title: string): Promise<string>
  titles(): readonly string[]
  /** As a kill does: nothing more is said or written. */
  kill(): void
  /** Begins again on the same database. */
  restart(): Promise<TestNode>
}

export const FORGET_MS = 600_000
let runs = 0

export async function createTestNode(options: {
  readonly server: MemoryServer
  readonly clock: TestClock
  readonly seed: number
  readonly name?: string
  readonly from?: TestProject
  readonly log?: Logger
}): Promise<TestNode> {
  const { server, clock, seed, name = 'demo', log = silentLogger } = options
  const from = options.from ?? createTestProject({ clock, seed, name, log })
  const { project, database } = from
  const twins: string[] = []
  const instance = `run-${++runs}`
  let keys = 0
  let streams: Streams | undefined
  const peering = createPeering({
    project,
    instance,
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    onTwin(reason) {
      twins.push(reason)
      project.rollReplica(reason)
    },
    log,
  })
  const failures: string[] = []
  const credentials: Json[] = []
  const awareness = createAwareness({
    clock,
    onChange: () => undefined,
    onOwn: (entries) => relay.tellPresence(entries),
  })
  const relay = createRelay({
    peering,
    open: async () => {
      streams = server.connect()
      return streams
    },
    here: () => [`person ${seed}`],
    share: {
      awareness,
      onFailure: (from) => failures.push(from),
      credentials: { all: () => [], take: (one) => credentials.push(one) },
    },
    clock,
    log,
    forgetMs: FORGET_MS,
    key: () => `${instance}.${++keys}`,
  })
  await relay.start()
  return {
    project,
    database,
    relay,
    twins,
    awareness,
    failures,
    credentials,
    add: (title) => project.transact(byAlice, (tx) => tx.create(task, { title })),
    titles: () =>
      project
        .list(task, { limit: 1000 })
        .items.map((record) => String(record.values.title))
        .toSorted(),
    kill: () => streams?.close(),
    restart: () => {
      streams?.close()
      return createTestNode({ ...options, seed: seed + 100, from: from.reopen({ seed: seed + 100 }) })
    },
  }
}

/** What must be equal on nodes that hold the same. */
export function stateOf({ project }: TestNode): unknown {
  return {
    id: project.id,
    have: { ...project.have() },
    stateVector: [...project.encodeStateVector()],
    tasks: project.list(task, { limit: 1000 }).items,
  }
}
