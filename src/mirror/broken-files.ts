import type { Queue } from '../base/queue.ts'
import type { Problem } from '../model/attention.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Base, MirrorBases } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import { FIGHT, type Fights } from './fights.ts'
import { placeOf, type Ref } from './places.ts'
import { brokenFile } from './problem.ts'
import { putAside } from './put-aside.ts'
import type { FileWays } from './ways.ts'

export interface BrokenFilesParts {
  readonly kinds: Kinds
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly fights: Fights
  readonly turns: Queue
  /** How a path is named in problems. */
  readonly nameOf: (path: string) => string
  /** A file is to be read again. */
  readonly onChanged: (path: string) => void
  /** A record may be written again. */
  readonly onTaken: (ref: Ref) => void
}

/** The files that are left alone [M7], and the ways out. */
export interface BrokenFiles extends FileWays {
  problems(): readonly Problem[]
}

export function createBrokenFiles(parts: BrokenFilesParts): BrokenFiles {
  const { kinds, disk, bases, fights, turns, nameOf, onChanged, onTaken } = parts
  const brokenAt = (where: string): Base | undefined => bases.broken().find(({ path }) => nameOf(path) === where)

  /** Whether there is a record, or something else, that could be written where a broken file is. */
  const isKnown = ({ path, id, hash }: Base): boolean => {
    const place = placeOf(kinds, path)
    return place !== undefined && hash !== '' && (place.type !== 'record' || id !== '')
  }

  return {
    problems: () => bases.broken().map((base) => brokenFile({ ...base, path: nameOf(base.path) }, isKnown(base))),
    async restore(where) {
      const broken = brokenAt(where)
      if (!broken || !isKnown(broken)) return undefined
      const kept = await turns.add(() => putAside(disk, bases, broken))
      if (kept === undefined) onChanged(broken.path)
      else onTaken(broken)
      return kept && nameOf(kept)
    },
    resume(where) {
      const paused = brokenAt(where)
      if (paused?.problem?.reason !== FIGHT) return false
      fights.end(paused.path)
      onChanged(paused.path)
      return true
    },
  }
}
