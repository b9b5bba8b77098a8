import type { Clock } from '../base/clock.ts'
import { diffText } from '../model/text-diff.ts'
import type { Stamp } from './disk.ts'

/** A file that nobody touched for this long is taken as saved, where nothing tells whether a writer has it open. */
export const QUIET_MS = 250
/** The same where it is known that no program has it open for writing. */
const CLOSED_QUIET_MS = 25
/** The same on a file system of another machine, which tells late. */
const REMOTE_QUIET_MS = 2000
/** The same for a file that looks as if its end were still to come. */
export const TORN_MS = 2000
/** The clock was set when it differs by more from what it should be: less than the quiet time of files that may be open. */
const JUMP_MS = 50
/** A file that is open for writing for longer than this is told about. */
export const OPEN_TOLD_MS = 30_000

/** How long a file must be untouched before it is read: as configured, or by what the disk tells of it. */
export type Quiet = (isBeingWritten: boolean | undefined) => number

export function quietBy(disk: { readonly isRemote: boolean }, configured?: number): Quiet {
  return (isBeingWritten) =>
    configured ?? (isBeingWritten !== undefined ? CLOSED_QUIET_MS : disk.isRemote ? REMOTE_QUIET_MS : QUIET_MS)
}

/**
 * How much longer to wait before a file may be read as saved [M4]; 0: now. `changedAt` is by the disk's clock: how old that
 * makes a file is believed no further back than `evenFor`, since when nobody can have set the clock. Else only what was
 * seen counts.
 */
export function settleDelay(
  times: { readonly now: number; readonly changedAt: number; readonly evenFor: number; readonly seenFor: number },
  quiet: number,
): number {
  const age = Math.min(times.now - times.changedAt, times.evenFor)
  return Math.max(0, quiet - Math.max(times.seenFor, age))
}

/** Remembers since when files have looked as they do, so that a clock that was set keeps nobody waiting, and fools nobody. */
export interface Settling {
  /** How much longer to wait before a file may be read as saved; 0: now. */
  delay(path: string, stamp: Stamp, quietMs: number): number
  forget(path: string): void
}

export function createSettling(clock: Clock): Settling {
  const offset = (): number => clock.now() - clock.monotonic()
  let known = offset()
  /** Before this process began, and before the clock was set, half a file may have been written a moment ago and look old. */
  let evenSince = clock.monotonic()
  const evenFor = (): number => {
    const now = offset()
    if (Math.abs(now - known) > JUMP_MS) evenSince = clock.monotonic()
    known = now
    return clock.monotonic() - evenSince
  }
  const seen = new Map<string, { readonly signature: string; readonly since: number }>()
  const seenFor = (path: string, signature: string): number => {
    const before = seen.get(path)
    if (before?.signature === signature) return clock.monotonic() - before.since
    seen.set(path, { signature, since: clock.monotonic() })
    return 0
  }
  return {
    delay(path, { signature, changedAt }, quietMs) {
      const times = { now: clock.now(), changedAt, evenFor: evenFor(), seenFor: seenFor(path, signature) }
      return settleDelay(times, quietMs)
    },
    forget: (path) => void seen.delete(path),
  }
}

/** Whether a text looks like the first part of one: shorter than the base, and its end is missing. */
export function looksTorn(base: string, disk: string): boolean {
  if (disk.length >= base.length) return false
  if (disk.trim() === '' || (base.endsWith('\n') && !disk.endsWith('\n'))) return true
  const last = diffText(base, disk).at(-1)
  return last !== undefined && last.insert === '' && last.at + last.delete === base.length
}
