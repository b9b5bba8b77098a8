import { diffText } from '../model/text-diff.ts'

/** A file that nobody touched for this long is taken as saved. Nothing tells reliably that a writer has it open. */
export const QUIET_MS = 250
/** The same for a file that looks as if its end were still to come. */
export const TORN_MS = 2000

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

/** Whether a text looks like the first part of one: shorter than the base, and its end is missing. */
export function looksTorn(base: string, disk: string): boolean {
  if (disk.length >= base.length) return false
  if (disk.trim() === '' || (base.endsWith('\n') && !disk.endsWith('\n'))) return true
  const last = diffText(base, disk).at(-1)
  return last !== undefined && last.insert === '' && last.at + last.delete === base.length
}
