import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'
import type { Service } from './service.ts'

export interface Watchdog extends Service {
  /** The longest time, in milliseconds, that the event loop was late in the last minute or so. */
  worstDelayMs(): number
}

const BEAT_MS = 1000
const BEATS_KEPT = 60
const REPORT_MS = 250

/** Notices when something keeps the event loop: a beat a second that comes late is that much delay. */
export function createWatchdog({ clock, log }: { readonly clock: Clock; readonly log: Logger }): Watchdog {
  const delays: number[] = []
  let cancel = (): void => undefined
  const beat = (): void => {
    const due = clock.monotonic() + BEAT_MS
    cancel = clock.after(BEAT_MS, () => {
      const late = clock.monotonic() - due
      delays.push(late)
      if (delays.length > BEATS_KEPT) delays.shift()
      if (late > REPORT_MS) log.warn('the event loop was blocked', { milliseconds: Math.round(late) })
      beat()
    })
  }
  return {
    name: 'watchdog',
    start() {
      beat()
      return Promise.resolve()
    },
    stop() {
      cancel()
      return Promise.resolve()
    },
    worstDelayMs: () => Math.round(Math.max(0, ...delays)),
  }
}
