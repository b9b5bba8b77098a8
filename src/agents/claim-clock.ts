import type { Clock } from '../base/clock.ts'

/**
 * When leases end. Deadlines are of the clock that only goes forward: a wall clock that jumps ends nothing and keeps
 * nothing alive. A holder that is connected has no deadline.
 */
export interface ClaimClock {
  /** Gives a lease so long from now; undefined: for ever. */
  set(task: string, ms: number | undefined): void
  clear(task: string): void
  stop(): void
}

export function createClaimClock(clock: Clock, onDue: (task: string) => void): ClaimClock {
  const deadlines = new Map<string, number>()
  let cancel: () => void = () => undefined

  const fire = (): void => {
    const now = clock.monotonic()
    const due = [...deadlines].filter(([, at]) => at <= now)
    for (const [task] of due) deadlines.delete(task)
    for (const [task] of due) onDue(task)
    arm()
  }
  const arm = (): void => {
    cancel()
    cancel = () => undefined
    if (deadlines.size === 0) return
    const next = Math.min(...deadlines.values())
    cancel = clock.after(Math.max(0, next - clock.monotonic()), fire)
  }

  return {
    set(task, ms) {
      if (ms === undefined) deadlines.delete(task)
      else deadlines.set(task, clock.monotonic() + ms)
      arm()
    },
    clear(task) {
      if (deadlines.delete(task)) arm()
    },
    stop() {
      deadlines.clear()
      cancel()
    },
  }
}
