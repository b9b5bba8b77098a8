import { relative, sep } from 'node:path'
import { watch } from 'chokidar'
import { reasonOf } from '../base/error.ts'
import { PRIVATE_DIRECTORY } from './replace.ts'

export interface WatchEvents {
  /** Something happened at a path below the mirror directory, perhaps. */
  readonly hint: (path: string) => void
  /** Events are no longer to be relied on. */
  readonly failed: (reason: string) => void
}

/** PORT: tells of changes sooner than the next scan would. Resolves when watching with what ends it. */
export type Watch = (events: WatchEvents) => Promise<() => Promise<void>>

/** Watches a real directory. Events are hints only [M3]: some are late, some wrong, some never come. */
export function createNodeWatch(root: string): Watch {
  return async ({ hint, failed }) => {
    const watcher = watch(root, {
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      ignored: (path) => relative(root, path).split(sep)[0] === PRIVATE_DIRECTORY,
    })
    watcher.on('all', (_event, path) => hint(relative(root, path).split(sep).join('/')))
    watcher.on('error', (error) => failed(reasonOf(error)))
    await new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
    return () => watcher.close()
  }
}
