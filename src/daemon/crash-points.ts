import { killAt } from '../base/kill-at.ts'
import type { GitRepo } from '../git/git-repo.ts'
import type { SnapshotLedger } from '../git/snapshot-ledger.ts'
import type { Disk } from '../mirror/disk.ts'
import type { Database } from '../store/database.ts'
import type { MirrorBases } from '../store/mirror-bases.ts'
import type { OpenProject } from '../store/open-project.ts'

/**
 * The steps at which a test may have the daemon killed: the ports around which each step of a commit, of taking files in,
 * writing them out, snapshots, imports and load snapshots is made. Nothing is wrapped, and nothing costs, unless asked.
 */
export const CRASH_LABELS = [
  // A commit: the row is appended, the index and the list for git are written, all is ready, all is durable.
  'commit.row',
  'commit.noted',
  'commit.ready',
  'commit.durable',
  // A saved file: settled and about to be merged, merged with its base but not durable, durable but not remembered.
  'ingest.merging',
  'ingest.together',
  'ingest.merged',
  // A file that is written out, by the steps of the exchange.
  'write-out.intended',
  'write-out.created',
  'write-out.aside',
  'write-out.exchanged',
  'write-out.linked',
  'write-out.removed',
  'write-out.finishing',
  'write-out.finished',
  // A snapshot: the line is drawn, git runs, git is done, the list is shortened.
  'snapshot.cut',
  'snapshot.committing',
  'snapshot.committed',
  'snapshot.paths',
  'snapshot.done',
  // An import, before and after one of its transactions.
  'import.writing',
  'import.written',
  // A load snapshot, in its thread.
  'load.written',
  'load.renamed',
  'load.tidied',
] as const

export type CrashLabel = (typeof CRASH_LABELS)[number]

/** Wraps the daemon's ports so that the process dies at one of the labelled steps. */
export interface CrashPoints {
  database(db: Database): Database
  noted(): void
  project(project: OpenProject): OpenProject
  disk(disk: Disk): Disk
  bases(bases: MirrorBases): MirrorBases
  repo(repo: GitRepo): GitRepo
  ledger(ledger: SnapshotLedger): SnapshotLedger
}

/** Nothing happens at any step. */
export const noCrashPoints: CrashPoints = {
  database: (db) => db,
  noted: () => undefined,
  project: (project) => project,
  disk: (disk) => disk,
  bases: (bases) => bases,
  repo: (repo) => repo,
  ledger: (ledger) => ledger,
}

/** Crash points for `label[:n]`. */
export function createCrashPoints(at: string): CrashPoints {
  const reach: (label: CrashLabel) => void = killAt(at)
  const afterStep = <T>(label: CrashLabel, result: T): T => {
    reach(label)
    return result
  }
  const after = async <T>(label: CrashLabel, call: Promise<T>): Promise<T> => afterStep(label, await call)
  return {
    database: (db) => commitSteps(db, reach),
    noted: () => reach('commit.noted'),
    project(project) {
      const transact: OpenProject['transact'] = async (origin, write, options) => {
        const isFile = origin.source === 'file'
        const isImport = origin.source === 'import'
        if (isFile) reach('ingest.merging')
        if (isImport) reach('import.writing')
        const also = (): void => {
          options?.also?.()
          if (isFile) reach('ingest.together')
        }
        const result = await project.transact(origin, write, { ...options, also })
        if (isFile) reach('ingest.merged')
        if (isImport) reach('import.written')
        return result
      }
      return Object.create(project, { transact: { value: transact } })
    },
    disk: (disk) => ({
      ...disk,
      create: (...args) => after('write-out.created', disk.create(...args)),
      move: (...args) => after('write-out.aside', disk.move(...args)),
      exchange: (...args) => after('write-out.exchanged', disk.exchange(...args)),
      link: (...args) => after('write-out.linked', disk.link(...args)),
      atOnce: (work) =>
        disk.atOnce((steps) =>
          work({
            ...steps,
            move: (...args) => afterStep('write-out.aside', steps.move(...args)),
            link: (...args) => afterStep('write-out.linked', steps.link(...args)),
          }),
        ),
      remove: (...args) => after('write-out.removed', disk.remove(...args)),
    }),
    bases: (bases) => ({
      ...bases,
      begin(intents) {
        bases.begin(intents)
        reach('write-out.intended')
      },
      relaxed(work) {
        bases.relaxed(() => {
          work()
          reach('write-out.finishing')
        })
        reach('write-out.finished')
      },
    }),
    repo: (repo) => ({
      ...repo,
      commit(commit) {
        const made = repo.commit(commit)
        setImmediate(() => reach('snapshot.committing'))
        return after('snapshot.committed', made)
      },
    }),
    ledger: (ledger) => ({
      ...ledger,
      cut() {
        const cut = ledger.cut()
        reach('snapshot.cut')
        return cut
      },
      keepPaths(paths) {
        ledger.keepPaths(paths)
        reach('snapshot.paths')
      },
      done(...args) {
        ledger.done(...args)
        reach('snapshot.done')
      },
    }),
  }
}

/** Only transactions that append a row are commits in this sense. */
function commitSteps(db: Database, reach: (label: CrashLabel) => void): Database {
  let hasRow = false
  let depth = 0
  return {
    ...db,
    run(sql, ...params) {
      db.run(sql, ...params)
      if (!sql.startsWith('INSERT INTO rows')) return
      hasRow = true
      reach('commit.row')
    },
    transaction(work) {
      if (depth > 0) return db.transaction(work)
      depth++
      hasRow = false
      try {
        const result = db.transaction(() => {
          const value = work()
          if (hasRow) reach('commit.ready')
          return value
        })
        if (hasRow) reach('commit.durable')
        return result
      } finally {
        depth--
      }
    },
  }
}
