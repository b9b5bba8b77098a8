import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { createTurns } from '../base/turns.ts'
import type { Random } from '../model/id.ts'
import type { Project } from '../store/project.ts'
import type { Disk } from './disk.ts'
import { diskReason } from './errno.ts'
import { LOCAL, README } from './places.ts'
import type { Notices } from './problem.ts'
import { showPage } from './view-files.ts'
import { type LocalFacts, overviewOf, renderLocal, renderReadme } from './views.ts'
import { WRITABLE } from './write-out.ts'

export interface PagesParts {
  readonly project: Project
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly notices: Notices
  readonly facts: () => LocalFacts
  /** Whether the disk exchanges files in one step. */
  readonly exchanges: () => boolean
}

/** The pages that are only rendered: README.md and LOCAL.md. */
export interface Pages {
  /** Writes those that do not say what they should. */
  show(): Promise<void>
  /** Whether one could not be written, and is to be tried again. */
  areStale(): boolean
}

export function createPages({ project, disk, clock, random, log, notices, facts, exchanges }: PagesParts): Pages {
  const pages = {
    [README]: async () => renderReadme(await overviewOf(project, createTurns(clock))),
    [LOCAL]: async () => renderLocal(facts()),
  }
  let areStale = false
  return {
    async show() {
      areStale = false
      for (const [path, render] of Object.entries(pages)) {
        try {
          await showPage(disk, random, path, await render(), { inOneStep: exchanges() })
          notices.works(path)
        } catch (error) {
          areStale = true
          log.warn('a page could not be written', { path, error })
          notices.failing({ what: `cannot be written: ${diskReason(error)}`, where: path, fix: WRITABLE })
        }
      }
    },
    areStale: () => areStale,
  }
}
