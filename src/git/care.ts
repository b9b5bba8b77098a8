import type { Clock } from '../base/clock.ts'
import { reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { GitObjects, GitRepo } from './git-repo.ts'

/** Keeps the repository tidy, as git's own commands would: those that orch uses never do. */
export interface GitCare extends Service {
  /** As last measured; undefined before. */
  objects(): GitObjects | undefined
}

export interface GitCareParts {
  readonly repo: Pick<GitRepo, 'objects' | 'packLoose'>
  readonly clock: Clock
  readonly log: Logger
  /** Whether anything was committed since it was asked last. */
  readonly isChanged: () => boolean
}

/** A snapshot a minute makes about 7,000 objects a day. */
const MANY_LOOSE = 2000
/** With 10,000 tasks a snapshot writes a megabyte, which packs to next to nothing. */
const MUCH_LOOSE = 64 << 20
const FIRST_MS = 30_000
const EVERY_MS = 30 * 60_000

/** Looks every half hour, where there were snapshots, whether loose objects have become many, and packs them. */
export function createGitCare({ repo, clock, log, isChanged }: GitCareParts): GitCare {
  let found: GitObjects | undefined
  let cancel: (() => void) | undefined
  let running: Promise<void> = Promise.resolve()

  const look = async (): Promise<void> => {
    try {
      if (!isChanged() && found) return
      found = await repo.objects()
      if (found.loose < MANY_LOOSE && found.looseBytes < MUCH_LOOSE) return
      // The first time packs them; those that a pack has are then dropped the next time.
      await repo.packLoose()
      await repo.packLoose()
      const before = found
      found = await repo.objects()
      log.info('packed loose objects', { before: before.loose, after: found.loose, bytes: found.bytes })
    } catch (error) {
      // Another git may be doing the same; nothing depends on it.
      log.warn('loose objects were not packed', { reason: reasonOf(error) })
    }
  }
  const plan = (ms: number): void => {
    cancel = clock.after(ms, () => {
      running = look().then(() => {
        if (cancel) plan(EVERY_MS)
      })
    })
  }

  return {
    name: 'git care',
    async start() {
      plan(FIRST_MS)
    },
    objects: () => found,
    async stop() {
      cancel?.()
      cancel = undefined
      await running
    },
  }
}
