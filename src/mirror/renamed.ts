import type { Clock } from '../base/clock.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Base, MirrorBases } from '../store/mirror-bases.ts'
import type { Project } from '../store/project.ts'
import { CELLS_TO_CHOOSE, commonText, editedSigns } from './compare.ts'
import type { Disk } from './disk.ts'
import type { SaveBase } from './save-base.ts'
import { idIn, type Saved } from './saved.ts'
import { STALE_MS } from './stale.ts'
import { unknownFiles } from './unknown-files.ts'

/** Many editors move a file away when they save it: what is gone for a shorter time may be there again at once. */
const MOMENT_MS = 250
/** What was found gone longer ago than this may have been there again since. */
const LATELY_MS = 10_000

export interface RenamedParts {
  readonly project: Project
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly saveBase: SaveBase
  readonly clock: Clock
}

/** It is not known yet what a file is: to be asked again in so many milliseconds. */
export interface NotYet {
  readonly waitMs: number
}

/** Tells which new files are those that are gone from where they were [M11]. */
export interface Renamed {
  /**
   * What is known of the file that a new one was until it was renamed: one that is gone and was of the record it names, or,
   * where it names none, had not been given its id yet and is like it.
   */
  from(kind: RecordKind, id: RecordId | undefined, saved: Saved): Promise<Base | NotYet | undefined>
}

export function createRenamed({ project, disk, bases, saveBase, clock }: RenamedParts): Renamed {
  /** Since when what may have been renamed has been found gone. */
  const goneSince = new Map<string, number>()

  const isGone = async (path: string): Promise<boolean> => {
    if (await isThere(disk, path)) {
      goneSince.delete(path)
      return false
    }
    return true
  }

  /** How much longer it must be gone until it is taken to be. */
  const moment = (path: string): number => {
    const now = clock.monotonic()
    const before = goneSince.get(path)
    const since = before === undefined || now - before > LATELY_MS ? now : before
    goneSince.set(path, since)
    return Math.max(0, since + MOMENT_MS - now)
  }

  const alikeWithoutId = (kind: RecordKind, { text, ageMs }: Saved): readonly string[] => {
    const bare = bases.barePaths(kind.name, clock.now() - ageMs - STALE_MS, MAX_BARE + 1)
    const isAlike = (path: string): boolean =>
      isLike(bases.get(path)?.text ?? '', text) ||
      // From before it got its id, by an editor that never saw that: with all that it said, for two new ones are soon alike.
      saveBase
        .recent(path, ageMs)
        .some((version) => version.text !== '' && commonText(version.text, text) === version.text)
    return bare.length > MAX_BARE ? [] : bare.filter(isAlike)
  }

  /** Whether another new file that says the same id, or none as well, is closer to what a file held that is gone. */
  const hasCloser = async (base: Base, { path, text, ageMs }: Saved): Promise<boolean> => {
    const budget = { cells: CELLS_TO_CHOOSE }
    const mine = editedSigns(base.text, text, budget)
    // Thousands may be renamed at once, by git, and nothing is closer than the same.
    if (mine === 0) return false
    // At a name that it had, a late save is likelier than that it was given that name again.
    const hadName = (one: string): boolean => saveBase.recent(one, ageMs).length > 0
    const isLate = hadName(path)
    for await (const other of unknownFiles({ disk, bases }, [path, base.path], idIn(text))) {
      if (other.path === path) continue
      const isOtherLate = hadName(other.path)
      if (isLate && !isOtherLate) return true
      if (isLate === isOtherLate && editedSigns(base.text, other.text, budget) < mine) return true
    }
    return false
  }

  return {
    async from(kind, id, saved) {
      const paths = id === undefined ? alikeWithoutId(kind, saved) : bases.pathsOf(kind.name, id)
      // Of several, while the record moves here because it was renamed elsewhere, the one that is gone had this name.
      const gone = await firstOf(paths, async (one) => one !== saved.path && (await isGone(one)))
      const base = gone === undefined ? undefined : bases.get(gone)
      if (!base || !isRecordId(base.id) || !project.read(kind, base.id)) return undefined
      const waitMs = moment(base.path)
      if (waitMs > 0) return { waitMs }
      return (await hasCloser(base, saved)) ? undefined : base
    },
  }
}

/** Where more files wait for their ids, they are being written by the thousand, and not renamed by a person. */
const MAX_BARE = 16

/** Whether most of two texts is the same. */
function isLike(a: string, b: string): boolean {
  return a === b || commonText(a, b).length * 2 > Math.max(a.length, b.length)
}

/**
 * Whether a file has this very name: on many disks it can be opened by one that differs in case or form as well. Rejects
 * when the disk does not say; an error is neither absence nor presence.
 */
async function isThere(disk: Disk, path: string): Promise<boolean> {
  if ((await disk.read(path)).type === 'absent') return false
  const at = path.lastIndexOf('/')
  const listing = await disk.list(path.slice(0, at))
  if (listing.type === 'unreadable') throw new Error(`whether ${path} is gone cannot be seen: ${listing.reason}`)
  return listing.type !== 'entries' || listing.entries.some(({ name }) => name === path.slice(at + 1))
}

async function firstOf<T>(items: readonly T[], isIt: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await isIt(item)) return item
  return undefined
}
