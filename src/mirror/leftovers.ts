import type { MirrorBases } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import { freshPath, madePath, PRIVATE_DIRECTORY } from './replace.ts'
import { PAGE_PREFIX } from './view-files.ts'

/**
 * Removes what a run before this one has left. A displaced file is never removed unseen. Resolves with whether the disk let them be seen.
 */
export async function removeLeftovers(disk: Disk, bases: MirrorBases): Promise<boolean> {
  await bases.synced()
  const left = await disk.list(PRIVATE_DIRECTORY)
  const needed = new Set(bases.intents().flatMap(({ name }) => [freshPath(name), madePath(name)]))
  for (const { name } of left.type === 'entries' ? left.entries : []) {
    const path = `${PRIVATE_DIRECTORY}/${name}`
    if (isLeftover(path) && !needed.has(path)) await disk.remove(path)
  }
  return left.type !== 'unreadable'
}

/** Whether nothing of anybody's is in a private file: it is unfinished, a second name, or a page's. */
export function isLeftover(path: string): boolean {
  if (!path.startsWith(`${PRIVATE_DIRECTORY}/`)) return false
  return path.endsWith('.new') || path.endsWith('.made') || path.startsWith(`${PRIVATE_DIRECTORY}/${PAGE_PREFIX}`)
}
