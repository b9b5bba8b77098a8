import { OrchError, reasonOf } from '../../base/error.ts'
import { inTurnsOf, nextTurn } from '../../base/turns.ts'
import { headingOf } from '../../model/heading.ts'
import { readForeign } from '../../model/import/foreign.ts'
import { guessList, guessMapping, type Mapping, mappingSchema } from '../../model/import/mapping.ts'
import { readMappingText } from '../../model/import/mapping-file.ts'
import { checkboxesOf, type PlainItem, type ReadPlain, toRecords } from '../../model/import/plain.ts'
import { type Item, itemOf, textOf } from '../../model/import/values.ts'
import type { RecordKind } from '../../model/kind.ts'
import { decodeFile } from '../../model/markdown.ts'
import type { Json } from '../../model/record.ts'
import { type Folder, walk } from './folder.ts'
import { notKept, readJson, type Source, taken } from './foreign-read.ts'
import type { ReadRecord } from './identify.ts'
import type { Draft } from './report.ts'

const MAX_FILE_BYTES = 2 << 20
const MAX_MAPPING_BYTES = 256 * 1024
/** All of them are kept until the last is read: keys of any may say what it is. */
const MAX_ITEMS = 100_000
const NO_MARKDOWN = 'it is no Markdown'
/** So many items say what keys there are. */
const SAMPLE = 200

/** Reads a mapping file, YAML or JSON. Rejects with `import_failed`. */
export async function readMapping(folder: Folder, file: string, name: string): Promise<Mapping> {
  const refuse = (reason: string, cause?: unknown): OrchError =>
    new OrchError('import_failed', { path: name, reason }, cause)
  let bytes: Uint8Array
  try {
    bytes = await folder.readFile(file, MAX_MAPPING_BYTES)
  } catch (error) {
    throw refuse(reasonOf(error), error)
  }
  const decoded = decodeFile(bytes)
  if (!decoded.ok) throw refuse(`it ${decoded.reason}`)
  const read = readMappingText(decoded.text)
  if (!read.ok) throw refuse(read.reason)
  const parsed = mappingSchema.safeParse(read.value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw refuse(`${issue?.path.join('.') || 'the mapping'}: ${issue?.message ?? 'is not understood'}`)
}

/** Items of JSON of a home-made system. What was mapped is put into the report. */
export async function* readPlainJson(
  kind: RecordKind,
  source: Source,
  given: Mapping | undefined,
  draft: Draft,
): AsyncGenerator<ReadRecord> {
  let found: Item[] = []
  let where: string | undefined = given?.items
  let count = 0
  for await (const value of readJson(source)) {
    count++
    const item = itemOf(value)
    if (!item) {
      draft.skipped.push({ file: `item ${count}`, reason: 'it is no object' })
      continue
    }
    found.push(item)
    checkCount(found.length, source.name)
  }
  const [only] = found
  if (count === 1 && only) {
    where ??= guessList(only) ?? ''
    const list: Json | undefined = where === '' ? [only] : at(only, where)
    for (const key of besides(only, where)) notKept(draft, key)
    if (!Array.isArray(list)) {
      throw new OrchError('import_failed', { path: source.name, reason: `there is no list at ${where}` })
    }
    checkCount(list.length, source.name)
    found = itemsOf(list as readonly Json[])
  }
  if (found.length === 0) throw new OrchError('import_failed', { path: source.name, reason: 'it holds no items' })
  const mapping = given ?? guessMapping(found.slice(0, SAMPLE), where ?? '')
  draft.mapping = mapping
  for (const [n, item] of found.entries()) {
    yield* taken('JSON', toRecords(kind, mapping, { item, name: String(n + 1) }), draft)
    if (n % 20 === 0) await nextTurn()
  }
}

function checkCount(count: number, path: string): void {
  if (count <= MAX_ITEMS) return
  throw new OrchError('import_failed', { path, reason: `it holds more than ${MAX_ITEMS} items: split it` })
}

function itemsOf(list: readonly Json[]): Item[] {
  return list.map(itemOf).filter((one) => one !== undefined)
}

/** What stands beside the list at a path, and on the way to it. */
function besides(item: Item, path: string): readonly string[] {
  if (path === '') return []
  const steps = path.split('.')
  return steps.flatMap((step, n) => {
    const way = steps.slice(0, n)
    const among = itemOf((n === 0 ? item : at(item, way.join('.'))) ?? null) ?? {}
    return Object.keys(among).flatMap((key) => (key === step ? [] : [[...way, key].join('.')]))
  })
}

function at(item: Item, path: string): Json | undefined {
  let value: Json | undefined = item
  for (const key of path.split('.')) value = itemOf(value)?.[key]
  return value
}

/**
 * Markdown of a home-made system: a file whose front matter has a status, priority or the like is a task; every other
 * one is a page, and the checkboxes in it are tasks.
 */
export async function* readPlainMarkdown(
  kind: RecordKind,
  { folder, file, name: named }: { readonly folder: Folder; readonly file: string | undefined; readonly name: string },
  given: Mapping | undefined,
  draft: Draft,
): AsyncGenerator<ReadRecord> {
  const paths =
    file === undefined
      ? (await walk(folder)).filter(({ path }) => !/(?:^|\/)(?:[.]|node_modules\/)/.test(path))
      : [{ path: file, type: 'file', name: file }]
  const files: { readonly path: string; readonly item: Item; readonly body: string }[] = []
  for (const { path, type } of paths) {
    if (!/\.(?:md|markdown)$/i.test(path)) {
      draft.skipped.push({ file: path, reason: NO_MARKDOWN })
      continue
    }
    const read = type === 'file' ? await readMarkdown(folder, path) : { reason: 'it is no plain file' }
    if ('reason' in read) draft.skipped.push({ file: path, ...read })
    else files.push({ path, ...read })
    await nextTurn()
  }
  if (files.length === 0 && draft.skipped.every(({ reason }) => reason === NO_MARKDOWN)) {
    throw new OrchError('import_failed', { path: named, reason: 'there is no Markdown in it' })
  }
  const mapping =
    given ??
    guessMapping(
      files.slice(0, SAMPLE).map(({ item }) => item),
      '',
    )
  draft.mapping = mapping
  let items = 0
  for (const { path, item, body } of files) {
    const name = path.replace(/\.\w+$/, '')
    const isTask = given ? given.kind === 'task' : keysOfTask(mapping).some((key) => item[key] !== undefined)
    const title = heading(body) ?? name.slice(name.lastIndexOf('/') + 1).replace(/[-_]+/g, ' ')
    const titled =
      mapping.fields.title !== undefined && textOf(item[[mapping.fields.title].flat()[0] ?? '']) !== undefined
    const plain: PlainItem = {
      item: titled ? item : { ...item, title },
      name,
      text: body,
      file: path.replace(/\.markdown$/i, '.md'),
    }
    const with_ = titled ? mapping : { ...mapping, fields: { ...mapping.fields, title: 'title' } }
    yield* taken('Markdown', toRecords(kind, { ...with_, kind: isTask ? 'task' : 'page' }, plain), draft)
    if (isTask) continue
    let count = 0
    for await (const record of taken('Markdown', boxesOf(kind, await inTurnsOf(1, checkboxesOf(body)), name), draft)) {
      checkCount(++count + items, named)
      yield record
    }
    items += count
    await nextTurn()
  }
}

function* boxesOf(kind: RecordKind, boxes: readonly Item[], name: string): Generator<ReadPlain> {
  for (const [n, item] of boxes.entries()) yield* toRecords(kind, BOX_MAPPING, { item, name: `${name}#${n + 1}` })
}

const BOX_MAPPING = mappingSchema.parse({
  fields: { title: 'title', status: 'done', labels: 'labels', children: 'subtasks' },
})

function keysOfTask({ fields }: Mapping): readonly string[] {
  return [fields.status, fields.priority, fields.assignee, fields.dependencies, fields.due].flatMap(
    (keys) => keys ?? [],
  )
}

function heading(body: string): string | undefined {
  for (const [line] of body.matchAll(/^#[ \t].*$/gm)) {
    const text = headingOf(line)?.text
    if (text) return text
  }
  return undefined
}

async function readMarkdown(
  folder: Folder,
  path: string,
): Promise<{ readonly item: Item; readonly body: string } | { readonly reason: string; readonly line?: number }> {
  let bytes: Uint8Array
  try {
    bytes = await folder.readFile(path, MAX_FILE_BYTES)
  } catch (error) {
    return { reason: reasonOf(error) }
  }
  const decoded = decodeFile(bytes)
  if (!decoded.ok) return { reason: decoded.reason, line: decoded.line }
  const read = readForeign(decoded.text)
  if (!read.ok) return { reason: read.reason, line: read.line }
  return { item: Object.fromEntries(read.values) as Item, body: read.body }
}
