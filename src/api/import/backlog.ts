import type { WriteOrigin } from '../../doc/origin.ts'
import { page } from '../../model/kinds/page.ts'
import { task } from '../../model/kinds/task.ts'
import type { CreateOptions, Project, RecordPatch, StoredRecord } from '../../store/project.ts'
import type { Folder } from './folder.ts'
import { createIdentify, IMPORTED, type Item, importedSource } from './identify.ts'
import { createLinker, type Links, lateLinks, linkValues, unresolvedExtra } from './links.ts'
import { findRoot, readFiles } from './read.ts'
import { type Draft, emptyDraft, finish, type Report } from './report.ts'

export interface ImportParts {
  readonly project: Project
  readonly origin: WriteOrigin
  readonly folder: Folder
  readonly progress: (done: number, total: number, what: string) => void
}

/** Small enough that nobody waits for a slice. */
const RECORDS_PER_SLICE = 20

/**
 * Imports the folder of Backlog.md, or of a repository that has one. Records that an earlier import made are left as
 * they are, so that a second run changes nothing and one that was interrupted is completed by the next.
 * Rejects with `import_failed` when there is no such folder.
 */
export async function importBacklog(
  parts: ImportParts,
  options: { readonly dryRun: boolean; readonly name: string },
): Promise<Report> {
  const { project, folder, progress } = parts
  const draft = emptyDraft(options.dryRun)
  const root = await findRoot(folder, options.name)
  const files = await readFiles(folder, root, draft, (done, total) => progress(done, total, 'reading'))
  const items = await inSlices(files, createIdentify(project, draft))
  const linkerOf = createLinker(project, items, draft)
  const linked = await inSlices(items, (item) => ({ item, links: linkerOf(item) }))
  const writes = linked.flatMap(({ item, links }) => writeOf(item, links, draft))
  if (!options.dryRun) await write(parts, writes)
  return finish(draft)
}

/** One record to make, or an earlier one to link. */
type Write =
  | { readonly item: Item; readonly values: StoredRecord['values']; readonly options: CreateOptions }
  | { readonly item: Item; readonly patch: RecordPatch }

function writeOf(item: Item, links: Links | undefined, draft: Draft): readonly Write[] {
  if (item.existing) {
    const patch = links && lateLinks(item.existing, links)
    if (patch) draft.linked++
    return patch ? [{ item, patch }] : []
  }
  const { id, path, kind, alias, record } = item
  const extra = { ...record.extra, ...(links && unresolvedExtra(links)) }
  draft.created++
  if (kind === page) draft.pages++
  if (alias !== undefined) draft.aliases++
  for (const key of Object.keys(extra)) draft.keptAsExtra[key] = (draft.keptAsExtra[key] ?? 0) + 1
  for (const reason of record.notes) draft.notes.push({ file: path, reason })
  const values = { ...record.values, ...(alias !== undefined && { aliases: [alias] }), ...(links && linkValues(links)) }
  const options = {
    id,
    extra: { ...extra, [IMPORTED]: importedSource(item) },
    ...(record.file !== undefined && { file: record.file }),
    ...(record.createdAt !== undefined && { createdAt: record.createdAt }),
    ...(record.createdBy !== undefined && { createdBy: record.createdBy }),
  }
  return [{ item, values, options }]
}

/** Writes slice by slice, one transaction each. */
async function write({ project, origin, progress }: ImportParts, writes: readonly Write[]): Promise<void> {
  for (let from = 0; from < writes.length; from += RECORDS_PER_SLICE) {
    progress(from, writes.length, 'importing')
    await project.transact(origin, (tx) => {
      for (const one of writes.slice(from, from + RECORDS_PER_SLICE)) {
        if ('patch' in one) tx.update(task, one.item.id, one.patch)
        else tx.create(one.item.kind, one.values, one.options)
      }
    })
    await nextTurn()
  }
  if (writes.length > 0) progress(writes.length, writes.length, 'importing')
}

/** Maps a list without keeping everybody else waiting. */
async function inSlices<T, R>(list: readonly T[], map: (one: T) => R): Promise<readonly R[]> {
  const result: R[] = []
  for (const [done, one] of list.entries()) {
    if (done % RECORDS_PER_SLICE === 0) await nextTurn()
    result.push(map(one))
  }
  return result
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
