import type { Clock } from '../base/clock.ts'

/** How often something may be done: a few times at once after a calm, and once in a while when it never ends. */
export interface Pace {
  /** Milliseconds until it may be done again; 0 when it may be done now. */
  wait(): number
  /** It was done. */
  spend(): void
}

/**
 * A token bucket.
 *
 * @param burst how many times at once
 * @param everyMs how long it takes until one more is allowed
 */
export function createPace(clock: Pick<Clock, 'monotonic'>, burst: number, everyMs: number): Pace {
  let [tokens, at] = [burst, clock.monotonic()]
  const refill = (): void => {
    const now = clock.monotonic()
    tokens = Math.min(burst, tokens + (now - at) / everyMs)
    at = now
  }
  return {
    wait() {
      refill()
      // Parts of a millisecond are no reason to look again.
      return tokens >= 1 ? 0 : Math.ceil((1 - tokens) * everyMs)
    },
    spend() {
      refill()
      tokens -= 1
    },
  }
}
