import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import { nextTurn } from '../base/turns.ts'
import { MAIN_DOC } from './journal.ts'
import type { KeptLoadSnapshots } from './load-snapshot.ts'
import type { OpenProject } from './open-project.ts'

export interface CompactionParts {
  readonly project: OpenProject
  readonly loads: Pick<KeptLoadSnapshots, 'make' | 'covers'>
  readonly log: Logger
}

/** A start replays at most about this many rows. */
const ROWS_BETWEEN = 1000

/** Makes a load snapshot every 1,000 rows, so that a start stays fast. No row is ever deleted. */
export function createCompaction({ project, loads, log }: CompactionParts): Service {
  /** Rows of the project's document since the newest; the work log is not in it. */
  let waiting = 0
  let running: Promise<void> | undefined
  let stopListening = (): void => undefined

  const check = (): void => {
    if (running || waiting < ROWS_BETWEEN) return
    const n = project.rowCount()
    waiting = 0
    running = loads
      .make(n)
      .then(() => log.info('load snapshot made', { rows: n }))
      // Only a slower start is at stake; the next thousand rows try again.
      .catch((error: unknown) => log.warn('load snapshot failed', { error }))
      .finally(() => {
        running = undefined
      })
  }

  return {
    name: 'compaction',
    async start() {
      waiting = project.rowCount() - loads.covers()
      stopListening = project.onCommit(({ rows }) => {
        waiting += rows.filter(({ doc }) => doc === MAIN_DOC).length
        check()
      })
      // To start a thread is a turn by itself.
      await nextTurn()
      check()
    },
    async stop() {
      stopListening()
      await running
    },
  }
}
