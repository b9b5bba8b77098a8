import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { LoadSnapshots } from './load-snapshot.ts'
import type { OpenProject } from './open-project.ts'

export interface CompactionParts {
  readonly project: OpenProject
  readonly loads: LoadSnapshots
  readonly log: Logger
}

/** A start replays at most about this many rows. */
const ROWS_BETWEEN = 1000

/** Makes a load snapshot every 1,000 rows, so that a start stays fast. No row is ever deleted. */
export function createCompaction({ project, loads, log }: CompactionParts): Service {
  let done = 0
  let running: Promise<void> | undefined
  let stopListening = (): void => undefined

  const check = (): void => {
    const n = project.rowCount()
    if (running || n - done < ROWS_BETWEEN) return
    running = loads
      .make(n)
      .then(() => log.info('load snapshot made', { rows: n }))
      // Only a slower start is at stake; the next thousand rows try again.
      .catch((error: unknown) => log.warn('load snapshot failed', { error }))
      .finally(() => {
        done = n
        running = undefined
      })
  }

  return {
    name: 'compaction',
    start() {
      done = loads.newest()?.n ?? 0
      stopListening = project.onCommit(check)
      check()
      return Promise.resolve()
    },
    async stop() {
      stopListening()
      await running
    },
  }
}
