import type { Clock } from '../../base/clock.ts'

/** How often each address has shown a wrong token of late. */
export interface Failures {
  /** Counts one more; true when there are too many now. */
  note(from: string): boolean
  areTooMany(from: string): boolean
}

const MAX_FAILURES = 20
const FAILURES_MS = 60_000
const MAX_ADDRESSES = 10_000

export function createFailures(clock: Pick<Clock, 'monotonic'>): Failures {
  const failures = new Map<string, { readonly count: number; readonly since: number }>()
  const countOf = (from: string): number => {
    const found = failures.get(from)
    if (found && clock.monotonic() - found.since < FAILURES_MS) return found.count
    failures.delete(from)
    return 0
  }
  return {
    note(from) {
      const count = countOf(from) + 1
      const [oldest] = failures.keys()
      if (failures.size >= MAX_ADDRESSES && oldest !== undefined) failures.delete(oldest)
      failures.set(from, { count, since: failures.get(from)?.since ?? clock.monotonic() })
      return count > MAX_FAILURES
    },
    areTooMany: (from) => countOf(from) > MAX_FAILURES,
  }
}
