import { basename, join, relative, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { reasonOf } from '../base/error.ts'

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
 * chokidar watches the folders alone: a watch on every file costs memory and time, and what it makes of the system's
 * events drops the last of two changes within 50 ms. Its raw events say all that a hint needs.
 */
export function createNodeWatch(root: string): Watch {
  return ({ hint, failed }) => {
    const followed = new Set<string>()
    const folderOf = (path: string): string => relative(root, path).split(sep).join('/')
    const watcher = watch([], {
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      persistent: false,
      depth: 0,
      ignored: (path) => !followed.has(folderOf(path)),
    })
    skipReading(watcher)
    const drop = (folder: string): void => {
      followed.delete(folder)
      watcher.unwatch(join(root, folder))
    }
    watcher.on('error', (error) => failed(reasonOf(error)))
    watcher.on('raw', (event, name, details) => {
      const watched = (details as { readonly watchedPath?: string } | undefined)?.watchedPath ?? root
      const path = folderOf(name ? join(watched, name) : watched)
      hint(path)
      // The folder itself is gone or another one, and this watch is dead: the next scan brings a new one.
      if (event === 'rename' && name === basename(watched)) drop(folderOf(watched))
    })
    return {
      follow(folders) {
        const wanted = new Set(folders)
        for (const folder of [...followed]) if (!wanted.has(folder)) drop(folder)
        for (const folder of wanted) {
          if (followed.has(folder)) continue
          followed.add(folder)
          watcher.add(join(root, folder))
        }
      },
      stop() {
        followed.clear()
        watcher.close().catch((error: unknown) => failed(reasonOf(error)))
      },
    }
  }
}

/**
 * Keeps chokidar from reading a whole folder again, with a stat of every file, at each change in it: with 10,000 files
 * 150 ms of CPU a change, and 54 s instead of 11 s to write them all. It reads to find what changed, which the raw event
 * has said and the scan will say. The method is not public; test/mirror/watch.test.ts fails when it is called otherwise.
 */
function skipReading(watcher: FSWatcher): void {
  Object.assign(watcher, { [READING_METHOD]: () => undefined })
}

/** What chokidar 5 reads folders with; a result of undefined is its own way to say that there is nothing to read. */
export const READING_METHOD = '_readdirp'
