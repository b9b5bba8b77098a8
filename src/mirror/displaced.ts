import type { Clock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import type { Queue } from '../base/queue.ts'
import { decodeFile } from '../model/markdown.ts'
import type { Displaced, MirrorBases } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import type { MergeIn } from './merge-in.ts'
import type { Notices } from './problem.ts'
import { displacedPath } from './replace.ts'
import type { Quiet, Settling } from './settle.ts'
import { DISPLACED_MS } from './write-out.ts'

/** Files whose notes share a commit. */
const BATCH = 32

export interface DisplacedParts {
  readonly disk: Disk
  readonly bases: MirrorBases
  /** By which it was noted until when a file is kept. */
  readonly steady: Clock
  readonly notices: Notices
  readonly mergeIn: MergeIn
  readonly quiet: Quiet
  readonly settling: Settling
}

/** When to look again, in milliseconds: at all, and because something was saved that is not settled yet. */
export interface NextLook {
  readonly ms?: number
  readonly unsettledMs?: number
}

/** Looks at what was displaced when it is time. */
export interface DisplacedFiles {
  /** Looks at all of them, inside a turn. */
  look(): Promise<NextLook>
  /** Something was displaced: looks at the latest in so many milliseconds. */
  lookIn(ms: number): void
  stop(): void
}

export function createDisplacedFiles(
  parts: DisplacedParts & {
    readonly clock: Clock
    readonly turns: Queue
    readonly onError: (error: unknown) => void
  },
): DisplacedFiles {
  const { clock, turns, onError } = parts
  let next: { readonly at: number; readonly cancel: () => void } | undefined
  let isStopped = false

  const lookIn = (ms: number): void => {
    const at = clock.monotonic() + ms
    if (isStopped || (next && next.at <= at)) return
    next?.cancel()
    next = { at, cancel: clock.after(ms, () => void lookNow().catch(onError)) }
  }
  const lookNow = async (): Promise<void> => {
    next = undefined
    const again = await turns
      .add(() => checkDisplaced(parts, { all: false }))
      .catch((error): NextLook => {
        onError(error)
        return { ms: DISPLACED_MS }
      })
    if (again.ms !== undefined) lookIn(again.ms)
  }
  return {
    look: () => checkDisplaced(parts, { all: true }),
    lookIn,
    stop() {
      isStopped = true
      next?.cancel()
    },
  }
}

/**
 * Looks again at displaced files: what a program saved to one of them meanwhile is taken in; one whose time is up is
 * dropped [M5]. `all`: also those whose time is not up.
 */
async function checkDisplaced(parts: DisplacedParts, { all }: { readonly all: boolean }): Promise<NextLook> {
  const { bases, steady } = parts
  const waits: number[] = []
  const latest = steady.now() + DISPLACED_MS
  // Noted before the clock was set back and orch was started again.
  bases.keepUntil(latest)
  const names = bases.displacedUntil(all ? latest : steady.now())
  for (let from = 0; from < names.length; from += BATCH) {
    // While it is not on disk that their exchange is over, they are what tells that it was made.
    await bases.synced()
    const gone: string[] = []
    try {
      for (const name of names.slice(from, from + BATCH)) {
        const one = bases.displacedAs(name)
        const found = one && (await check(parts, one))
        if (found === 'gone') gone.push(name)
        else if (found !== undefined && found > 0) waits.push(found)
      }
    } finally {
      // Should a power cut take this back, they are found gone.
      if (gone.length > 0)
        bases.relaxed(() => {
          for (const name of gone) bases.release(name)
        })
    }
  }
  const next = bases.nextDisplaced()
  return {
    ...(next !== undefined && { ms: Math.max(1, next - steady.now()) }),
    ...(waits.length > 0 && { unsettledMs: Math.min(...waits) }),
  }
}

/** Resolves with how long what was saved there has still to settle, or that it is dropped, which is still to be noted. */
async function check(
  { disk, bases, steady, notices, mergeIn, quiet, settling }: DisplacedParts,
  one: Displaced,
): Promise<number | 'gone'> {
  const at = displacedPath(one.name)
  const found = await disk.read(at)
  const lookAgain = (ms: number): number => {
    bases.relaxed(() => bases.keep({ ...one, until: steady.now() + ms }))
    return 0
  }
  if (found.type === 'changing' || found.type === 'unreadable') return lookAgain(DISPLACED_MS)
  const hash = found.type === 'file' ? sha256(found.bytes) : one.hash
  const isBeingWritten = found.type === 'file' ? found.isBeingWritten : undefined
  if (found.type !== 'file' || hash === one.hash) {
    if (one.until > steady.now()) return 0
    // Who still has it open may yet write to it.
    if (isBeingWritten) return lookAgain(DISPLACED_MS)
    await disk.remove(at)
    settling.forget(at)
    return 'gone'
  }
  const quietMs = quiet(isBeingWritten)
  const wait = isBeingWritten ? quietMs : settling.delay(at, found, quietMs)
  if (wait > 0) {
    lookAgain(wait)
    return wait
  }
  const decoded = decodeFile(found.bytes)
  const text = decoded.ok ? decoded.text : ''
  const also = (): void => bases.keep({ ...one, hash, text, until: steady.now() + DISPLACED_MS })
  if (await mergeIn.late({ path: one.path, id: one.id, base: one.text, text, also })) return 0
  if (settling.delay(at, found, DISPLACED_MS) > 0) return lookAgain(DISPLACED_MS)
  // Not readable as what it was, and nobody is writing to it any more. The file stays: it may be all there is.
  bases.atomically(() => {
    bases.release(one.name)
    notices.happened({
      kind: 'kept_save',
      ...(one.id !== '' && { record: one.id }),
      what: `a save could not be merged; its text is in ${at}`,
      where: one.path,
      fix: 'Copy from there what is missing.',
    })
  })
  return 0
}
