import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { leaseFacts } from '../../src/config/host.ts'
import { createRenderer } from '../../src/daemon/render.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { openSnapshotLedger } from '../../src/git/snapshot-ledger.ts'
import { createSnapshots } from '../../src/git/snapshots.ts'
import type { Random } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openDatabase } from '../../src/store/database.ts'
import { openProject } from '../../src/store/open-project.ts'
import { prepareSchema } from '../../src/store/schema.ts'
import type { TestRepo } from '../flow/harness.ts'

const WORDS =
  'the daemon keeps every word that people and agents write into one shared state of tasks pages and logs'.split(' ')
const PRIORITIES = ['critical', 'high', 'medium', 'low']
const STATUSES = ['todo', 'todo', 'todo', 'in_progress', 'review', 'completed', 'completed']

export const byBench = { source: 'api', actor: { name: 'bench', type: 'agent', verified: false } } as const

function openState(repo: TestRepo) {
  const dir = join(repo.dir, '.git', 'orch')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const file = join(dir, 'orch.db')
  const db = openDatabase(file)
  prepareSchema(db)
  const ledger = openSnapshotLedger(db, builtInKinds)
  const project = openProject({
    db,
    kinds: builtInKinds,
    clock: systemClock,
    random: (bytes) => randomBytes(bytes),
    log: silentLogger,
    lease: leaseFacts(file),
    generations: { get: () => undefined, set: () => undefined },
    loads: { newest: () => undefined, make: () => Promise.resolve() },
    name: repo.dir.split('/').at(-1) ?? 'bench',
    note: (changes) => ledger.note(changes),
  })
  return { db, ledger, project }
}

/** The state of a repository whose daemon does not run, with snapshots as the daemon takes them. */
export function openForSnapshots(repo: TestRepo) {
  const { db, ledger, project } = openState(repo)
  const random: Random = (bytes) => randomBytes(bytes)
  const snapshots = createSnapshots({
    repo: openGitRepo({ commonDir: join(repo.dir, '.git'), env: repo.env, clock: systemClock, random }),
    ref: 'refs/heads/orch-history',
    base: undefined,
    project,
    ledger,
    render: createRenderer(project),
    happened: () => undefined,
    clock: systemClock,
    log: silentLogger,
  })
  return { project, snapshots, close: () => db.close() }
}

/** Fills a repository's database with tasks of about 500 characters, as agents would. Returns milliseconds. */
export async function populate(repo: TestRepo, count: number): Promise<number> {
  const { db, project } = openState(repo)
  const start = performance.now()
  const textOf = (i: number, words: number): string =>
    Array.from({ length: words }, (_, at) => WORDS[(i * 7 + at * 3) % WORDS.length]).join(' ')
  for (let from = 0; from < count; from += 50) {
    const actor = { name: `agent-${(from / 50) % 5}`, type: 'agent', verified: false } as const
    await project.transact({ source: 'api', actor }, (tx) => {
      for (let i = from; i < Math.min(from + 50, count); i++) {
        tx.create(task, {
          title: `Task ${i}: ${textOf(i, 6)}`,
          status: STATUSES[i % STATUSES.length] ?? 'todo',
          priority: PRIORITIES[i % PRIORITIES.length] ?? 'low',
          assignee: `agent-${i % 5}`,
          labels: [`area-${i % 20}`, i % 2 ? 'odd' : 'even'],
          body: textOf(i, 90),
        })
      }
    })
  }
  const took = performance.now() - start
  db.close()
  return took
}
