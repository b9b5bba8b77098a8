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

/** Work that yields where it may rest. */
export type Steps<T> = Generator<undefined, T>

/** Does it in slices. Nothing that it reads may be changed by others meanwhile. */
export async function inTurns<T>(work: Steps<T>, turns: Turns): Promise<T> {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (turns.isOver()) await turns.next()
  }
}

/** The same where there is no clock: with a rest after so many steps. */
export async function inTurnsOf<T>(steps: number, work: Steps<T>): Promise<T> {
  for (let step = 1; ; step++) {
    const { done, value } = work.next()
    if (done) return value
    if (step % steps === 0) await nextTurn()
  }
}

/** Does it in this turn, as inside a transaction. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

const waiting: (() => void)[] = []

function release(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(release)
}

/** Resolves in a later turn, and for nobody else in the same: slices of several works would add up to one long turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(release)
  })
}
