import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'

const MEASURE_MS = 2500
const RESOLUTION_MS = 5
/** A collection of everything keeps the event loop for tens of milliseconds, so not each time. */
const COLLECT_EVERY = 4

/**
 * Logs how late the event loop was, how much of that was the collection of garbage, and how much memory is held; for
 * tests that ask. `kept`, now and then and on SIGUSR2, is what is left when all garbage is gone: the program's own.
 */
export function measure(log: Logger, clock: Clock): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const late = (nanoseconds: number): number => Math.max(0, Math.round(nanoseconds / 1e5) / 10 - RESOLUTION_MS)
  let collections: number[] = []
  new PerformanceObserver((list) => {
    collections.push(...list.getEntries().map(({ duration }) => duration))
  }).observe({ entryTypes: ['gc'] })

  const read = (isCollecting: boolean): void => {
    const { rss, heapUsed, external } = process.memoryUsage()
    const figures = {
      p50: late(delay.percentile(50)),
      p99: late(delay.percentile(99)),
      max: late(delay.max),
      collectionMax: Math.round(Math.max(0, ...collections) * 10) / 10,
      rss,
      heapUsed,
      external,
    }
    // What a test asks for is not what the program does: it counts in no figure.
    delay.disable()
    log.info('measured', { ...figures, ...(isCollecting && { kept: keptAfter(collect) }) })
    collections = []
    delay.reset()
    delay.enable()
  }

  const again = (count: number): void => {
    clock.after(MEASURE_MS, () => {
      read(count % COLLECT_EVERY === 0)
      again(count + 1)
    })
  }
  again(0)
  process.on('SIGUSR2', () => read(true))
}

function keptAfter(collect: () => void): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
