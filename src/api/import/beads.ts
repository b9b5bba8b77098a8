import { nextTurn } from '../../base/turns.ts'
import { task } from '../../model/kinds/task.ts'
import type { Folder } from './folder.ts'
import { createIdentify, type Item, type ReadRecord } from './identify.ts'
import { type ImportParts, importItems, RECORDS_PER_SLICE } from './items.ts'
import { createLinker } from './links.ts'
import { createExactNames } from './names.ts'
import { findIssues, readIssues } from './read-issues.ts'
import { type Draft, emptyDraft, finish, type Report } from './report.ts'

export interface BeadsOptions {
  readonly dryRun: boolean
  /** Whether issues that are deleted there become deleted tasks; else they are only counted. */
  readonly withDeleted: boolean
  /** What the caller named, for errors. */
  readonly name: string
}

/**
 * Imports the issues of beads from `issues.jsonl`: `file` in the folder, or the one where beads keeps it. Records that an
 * earlier import made are left as they are, so that a second run changes nothing and one that was interrupted is
 * completed by the next. Rejects with `import_failed` when there is no such file.
 */
export async function importBeads(
  parts: ImportParts & { readonly folder: Folder; readonly file: string | undefined },
  options: BeadsOptions,
): Promise<Report> {
  const { project, folder, file } = parts
  const draft = emptyDraft(options.dryRun)
  const path = file ?? (await findIssues(folder, options.name))
  const items = await readItems(
    parts,
    readIssues(project.kinds.own(task), folder, { path, name: options.name }, draft),
    options,
    draft,
  )
  const deleted = new Set(draft.deleted.map((id) => id.toLowerCase()))
  const linkerOf = createLinker(project, items, {
    draft,
    names: createExactNames(items),
    absence: (id) => (deleted.has(id.trim().toLowerCase()) ? 'is deleted there' : 'is not here'),
  })
  await importItems(parts, items, linkerOf, draft)
  return finish(draft, project.kinds)
}

/** Reads all issues. Deleted ones come last: where one has the id of a living one, that keeps it in every run. */
async function readItems(
  { project, progress }: ImportParts,
  issues: AsyncIterable<ReadRecord>,
  { dryRun, withDeleted }: BeadsOptions,
  draft: Draft,
): Promise<readonly Item[]> {
  const identify = createIdentify(project, draft)
  const items: Item[] = []
  const deleted: ReadRecord[] = []
  let done = 0
  for await (const issue of issues) {
    if (done++ % RECORDS_PER_SLICE === 0) {
      progress(done, 0, `reading ${done} issues`)
      await nextTurn()
    }
    if (!issue.record.isDeleted) items.push(lean(identify(issue), dryRun))
    else if (withDeleted) deleted.push(issue)
    else draft.deleted.push(issue.path)
  }
  return [...items, ...deleted.map((issue) => lean(identify(issue), dryRun))]
}

/** An item without the texts that nobody is going to write: a file may be larger than memory should be. */
function lean(item: Item, dryRun: boolean): Item {
  const { existing, record } = item
  if (existing) {
    const values = { ...existing.values, body: '' }
    return { ...item, existing: { ...existing, values }, record: { ...record, values: {}, extra: {} } }
  }
  return dryRun ? { ...item, record: { ...record, values: {} } } : item
}
