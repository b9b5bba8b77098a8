/** Time as a dependency. Every part is given one, so that tests never wait. */
export interface Clock {
  /** Wall time in milliseconds since 1970. It may jump; never measure with it. */
  now(): number
  /** Milliseconds that only go forward. */
  monotonic(): number
  /** Calls `run` once after `ms` and returns what cancels it. Never keeps the process alive by itself. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** A clock that begins at `start`, by default the time it is, and then only goes on, whatever is done to the clock on the wall. */
export function createSteadyClock(clock: Clock, start = clock.now()): Clock {
  const begin = start - clock.monotonic()
  return { ...clock, now: () => begin + clock.monotonic() }
}

/** Resolves after `ms` of the given clock. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve))
}
