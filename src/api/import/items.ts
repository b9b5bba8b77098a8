import { nextTurn } from '../../base/turns.ts'
import type { WriteOrigin } from '../../doc/origin.ts'
import { page } from '../../model/kinds/page.ts'
import { task } from '../../model/kinds/task.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { CreateOptions, RecordPatch } from '../../store/tx.ts'
import { IMPORTED, type Item, importedSource } from './identify.ts'
import { type Linker, type Links, lateLinks, linkValues, unresolvedExtra } from './links.ts'
import type { Draft } from './report.ts'

export interface ImportParts {
  readonly project: Project
  readonly origin: WriteOrigin
  readonly progress: (done: number, total: number, what: string) => void
}

/** Small enough that nobody waits for a slice. */
export const RECORDS_PER_SLICE = 20

/**
 * Makes the records that are not here yet, with their links, and gives earlier imported ones the links that could not be
 * made before. Fills the report; writes nothing when it is a dry run.
 */
export async function importItems(
  parts: ImportParts,
  items: readonly Item[],
  linkerOf: Linker,
  draft: Draft,
): Promise<void> {
  const linked = await inSlices(items, (item) => ({ item, links: linkerOf(item) }))
  const writes = (await inSlices(linked, ({ item, links }) => writeOf(item, links, draft))).flat()
  if (!draft.dryRun) await write(parts, writes)
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
  count(draft, kind.plural)
  if (alias !== undefined) draft.aliases++
  if (record.isDeleted) draft.createdDeleted++
  for (const key of Object.keys(extra)) draft.keptAsExtra[key] = (draft.keptAsExtra[key] ?? 0) + 1
  for (const reason of record.notes) draft.notes.push({ file: path, reason })
  const values = { ...record.values, ...(alias !== undefined && { aliases: [alias] }), ...(links && linkValues(links)) }
  const options = {
    id,
    extra: { ...extra, [IMPORTED]: importedSource(item) },
    ...(record.file !== undefined && { file: record.file }),
    ...(record.createdAt !== undefined && { createdAt: record.createdAt }),
    // Who imports it did not create it.
    createdBy: record.createdBy ?? null,
    ...(record.comments.length > 0 && { append: { comments: record.comments } }),
  }
  return [{ item, values, options }]
}

/** Counts something that is made. */
export function count(draft: Draft, plural: string, by = 1): void {
  draft.counts[plural] = (draft.counts[plural] ?? 0) + by
}

/** Writes slice by slice, one transaction each. */
async function write({ project, origin, progress }: ImportParts, writes: readonly Write[]): Promise<void> {
  for (let from = 0; from < writes.length; from += RECORDS_PER_SLICE) {
    progress(from, writes.length, 'importing')
    await project.transact(origin, (tx) => {
      for (const one of writes.slice(from, from + RECORDS_PER_SLICE)) {
        const { item } = one
        if ('patch' in one) {
          tx.update(task, item.id, one.patch)
          continue
        }
        tx.create(item.kind, one.values, one.options)
        if (item.record.isDeleted) tx.delete(item.kind, item.id)
      }
    })
    await nextTurn()
  }
  if (writes.length > 0) progress(writes.length, writes.length, 'importing')
}

/** Maps a list without keeping everybody else waiting. */
export async function inSlices<T, R>(list: readonly T[], map: (one: T) => R): Promise<readonly R[]> {
  const result: R[] = []
  for (const [done, one] of list.entries()) {
    if (done % RECORDS_PER_SLICE === 0) await nextTurn()
    result.push(map(one))
  }
  return result
}
