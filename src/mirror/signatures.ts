import { nextTurn } from '../base/turns.ts'
import type { MirrorBases } from '../store/mirror-bases.ts'
import { firstOf } from './each-of.ts'

/** Of what is noted of every file, so much is read in a turn, and so much written. */
const PATHS_PER_TURN = 1000
const SAVED_PER_TURN = 100

/**
 * Every path with a base, and the signature that its file had when nothing had to be done, or '': a scan asks for nothing
 * else. Kept for the next start.
 */
export interface Signatures {
  readonly size: number
  has(path: string): boolean
  paths(): Iterable<string>
  /** Whether a file that looks like this has to be looked at. */
  isNews(path: string, signature: string): boolean
  /** A file was looked at, and nothing has to be done while it looks like this; '' when that cannot be told. */
  looked(path: string, signature: string): void
  /** A file was written, or removed, by us. */
  written(path: string): void
  forget(path: string): void
  /** Reads what was kept. */
  load(): Promise<void>
  /** Keeps what is known. */
  save(): Promise<void>
}

export function createSignatures(bases: MirrorBases): Signatures {
  const known = new Map<string, string>()
  const toSave = new Map<string, string>()
  return {
    get size() {
      return known.size
    },
    has: (path) => known.has(path),
    paths: () => known.keys(),
    isNews: (path, signature) => signature === '' || known.get(path) !== signature,
    looked(path, signature) {
      known.set(path, signature)
      if (signature !== '') toSave.set(path, signature)
    },
    written: (path) => void known.set(path, ''),
    forget: (path) => void known.delete(path),
    async load() {
      let after = ''
      for (let size = PATHS_PER_TURN; size === PATHS_PER_TURN; ) {
        const page = bases.signatures({ after, limit: PATHS_PER_TURN })
        for (const [path, signature] of page) {
          known.set(path, signature)
          after = path
        }
        size = page.size
        await nextTurn()
      }
    },
    async save() {
      while (toSave.size > 0) {
        const page = firstOf(toSave, SAVED_PER_TURN)
        bases.sign(page)
        for (const [path, signature] of page) if (toSave.get(path) === signature) toSave.delete(path)
        if (toSave.size > 0) await nextTurn()
      }
    },
  }
}
