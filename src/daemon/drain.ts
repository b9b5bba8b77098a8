import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'

/** A stop that takes longer is cut short: what is acknowledged is durable anyway. */
const STOP_TIMEOUT_MS = 10_000
/**
 * Where the database was taken away, what was acknowledged since the last snapshot is in this process alone: the last
 * snapshot may take as long as a busy machine lets it.
 */
const RESCUE_TIMEOUT_MS = 5 * 60_000

export interface DrainParts {
  readonly stop: () => Promise<void>
  /** Gives the place of the daemon to others. */
  readonly release: () => void
  readonly exit: (code: number) => void
  /** For so long the daemon goes on serving first. */
  readonly servesMs?: number
  readonly clock: Pick<Clock, 'after'>
  readonly log: Logger
}

/** Ends the process. `isDatabaseGone`: nothing but this process has what is not in git yet. */
export type Drain = (options?: { readonly isDatabaseGone: boolean }) => void

/** What ends the process: once, in order, and in any case. */
export function createDrain({ stop, release, exit, servesMs = 0, clock, log }: DrainParts): Drain {
  let cancel: (() => void) | undefined
  const within = (ms: number): void => {
    cancel?.()
    cancel = clock.after(ms, () => {
      log.error('stopping took too long and is cut short')
      exit(1)
    })
  }
  let isDraining = false
  let isRescue = false
  return ({ isDatabaseGone } = { isDatabaseGone: false }) => {
    if (isDatabaseGone && !isRescue) {
      isRescue = true
      within(RESCUE_TIMEOUT_MS)
    }
    if (isDraining) return
    isDraining = true
    log.info('the daemon is stopping')
    if (!isRescue) within(STOP_TIMEOUT_MS + servesMs)
    stop()
      .then(
        () => 0,
        (error: unknown) => {
          log.error('stopping failed', { error })
          return 1
        },
      )
      .then((code) => {
        cancel?.()
        release()
        exit(code)
      })
      .catch(() => exit(1))
  }
}
