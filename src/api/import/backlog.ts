import { must } from '../../base/assert.ts'
import { OrchError, reasonOf } from '../../base/error.ts'
import { sha256, shortHash } from '../../base/hash.ts'
import type { WriteOrigin } from '../../doc/origin.ts'
import { makeId, type RecordId } from '../../model/id.ts'
import { type ImportedRecord, placeOf, toPage, toTask } from '../../model/import/backlog.ts'
import { readForeign } from '../../model/import/foreign.ts'
import type { RecordKind } from '../../model/kind.ts'
import { page } from '../../model/kinds/page.ts'
import { task } from '../../model/kinds/task.ts'
import { decodeFile } from '../../model/markdown.ts'
import type { CreateOptions, Project, StoredRecord } from '../../store/project.ts'
import { circleThrough } from '../operations/cycle.ts'
import { type Folder, walk } from './folder.ts'
import { createNames, type Names } from './names.ts'
import { type Draft, emptyDraft, finish, type Report } from './report.ts'

export interface ImportParts {
  readonly project: Project
  readonly origin: WriteOrigin
  readonly folder: Folder
  readonly progress: (done: number, total: number, what: string) => void
}

/** Largest file that is read, in bytes. */
const MAX_FILE_BYTES = 2 << 20
const RECORDS_PER_SLICE = 50
const UNRESOLVED = { dependencies: 'dependencies_unresolved', parent: 'parent_unresolved' } as const
/** The extra key that says where a record came from, and from which text. */
const IMPORTED = 'imported'

/** A file that was read, and the record here that it is or becomes. */
interface Item {
  readonly path: string
  readonly kind: RecordKind
  readonly record: ImportedRecord
  /** The old id, told apart from one that another file has too. */
  readonly alias: string | undefined
  readonly hash: string
  readonly existing: StoredRecord | undefined
  readonly id: RecordId
}

/**
 * Imports the folder of Backlog.md, or of a repository that has one. Records that an earlier import made are left as
 * they are, so that a second run changes nothing and one that was interrupted is completed by the next.
 * Rejects with `import_failed` when there is no such folder.
 */
export async function importBacklog(
  parts: ImportParts,
  options: { readonly dryRun: boolean; readonly name: string },
): Promise<Report> {
  const root = await findRoot(parts.folder, options.name)
  const draft = emptyDraft(options.dryRun)
  const read = await readFiles(parts, root, draft)
  const items = await identify(parts.project, read, draft)
  const links = link(parts.project, items, draft)
  const fresh = items.filter((item) => item.existing === undefined)
  for (const item of fresh) count(draft, item)
  if (!options.dryRun) await write(parts, fresh, links)
  await addLateLinks(parts, items, links, draft)
  return finish(draft)
}

async function findRoot(folder: Folder, name: string): Promise<string> {
  for (const root of ['backlog', '.backlog', '']) {
    const names = (await folder.readDir(root).catch(fail))?.map((entry) => entry.name) ?? []
    if (['tasks', 'completed', 'drafts'].some((one) => names.includes(one))) return root
  }
  throw new OrchError('import_failed', { path: name, reason: 'there is no folder of Backlog.md in it' })

  function fail(error: unknown): never {
    throw new OrchError('import_failed', { path: name, reason: reasonOf(error) }, error)
  }
}

type ReadFile = Pick<Item, 'path' | 'record' | 'hash'>

async function readFiles({ folder, progress }: ImportParts, root: string, draft: Draft): Promise<readonly ReadFile[]> {
  const files: ReadFile[] = []
  const found = await walk(folder, root)
  for (const [done, entry] of found.entries()) {
    const path = root === '' ? entry.path : entry.path.slice(root.length + 1)
    if (done % RECORDS_PER_SLICE === 0) progress(done, found.length, 'reading')
    const read = await readOne(folder, entry.path, path, entry.type)
    if ('reason' in read) draft.skipped.push({ file: path, ...read })
    else files.push({ path, ...read })
  }
  return files.sort((a, b) => byOldId.compare(a.record.alias ?? a.path, b.record.alias ?? b.path))
}

const byOldId = new Intl.Collator('en', { numeric: true })

async function readOne(
  folder: Folder,
  source: string,
  path: string,
  type: string,
): Promise<
  { readonly record: ImportedRecord; readonly hash: string } | { readonly reason: string; readonly line?: number }
> {
  if (type !== 'file') return { reason: `it is ${type === 'link' ? 'a symbolic link' : 'no plain file'}` }
  const place = placeOf(path)
  if (place === 'none') return { reason: 'it is no Markdown: there is no place for it here' }
  let bytes: Uint8Array
  try {
    bytes = await folder.readFile(source, MAX_FILE_BYTES)
  } catch (error) {
    return { reason: reasonOf(error) }
  }
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
  const record = toTask(path, place, file)
  return record.alias === undefined ? { reason: 'it has no id in its front matter', line: 1 } : { record, hash }
}

/** Finds for each file the record that an earlier import made of it, or the id that it gets. */
async function identify(project: Project, files: readonly ReadFile[], draft: Draft): Promise<readonly Item[]> {
  const aliases = new Map<string, number>()
  const taken = new Set<RecordId>()
  const items: Item[] = []
  for (const [done, { path, record, hash }] of files.entries()) {
    if (done % RECORDS_PER_SLICE === 0) await nextTurn()
    const kind = record.kind === 'task' ? task : page
    const same = `${record.kind} ${record.alias?.toLowerCase()}`
    const times = (aliases.get(same) ?? 0) + 1
    aliases.set(same, times)
    const alias = record.alias !== undefined && times > 1 ? `${record.alias}~${times}` : record.alias
    if (times > 1 && alias !== undefined && alias !== record.alias) {
      draft.notes.push({ file: path, reason: `another file has the id ${record.alias} too; this one is ${alias} here` })
    }
    const existing = findExisting(project, kind, record, alias)
    const id = existing?.id ?? freeId(project, kind, alias ?? path, taken)
    taken.add(id)
    items.push({ path, kind, record, alias, hash, existing, id })
    if (existing === undefined) continue
    const known = importedHash(existing)
    if (known === undefined || known === hash) draft.unchanged++
    else draft.differs.push({ file: path, reason: `it is ${existing.id} here` })
  }
  return items
}

function findExisting(
  project: Project,
  kind: RecordKind,
  { file }: ImportedRecord,
  alias: string | undefined,
): StoredRecord | undefined {
  if (alias !== undefined) return byAlias(project, kind, alias)
  const found = file === undefined ? undefined : project.recordAt(`${kind.plural}/${file}`)
  return found && project.read(kind, found.id)
}

function byAlias(project: Project, kind: RecordKind, alias: string): StoredRecord | undefined {
  try {
    const found = project.read(kind, project.resolve(alias, kind).id)
    // The text may as well be the beginning of another record's id.
    const aliases = found?.values.aliases
    return Array.isArray(aliases) && aliases.some((one) => one.toLowerCase() === alias.toLowerCase())
      ? found
      : undefined
  } catch (error) {
    if (error instanceof OrchError && error.code === 'record_not_found') return undefined
    throw error
  }
}

/**
 * An id that only this replica makes, and again in a second run: what an interrupted import has linked to a record that
 * it did not reach is linked to it when the next one does.
 */
function freeId(project: Project, kind: RecordKind, name: string, taken: ReadonlySet<RecordId>): RecordId {
  for (let attempt = 0; ; attempt++) {
    const bytes = Buffer.from(sha256(`${project.replica}\n${name.toLowerCase()}\n${attempt}`), 'hex')
    const id = makeId(kind.letter, (length) => bytes.subarray(0, length))
    if (!taken.has(id) && project.read(kind, id) === undefined) return id
  }
}

function importedHash(record: StoredRecord): string | undefined {
  return record.extra[IMPORTED]?.match(/ ([0-9a-f]{12})"?$/)?.[1]
}

/** Links between the records, by the id of the one they start from. */
interface Links {
  readonly dependencies: readonly RecordId[]
  readonly parent: RecordId | undefined
  /** Old ids that are not here, as they stand there. */
  readonly unresolved: { readonly dependencies: readonly string[]; readonly parent: readonly string[] }
}

/** Turns old ids into ids of records here or in this import; leaves out what would close a circle. */
function link(project: Project, items: readonly Item[], draft: Draft): ReadonlyMap<RecordId, Links> {
  const names = createNames(items.filter(({ kind }) => kind === task))
  const links = new Map<RecordId, Links>()
  const edges = { dependencies: new Map<RecordId, RecordId[]>(), parent: new Map<RecordId, RecordId[]>() }
  for (const { id, path, kind, record, existing } of items) {
    if (kind !== task) continue
    const resolve = (
      field: 'dependencies' | 'parent',
      wanted: readonly string[],
    ): { ids: RecordId[]; left: string[] } => {
      const ids: RecordId[] = []
      const left: string[] = []
      for (const name of wanted) {
        const to = resolveName(project, names, name)
        const known = edges[field]
        const circle = to && circleThrough(id, to, (from) => known.get(from) ?? [])
        if (to && !circle) {
          ids.push(to)
          known.set(id, [...(known.get(id) ?? []), to])
          continue
        }
        left.push(name)
        const reason = circle ? `would close a circle (${field})` : `is not here (${field})`
        if (!existing) draft.unresolved.push({ file: path, id: name, reason })
      }
      return { ids: [...new Set(ids)], left }
    }
    const dependencies = resolve('dependencies', record.dependencies)
    const parent = resolve('parent', record.parent === undefined ? [] : [record.parent])
    links.set(id, {
      dependencies: dependencies.ids,
      parent: parent.ids[0],
      unresolved: { dependencies: dependencies.left, parent: parent.left },
    })
  }
  return links
}

function resolveName(project: Project, names: Names, name: string): RecordId | undefined {
  return names(name) ?? byAlias(project, task, name)?.id
}

function count(draft: Draft, { kind, path, alias, record }: Item): void {
  draft.created++
  if (kind === page) draft.pages++
  if (alias !== undefined) draft.aliases++
  for (const key of Object.keys(record.extra)) draft.keptAsExtra[key] = (draft.keptAsExtra[key] ?? 0) + 1
  for (const reason of record.notes) draft.notes.push({ file: path, reason })
}

/** Creates the records, a slice in one transaction, so that others have their turn between. */
async function write(
  { project, origin, progress }: ImportParts,
  items: readonly Item[],
  links: ReadonlyMap<RecordId, Links>,
): Promise<void> {
  for (let from = 0; from < items.length; from += RECORDS_PER_SLICE) {
    progress(from, items.length, 'importing')
    await project.transact(origin, (tx) => {
      for (const item of items.slice(from, from + RECORDS_PER_SLICE)) {
        const { values, options } = newRecord(item, links.get(item.id))
        tx.create(item.kind, values, options)
      }
    })
    await nextTurn()
  }
  progress(items.length, items.length, 'importing')
}

function newRecord(
  { id, path, alias, hash, record }: Item,
  links: Links | undefined,
): { readonly values: StoredRecord['values']; readonly options: CreateOptions } {
  return {
    values: {
      ...record.values,
      ...(alias !== undefined && { aliases: [alias] }),
      ...(links?.dependencies.length && { dependencies: links.dependencies }),
      ...(links?.parent !== undefined && { parent: links.parent }),
    },
    options: {
      id,
      extra: { ...record.extra, ...unresolvedExtra(links), [IMPORTED]: JSON.stringify(`Backlog.md ${path} ${hash}`) },
      ...(record.file !== undefined && { file: record.file }),
      ...(record.createdAt !== undefined && { createdAt: record.createdAt }),
      ...(record.createdBy !== undefined && { createdBy: record.createdBy }),
    },
  }
}

/** Links to what is not here, as YAML sources. JSON is YAML. */
function unresolvedExtra(links: Links | undefined): Readonly<Record<string, string>> {
  const { dependencies = [], parent = [] } = links?.unresolved ?? {}
  return {
    ...(dependencies.length > 0 && { [UNRESOLVED.dependencies]: JSON.stringify(dependencies) }),
    ...(parent.length > 0 && { [UNRESOLVED.parent]: JSON.stringify(parent[0]) }),
  }
}

/** Links records of an earlier import with what came only now, as far as their unresolved links still stand there. */
async function addLateLinks(
  { project, origin }: ImportParts,
  items: readonly Item[],
  links: ReadonlyMap<RecordId, Links>,
  draft: Draft,
): Promise<void> {
  for (const { id, existing } of items) {
    const now = links.get(id)
    if (!existing || existing.deletedAt !== undefined || !now) continue
    const next = unresolvedExtra(now)
    const changed = Object.values(UNRESOLVED).filter(
      (key) => key in existing.extra && existing.extra[key] !== next[key],
    )
    if (changed.length === 0) continue
    draft.linked++
    if (draft.dryRun) continue
    await project.transact(origin, (tx) => {
      must(tx.read(task, id), `no record ${id}`)
      tx.update(task, id, {
        ...(changed.includes(UNRESOLVED.dependencies) && { add: { dependencies: now.dependencies } }),
        ...(changed.includes(UNRESOLVED.parent) && now.parent !== undefined && { set: { parent: now.parent } }),
        extra: Object.fromEntries(changed.map((key) => [key, next[key] ?? null])),
      })
    })
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
