import type { Disk } from './disk.ts'
import { eachOf } from './each-of.ts'
import { freshPath, madePath } from './replace.ts'

/** Second names of files that are in their place. Each is needed until what is noted of its file is on disk. */
export interface SecondNames {
  add(path: string): void
  /** Those that a file may have that was made where none was. `name` is the intent's. */
  addOf(name: string): void
  isEmpty(): boolean
  /** Removes them; for when what was noted of their files is on disk. One that the disk does not let go is tried again the next time. */
  remove(): Promise<void>
}

const WIDTH = 8

export function createSecondNames(disk: Pick<Disk, 'remove'>): SecondNames {
  const names = new Set<string>()
  return {
    add: (path) => void names.add(path),
    addOf: (name) => void names.add(freshPath(name)).add(madePath(name)),
    isEmpty: () => names.size === 0,
    remove: () =>
      eachOf([...names], WIDTH, async (path) => {
        const isGone = await disk.remove(path).then(
          () => true,
          () => false,
        )
        if (isGone) names.delete(path)
      }),
  }
}
