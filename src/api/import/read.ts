import { OrchError, reasonOf } from '../../base/error.ts'
import { shortHash } from '../../base/hash.ts'
import { placeOf, toPage, toTask } from '../../model/import/backlog.ts'
import { readForeign } from '../../model/import/foreign.ts'
import type { RecordKind } from '../../model/kind.ts'
import { decodeFile } from '../../model/markdown.ts'
import { type Folder, walk } from './folder.ts'
import type { ReadRecord } from './identify.ts'
import type { Draft } from './report.ts'

/** Largest file that is read, in bytes. */
const MAX_FILE_BYTES = 2 << 20

/** Where Backlog.md keeps its files, below a folder: there, or in the folder itself. Rejects with `import_failed`. */
export async function findRoot(folder: Folder, name: string): Promise<string> {
  for (const root of ['backlog', '.backlog', '']) {
    const names = (await readNames(folder, root, name)) ?? []
    if (['tasks', 'completed', 'drafts'].some((one) => names.includes(one))) return root
  }
  throw new OrchError('import_failed', { path: name, reason: 'there is no folder of Backlog.md in it' })
}

/** Reads all files as tasks of a kind, the project's own, and pages, in the order of their old ids. What cannot be read is reported and passed over. */
export async function readFiles(
  kind: RecordKind,
  folder: Folder,
  root: string,
  draft: Draft,
  progress: (done: number, total: number) => void,
): Promise<readonly ReadRecord[]> {
  const files: ReadRecord[] = []
  const found = await walk(folder, root)
  for (const [done, { path: source, type }] of found.entries()) {
    progress(done, found.length)
    const path = root === '' ? source : source.slice(root.length + 1)
    const read = await readOne(kind, folder, source, path, type)
    if ('reason' in read) draft.skipped.push({ file: path, ...read })
    else files.push({ tool: 'Backlog.md', path, ...read })
  }
  return files.sort((a, b) => byOldId.compare(a.record.alias ?? a.path, b.record.alias ?? b.path))
}

/** The names in a folder below. Rejects with `import_failed` when it cannot be read. */
export async function readNames(folder: Folder, path: string, name: string): Promise<readonly string[] | undefined> {
  try {
    return (await folder.readDir(path))?.map((entry) => entry.name)
  } catch (error) {
    throw new OrchError('import_failed', { path: name, reason: reasonOf(error) }, error)
  }
}

const byOldId = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

interface Refused {
  readonly reason: string
  readonly line?: number
}

async function readOne(
  kind: RecordKind,
  folder: Folder,
  source: string,
  path: string,
  type: string,
): Promise<Pick<ReadRecord, 'record' | 'hash'> | Refused> {
  if (type !== 'file') return { reason: `it is ${type === 'link' ? 'a symbolic link' : 'no plain file'}` }
  const place = placeOf(path)
  if (place === 'none') return { reason: 'it is no Markdown: there is no place for it here' }
  const bytes = await readBytes(folder, source)
  if ('reason' in bytes) return bytes
  const decoded = decodeFile(bytes)
  if (!decoded.ok) return { reason: decoded.reason, line: decoded.line }
  const file = readForeign(decoded.text)
  if (!file.ok) return { reason: file.reason, line: file.line }
  // The folder is a part of what a file says: one that moved to `completed` has changed.
  const hash = shortHash(`${place}\n${decoded.text}`)
  if (place === 'page' || (!file.hasFrontMatter && /(^|\/)readme\.md$/i.test(path))) {
    const record = toPage(path, file)
    return record.file === undefined ? { reason: 'no file can be called so on every system' } : { record, hash }
  }
  const record = toTask(kind, path, place, file)
  return record.alias === undefined ? { reason: 'it has no id in its front matter', line: 1 } : { record, hash }
}

async function readBytes(folder: Folder, path: string): Promise<Uint8Array | Refused> {
  try {
    return await folder.readFile(path, MAX_FILE_BYTES)
  } catch (error) {
    return { reason: reasonOf(error) }
  }
}
