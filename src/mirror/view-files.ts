import { sha256 } from '../base/hash.ts'
import { type Random, randomText } from '../model/id.ts'
import type { Disk } from './disk.ts'
import { exchange, privatePaths } from './replace.ts'

/** Of the private files of pages: nothing in them is ever worth keeping. */
export const PAGE_PREFIX = 'page-'

/** Writes a page that is only rendered, if it does not say so already. What a person typed there is replaced. */
export async function showPage(
  disk: Disk,
  random: Random,
  path: string,
  text: string,
  options: { readonly inOneStep: boolean },
): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  const to = sha256(bytes)
  const found = await disk.read(path)
  if (found.type !== 'file' && found.type !== 'absent') return
  const from = found.type === 'file' ? sha256(found.bytes) : undefined
  if (from === to) return
  const name = `${PAGE_PREFIX}${randomText(random, 16)}`
  try {
    await exchange(disk, { name, path, from, to }, bytes, { ...options, onLeft: () => undefined })
  } finally {
    for (const one of privatePaths(name)) await disk.remove(one)
  }
}
