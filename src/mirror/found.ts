import type { Kinds } from '../model/kind-set.ts'
import type { MirrorBases } from '../store/mirror-bases.ts'
import { placeOf } from './places.ts'
import type { Notices } from './problem.ts'
import { missingFrom, type Scan } from './scan.ts'
import type { Signatures } from './signatures.ts'
import type { Vanished } from './vanished.ts'
import type { Visits } from './visits.ts'

export interface FoundParts {
  readonly kinds: Kinds
  readonly bases: MirrorBases
  readonly known: Signatures
  readonly visits: Visits
  readonly vanished: Vanished
  readonly notices: Notices
  /** Whether an exchange there could not be ended: nothing is known of it until it is. */
  readonly isStuck: (path: string) => boolean
}

/** Takes in what a look at all files found: those that are new, changed or gone. Resolves with whether there were none. */
export function createFound(parts: FoundParts): (scan: Scan) => Promise<boolean> {
  const { kinds, bases, known, visits, vanished, notices, isStuck } = parts
  const isOurs = (path: string): boolean => placeOf(kinds, path) !== undefined
  return async (scan) => {
    // What could not be read when an event came may look as it did when it was last read.
    const failing = new Set(notices.failingPaths())
    const changed = [...scan.found].filter(([path, now]) => known.isNews(path, now) || failing.has(path))
    await visits.look(changed.map(([path]) => path))
    // Files of a kind that is not declared any more stay as they are, with their bases.
    const missing = missingFrom(scan, known.paths()).filter(isOurs)
    for (const path of missing) if (!bases.get(path)) known.forget(path)
    // What could not be read and is gone, or has another name now, is nobody's trouble any more.
    for (const path of missingFrom(scan, notices.failingPaths())) {
      if (isOurs(path) && !bases.get(path) && !isStuck(path)) notices.works(path)
    }
    const unsettled = [...visits.unsettled().keys(), ...notices.failingPaths()]
    await vanished.update(
      missing.filter((path) => known.has(path) && !isStuck(path)),
      {
        total: known.size,
        isGone: scan.isGone,
        isUnsettled: unsettled.some((path) => !known.has(path) && isOurs(path)),
      },
    )
    await known.save()
    return changed.length + missing.length === 0
  }
}
