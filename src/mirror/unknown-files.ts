import { decodeFile } from '../model/markdown.ts'
import type { MirrorBases } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import { idIn } from './saved.ts'

/** Files next to these paths of which nothing is known yet, and that say this id; '' for none. */
export async function* unknownFiles(
  { disk, bases }: { readonly disk: Disk; readonly bases: MirrorBases },
  paths: readonly string[],
  id: string,
): AsyncGenerator<{ readonly path: string; readonly text: string }> {
  const known = bases.signatures()
  for (const folder of new Set(paths.map((one) => one.slice(0, one.lastIndexOf('/'))))) {
    const listing = await disk.list(folder)
    for (const { name, type } of listing.type === 'entries' ? listing.entries : []) {
      const path = `${folder}/${name}`
      if (type !== 'file' || known.has(path) || !name.endsWith('.md')) continue
      const found = await disk.read(path)
      const decoded = found.type === 'file' ? decodeFile(found.bytes) : undefined
      if (decoded?.ok && idIn(decoded.text) === id) yield { path, text: decoded.text }
    }
  }
}
