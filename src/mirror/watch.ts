import { type FSWatcher, watch } from 'node:fs'
import { basename, join } from 'node:path'
import { reasonOf } from '../base/error.ts'
import { errnoOf } from './errno.ts'

export interface WatchEvents {
  /** Something happened at a path below the mirror directory, perhaps. */
  readonly hint: (path: string) => void
  /** Events are no longer to be relied on. */
  readonly failed: (reason: string) => void
}

export interface Watching {
  /** Watches these folders, below the mirror directory, and no others. */
  follow(folders: readonly string[]): void
  stop(): void
}

/** PORT: tells of changes sooner than the next scan would. */
export type Watch = (events: WatchEvents) => Watching

/**
 * Watches the folders of a real directory. Events are hints only [M3]: some are late, some wrong, some never come.
 * One watch a folder, by node:fs itself: chokidar watches every file, and reads the whole folder again at each change
 * of one, which at 10,000 files took nine tenths of the time to write them.
 */
export function createNodeWatch(root: string): Watch {
  return ({ hint, failed }) => {
    const watchers = new Map<string, FSWatcher>()
    const drop = (folder: string): void => {
      watchers.get(folder)?.close()
      watchers.delete(folder)
    }
    const add = (folder: string): void => {
      try {
        const watcher = watch(join(root, folder), { persistent: false })
        watchers.set(folder, watcher)
        watcher.on('error', (error) => {
          drop(folder)
          failed(reasonOf(error))
        })
        watcher.on('change', (event, name) => {
          hint([folder, ...(name === null ? [] : [String(name)])].filter((part) => part !== '').join('/'))
          // The folder itself is gone or another one, and this watch is dead: the next scan brings a new one.
          if (event === 'rename' && name === basename(join(root, folder))) drop(folder)
        })
      } catch (error) {
        // A folder that has gone meanwhile is found by the next scan.
        if (errnoOf(error) !== 'ENOENT') failed(reasonOf(error))
      }
    }
    return {
      follow(folders) {
        const wanted = new Set(folders)
        for (const folder of [...watchers.keys()]) if (!wanted.has(folder)) drop(folder)
        for (const folder of wanted) if (!watchers.has(folder)) add(folder)
      },
      stop() {
        for (const folder of [...watchers.keys()]) drop(folder)
      },
    }
  }
}
