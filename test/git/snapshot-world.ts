import { silentLogger } from '../../src/base/log.ts'
import type { Render } from '../../src/git/cut.ts'
import type { GitRepo, Oid } from '../../src/git/git-repo.ts'
import { openSnapshotLedger, type SnapshotLedger } from '../../src/git/snapshot-ledger.ts'
import { createSnapshots, type Snapshots, type SnapshotsParts } from '../../src/git/snapshots.ts'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { createTestClock, type TestClock } from '../helpers/clock.ts'
import { createTestProject, type TestProject, type TestProjectOptions } from '../helpers/project.ts'

export const REF = 'refs/heads/orch-history'

export interface SnapshotWorld {
  readonly test: TestProject
  readonly project: OpenProject
  readonly ledger: SnapshotLedger
  readonly clock: TestClock
  readonly snapshots: Snapshots
  readonly render: Render
}

/** A real project in memory whose snapshots go to a repository. */
export function createSnapshotWorld(
  repo: GitRepo,
  options: { project?: TestProjectOptions; base?: Oid; parts?: Partial<SnapshotsParts> } = {},
): SnapshotWorld {
  const clock = createTestClock()
  let ledger: SnapshotLedger | undefined
  const test = createTestProject({
    clock,
    note: (changes) => ledger?.note(changes),
    noteEntries: (entries) => ledger?.noteEntries(entries),
    ...options.project,
  })
  ledger = openSnapshotLedger(test.database, test.project.kinds)
  return { test, ledger, ...connect(repo, test.project, ledger, clock, options) }
}

/** The snapshots of a project, connected as the daemon connects them. */
export function connect(
  repo: GitRepo,
  project: OpenProject,
  ledger: SnapshotLedger,
  clock: TestClock,
  options: { base?: Oid; parts?: Partial<SnapshotsParts> } = {},
): Omit<SnapshotWorld, 'test' | 'ledger'> {
  const render = plainRender(project)
  const parts = { repo, ref: REF, base: options.base, project, ledger, render, clock, log: silentLogger }
  const happened = (): void => undefined
  const snapshots = createSnapshots({ ...parts, happened, ...options.parts })
  project.onCommit((commit) => snapshots.note(commit))
  return { project, clock, snapshots, render }
}

/** A rendering as plain as can be: how files really look is the business of another layer. */
export function plainRender(project: OpenProject): Render {
  return (key) => {
    if (key.startsWith('state/')) {
      const values = [...project.readKeys('state')].map(([name, { value }]) => [name, value])
      return { path: 'state.json', text: `${JSON.stringify(Object.fromEntries(values))}\n` }
    }
    const kind = key.startsWith('p-') ? page : task
    const record = project.read(kind, key as RecordId)
    if (!record || record.deletedAt !== undefined) return undefined
    const { title, status = '', body } = record.values
    return { path: project.pathOf(kind, record.id), text: `${title}\n${status}\n${body}\n` }
  }
}
