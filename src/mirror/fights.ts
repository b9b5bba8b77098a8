import type { Clock } from '../base/clock.ts'

/** Going back and forth between two contents more often than this within this time is no work of a person. */
const MAX_TURNS = 5
const WITHIN_MS = 60_000
/** Of these, saves by others. */
const MIN_BY_OTHERS = 3
/** How long a file is left alone then, unless somebody saves another text. */
const PAUSE_MS = 10 * 60_000

/** Above this many paths, those that have been quiet are forgotten. */
const MAX_PATHS = 1000

export const FIGHT = 'two programs rewrite it in turn, each undoing what the other did'

/** Notices files that go back and forth between the same two contents [M10]: without end, each turn would be an edit. */
export interface Fights {
  /** A file has another content now, by us or by somebody else; whether that makes it a fight. */
  changed(path: string, hash: string, by: 'us' | 'others'): boolean
  /** Whether a file with this content is to be left alone: it is one of the two of a fight that is not over. */
  isOn(path: string, hash: string): boolean
  /** Somebody says that it is over. */
  end(path: string): void
}

interface Change {
  readonly hash: string
  readonly by: 'us' | 'others'
  readonly at: number
}

export function createFights(clock: Clock): Fights {
  /** Those that changed last come last. */
  const changes = new Map<string, readonly Change[]>()
  const paused = new Map<string, { readonly hashes: readonly string[]; readonly until: number }>()

  return {
    changed(path, hash, by) {
      const now = clock.monotonic()
      const before = (changes.get(path) ?? []).filter(({ at }) => now - at < WITHIN_MS)
      if (before.at(-1)?.hash === hash) return false
      const all = [...before, { hash, by, at: now }].slice(-(MAX_TURNS + 2))
      changes.delete(path)
      changes.set(path, all)
      if (changes.size > MAX_PATHS) forgetOld(now)
      const isBackAndForth = all.length === MAX_TURNS + 2 && all.every((one, i) => one.hash === all[i % 2]?.hash)
      // Commands that set a value back and forth are nobody's fight about the file.
      if (!isBackAndForth || all.filter((one) => one.by === 'others').length < MIN_BY_OTHERS) return false
      paused.set(path, { hashes: all.slice(-2).map((one) => one.hash), until: now + PAUSE_MS })
      changes.delete(path)
      return true
    },
    isOn(path, hash) {
      const pause = paused.get(path)
      if (!pause) return false
      if (clock.monotonic() < pause.until && pause.hashes.includes(hash)) return true
      paused.delete(path)
      return false
    },
    end(path) {
      paused.delete(path)
      changes.delete(path)
    },
  }

  function forgetOld(now: number): void {
    for (const [path, all] of changes) {
      if (now - (all.at(-1)?.at ?? 0) < WITHIN_MS) return
      changes.delete(path)
    }
  }
}
