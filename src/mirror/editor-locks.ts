import type { Disk } from './disk.ts'

/** What editors put beside a file while they have it open: vim and nano a swap file, emacs a link. */
const LOCKS: readonly ((name: string) => string)[] = [(name) => `.${name}.swp`, (name) => `.#${name}`]

/** Whether an editor says that it has a file open: then what is written now may be saved over much later [M6]. */
export async function isOpenInEditor(disk: Disk, path: string): Promise<boolean> {
  const at = path.lastIndexOf('/') + 1
  for (const lockOf of LOCKS) {
    const lock = path.slice(0, at) + lockOf(path.slice(at))
    if (Buffer.byteLength(lock) - at > MAX_NAME_BYTES) continue
    if ((await disk.read(lock)).type !== 'absent') return true
  }
  return false
}

/** A longer name cannot be on the disk. */
const MAX_NAME_BYTES = 255
