import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Keyring } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import { syncDirectory } from '../base/private-dir.ts'
import { identityOf, type PrivatePaths } from '../base/repository.ts'
import type { GitRepo } from '../git/git-repo.ts'
import { type Retirement, retireBranch } from '../git/retire.ts'
import { closeWhole, openDatabase } from '../store/database.ts'

/** Where a join is prepared, below the private directory. */
export interface JoinPlaces {
  readonly dir: string
  /** The database that is to take the place of the present one. */
  readonly database: string
  /** While it is there, the join is to be finished; before, it never was. */
  readonly journal: string
}

export function joinPlaces({ dir }: Pick<PrivatePaths, 'dir'>): JoinPlaces {
  const place = join(dir, 'join')
  return { dir: place, database: join(place, 'orch.db'), journal: join(dir, 'join.json') }
}

/** What is left to do when the joined database is ready. */
export interface JoinJournal {
  /** The name that the present database is kept under. */
  readonly keep: string
  readonly retirement: Retirement | undefined
}

/** The steps after the decision; a crash before any of them is made good by `finishJoin`. */
export type JoinStep = 'fold' | 'keep' | 'loads' | 'swap' | 'branch' | 'end'

export interface FinishParts {
  readonly paths: PrivatePaths
  readonly keyring: Keyring
  readonly repo: GitRepo
  readonly log: Logger
  readonly onStep?: (step: JoinStep) => void
}

/** Decides the join: from now on it is finished, not undone. */
export function decideJoin(paths: PrivatePaths, journal: JoinJournal): void {
  const { journal: file } = joinPlaces(paths)
  const temporary = `${file}.new`
  const descriptor = openSync(temporary, 'w', 0o600)
  try {
    writeSync(descriptor, JSON.stringify(journal))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, file)
  syncDirectory(paths.dir)
}

/**
 * Finishes a join that was decided, and forgets one that was not. Only while holding the lock, and before the database is
 * opened. There is a database at every moment: the old one or the joined one, whole.
 */
export async function finishJoin({ paths, keyring, repo, log, onStep = () => undefined }: FinishParts): Promise<void> {
  const places = joinPlaces(paths)
  if (existsSync(places.journal)) {
    const { keep, retirement } = JSON.parse(readFileSync(places.journal, 'utf8')) as JoinJournal
    if (existsSync(places.database)) swap({ paths, keyring, places, kept: join(paths.dir, keep), onStep })
    onStep('branch')
    try {
      if (retirement) await retireBranch(repo, retirement)
    } catch (error) {
      // The joined project takes another branch, and this is tried again at the next start.
      log.warn('the branch of the project that moved could not be renamed', { error })
      return
    }
    onStep('end')
    rmSync(places.journal)
  }
  rmSync(places.dir, { recursive: true, force: true })
}

function swap({
  paths,
  keyring,
  places,
  kept,
  onStep,
}: {
  readonly paths: PrivatePaths
  readonly keyring: Keyring
  readonly places: JoinPlaces
  readonly kept: string
  readonly onStep: (step: JoinStep) => void
}): void {
  onStep('fold')
  // Its log must not lie beside another database.
  closeWhole(openDatabase(paths.database, keyring))
  onStep('keep')
  keepFile(paths.database, kept)
  onStep('loads')
  // Before the swap: they are of the old document, and would be taken for the new one's.
  rmSync(join(paths.dir, 'load'), { recursive: true, force: true })
  onStep('swap')
  renameSync(places.database, paths.database)
  syncDirectory(paths.dir)
}

/** Gives a file a second name, which stays when the first is taken over; a copy where the file system has no links. */
function keepFile(file: string, kept: string): void {
  if (existsSync(kept) && identityOf(kept).ino === identityOf(file).ino) return
  const temporary = `${kept}.new`
  rmSync(temporary, { force: true })
  try {
    linkSync(file, temporary)
  } catch {
    copyFileSync(file, temporary)
  }
  renameSync(temporary, kept)
}
