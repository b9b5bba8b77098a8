import type { Clock } from '../../src/base/clock.ts'

export interface TestClock extends Clock {
  /** Moves time on, running what falls due in order; lets promises settle between timers. */
  advance(ms: number): Promise<void>
  /** Moves the wall clock only, as a person or NTP does. */
  jump(ms: number): void
}

/** A clock that stands still until told to move. */
export function createTestClock(start = Date.UTC(2026, 10, 23, 8, 0, 0)): TestClock {
  let monotonic = 0
  let offset = start
  let next = 0
  const timers = new Map<number, { at: number; run: () => void }>()
  return {
    now: () => offset + monotonic,
    monotonic: () => monotonic,
    after(ms, run) {
      const key = next++
      timers.set(key, { at: monotonic + Math.max(0, ms), run })
      return () => timers.delete(key)
    },
    async advance(ms) {
      const until = monotonic + ms
      for (;;) {
        await settle()
        const due = [...timers.entries()].filter(([, timer]) => timer.at <= until)
        due.sort(([a, x], [b, y]) => x.at - y.at || a - b)
        const first = due[0]
        if (!first) break
        timers.delete(first[0])
        monotonic = Math.max(monotonic, first[1].at)
        first[1].run()
      }
      monotonic = until
      await settle()
    },
    jump(ms) {
      offset += ms
    },
  }
}

/** Lets everything run that needs no time to pass. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
