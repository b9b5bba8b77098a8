import type { Clock } from './clock.ts'

/** Long work in slices that leave the event loop to others in between. */
export interface Turns {
  /** Whether this turn has lasted long enough. */
  isOver(): boolean
  /** Lets everybody else have the event loop. Anything may have changed afterwards. */
  next(): Promise<void>
}

const SLICE_MS = 4

export function createTurns(clock: Pick<Clock, 'monotonic'>): Turns {
  let since = clock.monotonic()
  return {
    isOver: () => clock.monotonic() - since >= SLICE_MS,
    async next() {
      await nextTurn()
      since = clock.monotonic()
    },
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
