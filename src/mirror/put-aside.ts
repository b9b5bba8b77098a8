import { sha256 } from '../base/hash.ts'
import type { Base, MirrorBases } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'

/** How many names are tried. */
const NAMES = 100

/**
 * Gives a broken file another name beside its own, one that editors use for backups and nobody reads, and forgets it: its
 * record is written again as it is. Resolves to that name; undefined, with nothing done, when the file is not what was found
 * broken any more.
 */
export async function putAside(disk: Disk, bases: MirrorBases, { path, hash }: Base): Promise<string | undefined> {
  const kept = await freeName(disk, path)
  if (kept === undefined) return undefined
  const outcome = await disk.atOnce((steps) => {
    if (!steps.move(path, kept)) return 'gone'
    const bytes = steps.bytesOf(kept)
    // Somebody has saved. Should somebody have made another file there as well, both stay.
    if (!bytes || sha256(bytes) !== hash) return steps.link(kept, path) ? 'back' : 'aside'
    // In the same turn: a file that is gone while it has a base looks deleted.
    bases.drop(path)
    return 'aside'
  })
  if (outcome === 'back') await disk.remove(kept)
  return outcome === 'aside' ? kept : undefined
}

async function freeName(disk: Disk, path: string): Promise<string | undefined> {
  for (let i = 0; i < NAMES; i++) {
    const name = i === 0 ? `${path}~` : `${path}.~${i}~`
    if ((await disk.read(name)).type === 'absent') return name
  }
  return undefined
}
