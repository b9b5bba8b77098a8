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
/** The clock was set when it differs by more from what it should be. */
const JUMP_MS = 1000
/** A file that is open for writing for longer than this is told about. */
export const OPEN_TOLD_MS = 30_000

/** How long a file must be untouched before it is read: as configured, or by what the disk tells of it. */
export type Quiet = (isBeingWritten: boolean | undefined) => number

export function quietBy(disk: { readonly isRemote: boolean }, configured?: number): Quiet {
  return (isBeingWritten) =>
    configured ?? (isBeingWritten !== undefined ? CLOSED_QUIET_MS : disk.isRemote ? REMOTE_QUIET_MS : QUIET_MS)
}

/**
 * How much longer to wait before a file may be read as saved [M4]; 0: now. `changedAt` is by the disk's clock: when that
 * is ahead of ours, only what was seen counts.
 */
export function settleDelay(
  times: { readonly now: number; readonly changedAt: number; readonly seenFor: number },
  quiet: number,
): number {
  const age = times.now - times.changedAt
  return Math.max(0, quiet - Math.max(times.seenFor, age))
}

/** Remembers since when files have looked as they do, so that a clock that was set back keeps nobody waiting. */
export interface Settling {
  /** How much longer to wait before a file may be read as saved; 0: now. */
  delay(path: string, stamp: Stamp, quietMs: number): number
  forget(path: string): void
}

export function createSettling(clock: Clock): Settling {
  const offset = (): number => clock.now() - clock.monotonic()
  let known = offset()
  let trustedFrom = clock.monotonic()
  /** By how much files have aged says nothing while the clock was just set: a half-written one would look old. */
  const isTrusted = (): boolean => {
    const now = offset()
    if (Math.abs(now - known) > JUMP_MS) trustedFrom = clock.monotonic() + TORN_MS
    known = now
    return clock.monotonic() >= trustedFrom
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
      const now = isTrusted() ? clock.now() : changedAt
      return settleDelay({ now, changedAt, seenFor: seenFor(path, signature) }, quietMs)
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
