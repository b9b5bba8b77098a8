import type { Clock } from '../base/clock.ts'
import { reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { eachOf } from './each-of.ts'
import type { Notices } from './problem.ts'
import type { TakeIn } from './take-in.ts'

const WIDTH = 16

export interface VisitsParts {
  readonly takeIn: TakeIn
  readonly clock: Clock
  readonly log: Logger
  readonly notices: Notices
  /** How long after a hint to look at the earliest. */
  readonly quietMs: () => number
  /** Some paths are due: call `look` with them when it is their turn. */
  readonly onDue: () => void
  /** A path was looked at; see Visit. */
  readonly onLooked: (path: string, signature: string | undefined) => void
  readonly onAbsent: (path: string) => void
}

/** When to look at which path. */
export interface Visits {
  /** Something may have happened there: look when it has been quiet for a while. */
  hint(path: string): void
  /** Looks at these paths, and at those that are due. */
  look(paths: readonly string[]): Promise<void>
  /** Paths that were not settled when they were looked at, and when they will be, on the monotonic clock. */
  unsettled(): ReadonlyMap<string, number>
  stop(): void
}

export function createVisits({ takeIn, clock, log, notices, quietMs, onDue, onLooked, onAbsent }: VisitsParts): Visits {
  const timers = new Map<string, () => void>()
  const unsettled = new Map<string, number>()
  const due = new Set<string>()
  let isStopped = false

  const later = (path: string, ms: number): void => {
    timers.get(path)?.()
    if (isStopped) return
    timers.set(
      path,
      clock.after(ms, () => {
        timers.delete(path)
        due.add(path)
        if (due.size === 1) onDue()
      }),
    )
  }

  const visit = async (path: string): Promise<void> => {
    timers.get(path)?.()
    timers.delete(path)
    try {
      const result = await takeIn(path)
      if (result.type !== 'wait') unsettled.delete(path)
      switch (result.type) {
        case 'wait':
          unsettled.set(path, clock.monotonic() + result.ms)
          return later(path, result.ms)
        case 'absent':
          return onAbsent(path)
        case 'looked':
          return onLooked(path, result.signature)
      }
    } catch (error) {
      // One file that cannot be taken in must not keep the others from it. The next scan tries again.
      unsettled.delete(path)
      log.error('a file could not be taken in', { path, error })
      notices.failing({
        what: `could not be taken in: ${reasonOf(error)}`,
        where: path,
        fix: 'It is tried again by itself; the file is left as it is.',
      })
    }
  }

  return {
    hint: (path) => later(path, quietMs()),
    async look(paths) {
      const all = [...new Set([...due, ...paths])]
      due.clear()
      await eachOf(all, WIDTH, visit)
    },
    unsettled: () => unsettled,
    stop() {
      isStopped = true
      for (const cancel of timers.values()) cancel()
      timers.clear()
    },
  }
}
