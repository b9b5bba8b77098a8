import type { Clock } from './clock.ts'

export interface CoalesceOptions {
  readonly clock: Clock
  /** Run this long after the last call. */
  readonly quietMs: number
  /** But at the latest this long after the first call that has not been served. */
  readonly maxMs: number
  readonly run: () => void | Promise<void>
  readonly onError: (error: unknown) => void
}

export interface Coalesce {
  /** Asks for a run. Many calls make one run. */
  poke(): void
  /** Runs now what was asked for, after a run that is under way; resolves when done. Rejects when the run fails. */
  flush(): Promise<void>
  /** Forgets what was asked for and waits for a run under way. */
  stop(): Promise<void>
}

/** Runs something once, later, however often it was asked for: the only debounce in orch. Runs never overlap. */
export function createCoalesce({ clock, quietMs, maxMs, run, onError }: CoalesceOptions): Coalesce {
  let cancel: (() => void) | undefined
  let firstAsked: number | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = false

  const start = (): Promise<void> => {
    cancel?.()
    cancel = undefined
    firstAsked = undefined
    const result = running.then(run)
    running = result.catch(() => undefined)
    return result
  }

  return {
    poke() {
      if (stopped) return
      const now = clock.monotonic()
      firstAsked ??= now
      cancel?.()
      const wait = Math.max(0, Math.min(quietMs, firstAsked + maxMs - now))
      cancel = clock.after(wait, () => {
        start().catch(onError)
      })
    },
    flush: () => (stopped ? running : start()),
    async stop() {
      stopped = true
      cancel?.()
      cancel = undefined
      await running
    },
  }
}
