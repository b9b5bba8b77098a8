import { OrchError, reasonOf } from '../../base/error.ts'
import { shortHash } from '../../base/hash.ts'
import { readIssue } from '../../model/import/beads/issue.ts'
import { toTask } from '../../model/import/beads/task.ts'
import type { RecordKind } from '../../model/kind.ts'
import { decodeFile } from '../../model/markdown.ts'
import type { Folder } from './folder.ts'
import type { ReadRecord } from './identify.ts'
import { type Line, splitLines } from './lines.ts'
import { readNames } from './read.ts'
import type { Draft } from './report.ts'

/** Longest line that is read, in bytes. */
const MAX_LINE_BYTES = 2 << 20

/** Where beads keeps its issues, below a folder; before 0.20 the file was called beads.jsonl. Rejects with `import_failed`. */
export async function findIssues(folder: Folder, name: string): Promise<string> {
  for (const dir of ['.beads', '']) {
    const names = (await readNames(folder, dir, name)) ?? []
    const file = ['issues.jsonl', 'beads.jsonl'].find((one) => names.includes(one))
    if (file !== undefined) return dir === '' ? file : `${dir}/${file}`
  }
  throw new OrchError('import_failed', { path: name, reason: 'there is no .beads/issues.jsonl in it' })
}

/** Reads one issue after the other, as tasks of a kind: the project's own. A line that holds none is reported and passed over. Rejects with `import_failed`. */
export async function* readIssues(
  kind: RecordKind,
  folder: Folder,
  { path, name }: { readonly path: string; readonly name: string },
  draft: Draft,
): AsyncGenerator<ReadRecord> {
  try {
    for await (const line of splitLines(folder.streamFile(path), MAX_LINE_BYTES)) {
      const read = readLine(kind, line)
      if (read === undefined) continue
      if ('reason' in read) draft.skipped.push({ file: path, line: line.number, reason: read.reason })
      else yield read
    }
  } catch (error) {
    throw new OrchError('import_failed', { path: name, reason: reasonOf(error) }, error)
  }
}

function readLine(kind: RecordKind, { size, bytes }: Line): ReadRecord | { readonly reason: string } | undefined {
  if (bytes === undefined) return { reason: `it is ${size} bytes; the limit is ${MAX_LINE_BYTES}` }
  const decoded = decodeFile(bytes)
  if (!decoded.ok) return { reason: `it ${decoded.reason}` }
  const text = decoded.text.trim()
  if (text === '') return undefined
  const issue = readIssue(text)
  if (issue.id === undefined) return { reason: String(issue.reason) }
  const record = toTask(kind, issue)
  if ('reason' in record) return { reason: `${issue.id}: ${record.reason}` }
  return { tool: 'beads', path: issue.id, record, hash: shortHash(text) }
}
