import type { Clock } from '../../src/base/clock.ts'
import { type Logger, silentLogger } from '../../src/base/log.ts'
import type { Origin } from '../../src/doc/origin.ts'
import type { Actor } from '../../src/model/actor.ts'
import type { Kinds } from '../../src/model/kind-set.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import type { LogEntry } from '../../src/model/log.ts'
import type { Principal, Role } from '../../src/model/principal.ts'
import type { Conflict } from '../../src/store/conflicts.ts'
import type { LoadSnapshots } from '../../src/store/load-snapshot.ts'
import { type OpenProject, openProject } from '../../src/store/open-project.ts'
import type { ParkedSummary } from '../../src/store/parked.ts'
import type { Change } from '../../src/store/project.ts'
import { createMemoryDatabase, type FaultyDatabase } from '../memory/database.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { createRandom } from './random.ts'

export const alice: Actor = { name: 'alice', type: 'person', verified: true }
export const claude: Actor = { name: 'claude', type: 'agent', verified: false }
/** Somebody who came with a token. */
export const principalOf = (actor: Actor, role: Role = 'replica'): Principal => ({
  actor,
  role,
  by: 'token',
  from: '127.0.0.1',
})

export const byAlice = { source: 'api', actor: alice } as const satisfies Origin
export const byClaude = { source: 'api', actor: claude } as const satisfies Origin

export interface TestProjectOptions {
  readonly clock?: Clock
  readonly seed?: number
  readonly database?: FaultyDatabase
  readonly kinds?: Kinds
  readonly name?: string
  readonly inode?: string
  readonly log?: Logger
  readonly loads?: LoadSnapshots
  readonly generations?: Map<string, number>
  readonly note?: (changes: readonly Change[]) => void
  readonly noteConflict?: (conflict: Conflict) => void
  readonly noteParked?: (summary: ParkedSummary) => void
  readonly noteEntries?: (entries: readonly LogEntry[]) => void
}

export interface TestProject {
  readonly project: OpenProject
  readonly database: FaultyDatabase
  readonly clock: Clock
  /** Opens the same database again, as after a crash. The old project must not be used any more. */
  reopen(options?: TestProjectOptions): TestProject
}

/** A real project on a database in memory. */
export function createTestProject(options: TestProjectOptions = {}): TestProject {
  const clock: Clock = options.clock ?? createTestClock()
  const database = options.database ?? createMemoryDatabase()
  const seed = options.seed ?? 1
  const generations = options.generations ?? new Map<string, number>()
  const project = openProject({
    db: database,
    kinds: options.kinds ?? builtInKinds,
    clock,
    random: createRandom(seed),
    log: options.log ?? silentLogger,
    lease: { machine: 'm', path: '/orch.db', inode: options.inode ?? '1' },
    generations: { get: (replica) => generations.get(replica), set: (replica, n) => generations.set(replica, n) },
    loads: options.loads ?? { newest: () => undefined, make: () => Promise.resolve() },
    name: options.name ?? 'demo',
    ...(options.note ? { note: options.note } : {}),
    ...(options.noteConflict ? { noteConflict: options.noteConflict } : {}),
    ...(options.noteParked ? { noteParked: options.noteParked } : {}),
    ...(options.noteEntries ? { noteEntries: options.noteEntries } : {}),
  })
  return {
    project,
    database,
    clock,
    reopen: (more = {}) => createTestProject({ ...options, generations, clock, database, seed: seed + 1000, ...more }),
  }
}

export type { TestClock }
