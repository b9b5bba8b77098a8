import type { MirrorBases } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import { freshPath, PRIVATE_DIRECTORY } from './replace.ts'
import { PAGE_PREFIX } from './view-files.ts'

/**
 * Removes what a run before this one has left: unfinished files and those of pages, in which is nothing of anybody's. A
 * displaced file is never removed unseen. Resolves with whether the disk let them be seen.
 */
export async function removeLeftovers(disk: Disk, bases: MirrorBases): Promise<boolean> {
  await bases.synced()
  const left = await disk.list(PRIVATE_DIRECTORY)
  const needed = new Set(bases.intents().map(({ name }) => freshPath(name)))
  for (const { name } of left.type === 'entries' ? left.entries : []) {
    const path = `${PRIVATE_DIRECTORY}/${name}`
    if ((name.endsWith('.new') && !needed.has(path)) || name.startsWith(PAGE_PREFIX)) await disk.remove(path)
  }
  return left.type !== 'unreadable'
}
