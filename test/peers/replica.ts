import { createAgents } from '../../src/agents/agents.ts'
import type { Claims } from '../../src/agents/claims.ts'
import type { Clock } from '../../src/base/clock.ts'
import { type Logger, silentLogger } from '../../src/base/log.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createAsks } from '../../src/peers/asks.ts'
import { closeCodes } from '../../src/peers/close-codes.ts'
import { createLinks, type Links } from '../../src/peers/links.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRoom, type Room } from '../../src/peers/room.ts'
import { joinMarks } from '../../src/store/join-marks.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { createPeerStore } from '../../src/store/peer-store.ts'
import { alice, byAlice, createTestProject, principalOf, type TestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import type { FaultyDatabase } from '../memory/database.ts'
import type { MemoryNetwork } from '../memory/wire.ts'

export const TOKEN = 'secret'

export interface TestReplica {
  readonly project: OpenProject
  readonly database: FaultyDatabase
  readonly room: Room
  readonly links: Links
  readonly claims: Claims
  /** Why this replica was told that it has a twin. */
  readonly twins: string[]
  /** Links to another replica of the network, by its host. */
  dial(host: string, project?: string): void
  /** Creates a task and returns its id. */
  add(title: string): Promise<string>
  titles(): readonly string[]
  stop(): Promise<void>
}

/** The parts of a daemon that meet others, over a network in memory. */
export async function createTestReplica(options: {
  readonly host: string
  readonly seed: number
  readonly network: MemoryNetwork
  readonly clock: Clock
  readonly name?: string
  readonly from?: TestProject
  readonly instance?: string
  readonly log?: Logger
}): Promise<TestReplica> {
  const { host, seed, network, clock, name = host, log = silentLogger } = options
  const { project, database } = options.from ?? createTestProject({ clock, seed, name, log })
  const twins: string[] = []
  let keys = 0
  const asks = createAsks({
    replica: () => project.replica,
    answer: (from, body) => agents.claims.answer(from, body),
    onLinked: () => void agents.claims.settle(),
    clock,
    key: () => `${seed}.${++keys}`,
  })
  const agents = createAgents({
    db: database,
    project,
    clock,
    random: createRandom(seed + 500),
    log,
    graceMs: 60_000,
    idleMs: 600_000,
    sessions: { end: () => Promise.resolve(), resume: () => Promise.resolve() },
    ask: asks.ask,
  })
  project.onCommit(agents.claims.note)
  const peering = createPeering({
    project,
    asks,
    instance: options.instance ?? `n-${seed}`,
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    hasMoved: (name) =>
      joinMarks(project).some((mark) => mark.records !== undefined && [mark.id, mark.name].includes(name)),
    onTwin(reason) {
      twins.push(reason)
      project.rollReplica(reason)
    },
    log,
  })
  const room = createRoom({ peering, clock, log })
  const store = createPeerStore(database)
  const links = createLinks({ peering, dial: network.dial, clock, random: createRandom(seed), log, store })
  network.listen(host, (wire, path, protocols) => {
    if (!protocols.includes(`bearer.${TOKEN}`)) return wire.close(closeCodes.unauthorized, 'unauthorized')
    const asked = decodeURIComponent(path.slice(6))
    const moved = room.answersTo(asked) ? undefined : room.moved(asked)
    if (moved !== undefined) return wire.close(closeCodes.moved, moved)
    if (!room.answersTo(asked)) return wire.close(closeCodes.unknownRoom, 'unknown project')
    room.join(wire, principalOf(alice))
  })
  await agents.claims.start()
  await links.start()
  return {
    project,
    database,
    room,
    links,
    claims: agents.claims,
    twins,
    dial: (to, named = to) => links.add({ name: to, url: `ws://${to}/sync/${named}`, token: TOKEN }),
    add: (title) => project.transact(byAlice, (tx) => tx.create(task, { title })),
    titles: () =>
      project
        .list(task, { limit: 1000 })
        .items.map((record) => String(record.values.title))
        .toSorted(),
    async stop() {
      await agents.claims.stop()
      await links.stop()
      room.stop()
    },
  }
}

/** What must be equal on replicas that hold the same: the content, its history, and the text of every record. */
export function stateOf({ project }: TestReplica): unknown {
  return {
    have: { ...project.have() },
    stateVector: [...project.encodeStateVector()],
    tasks: project.list(task, { limit: 1000 }).items,
  }
}
