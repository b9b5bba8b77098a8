import type { Clock } from '../base/clock.ts'
import type { Ref } from './places.ts'

/** What the disk refused to write: it is tried again, ever more seldom, and by everybody who asks for it. */
export interface Resting {
  /** The file of a record or view was refused. */
  refuse(ref: Ref, path: string): void
  /** It was written, or needs no writing any more: the paths that were refused, several where the record moved meanwhile. */
  settle(ref: Ref): ReadonlySet<string>
  /** Whether it is too soon to try again. */
  rests(ref: Ref): boolean
  /** Everything may be tried again now. */
  wake(): void
}

const FIRST_MS = 250
const MAX_MS = 10_000

interface Rest {
  readonly ref: Ref
  readonly paths: ReadonlySet<string>
  readonly ms: number
  /** Ends the pause; undefined when it is over. */
  cancel: (() => void) | undefined
}

export function createResting(clock: Clock, onDue: (ref: Ref) => void): Resting {
  const rests = new Map<string, Rest>()
  const keyOf = ({ kind, id }: Ref): string => `${kind}/${id}`
  const end = (rest: Rest): void => {
    rest.cancel?.()
    rest.cancel = undefined
    onDue(rest.ref)
  }
  return {
    refuse(ref, path) {
      const before = rests.get(keyOf(ref))
      before?.cancel?.()
      const ms = Math.min(before ? before.ms * 2 : FIRST_MS, MAX_MS)
      const rest: Rest = { ref, paths: new Set(before?.paths).add(path), ms, cancel: undefined }
      rest.cancel = clock.after(ms, () => end(rest))
      rests.set(keyOf(ref), rest)
    },
    settle(ref) {
      const rest = rests.get(keyOf(ref))
      rest?.cancel?.()
      rests.delete(keyOf(ref))
      return rest?.paths ?? new Set()
    },
    rests: (ref) => rests.get(keyOf(ref))?.cancel !== undefined,
    wake() {
      for (const rest of rests.values()) if (rest.cancel) end(rest)
    },
  }
}
