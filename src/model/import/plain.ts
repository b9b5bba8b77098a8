import type { Steps } from '../../base/turns.ts'
import { toActorName } from '../actor.ts'
import { MAX_ENTRY_LENGTH } from '../entry.ts'
import { headingOf } from '../heading.ts'
import type { RecordKind } from '../kind.ts'
import { page } from '../kinds/page.ts'
import { task } from '../kinds/task.ts'
import { checkFile } from '../layout.ts'
import type { Json } from '../record.ts'
import { parseValue } from '../validate.ts'
import { createExtras, extraKeyOf } from './extras.ts'
import { createFiller, fieldOf, type ImportedComment, type ImportedRecord, isClosed } from './imported.ts'
import type { MappedField, Mapping } from './mapping.ts'
import { bodyOf, faultOf, type Item, itemOf, listOf, MAX_DEPTH, textOf, timeOf, titleOf } from './values.ts'
import { priorityWord, statusWord } from './words.ts'

const PREFIX = 'old'

export interface PlainItem {
  readonly item: Item
  /** What it is called in reports, and from which its id is made where it has none. */
  readonly name: string
  /** A text that it has beside its keys. */
  readonly text?: string
  /** A page's file. */
  readonly file?: string
}

export type ReadPlain = ImportedRecord | { readonly name: string; readonly reason: string }

/** Makes a task or page of an item, and tasks of the items in it, as a mapping says. What it does not name is kept. */
export function toRecords(
  own: RecordKind,
  mapping: Mapping,
  { item, name, text, file }: PlainItem,
): Generator<ReadPlain> {
  return read(mapping, {
    kind: mapping.kind === 'page' ? page : own,
    item,
    name,
    text,
    file,
    parent: undefined,
    depth: 0,
  })
}

interface Reading {
  readonly kind: RecordKind
  readonly item: Item
  readonly name: string
  readonly text: string | undefined
  readonly file: string | undefined
  readonly parent: string | undefined
  readonly depth: number
}

function* read(mapping: Mapping, reading: Reading): Generator<ReadPlain> {
  const { item, name, depth } = reading
  if (depth > MAX_DEPTH) return yield { name, reason: `it is nested deeper than ${MAX_DEPTH}` }
  const childKeys = keysOf(mapping, 'children')
  const rest = Object.fromEntries(Object.entries(item).filter(([key]) => !childKeys.includes(key)))
  const fault = faultOf(rest)
  if (fault !== undefined) return yield { name, reason: fault }
  const record = toRecord(mapping, { ...reading, item: rest })
  yield record
  const parent = 'alias' in record ? record.alias : undefined
  let at = 0
  for (const child of childKeys.flatMap((key) => listOf(item[key]))) {
    const below =
      itemOf(child) ?? (textOf(child) === undefined ? undefined : { [keysOf(mapping, 'title')[0] ?? 'title']: child })
    const its = `${parent === undefined ? name : parent.replace(mapping.prefix, '')}.${++at}`
    if (!below) {
      yield { name: its, reason: 'it is no item' }
      continue
    }
    yield* read(mapping, {
      kind: reading.kind,
      item: below,
      name: its,
      text: undefined,
      file: undefined,
      parent,
      depth: depth + 1,
    })
  }
}

function toRecord(mapping: Mapping, { kind, item, name, text, file, parent }: Reading): ReadPlain {
  const filler = createFiller(kind, (key) => extraKeyOf(PREFIX, key))
  const { values, home, notes, take } = filler
  const find = (field: MappedField): { readonly key: string; readonly value: Json } | undefined => {
    const key = keysOf(mapping, field).find((one) => item[one] !== undefined && item[one] !== null && item[one] !== '')
    return key === undefined ? undefined : { key, value: item[key] as Json }
  }
  const bodyKeys = keysOf(mapping, 'body').filter((key) => item[key] !== undefined)
  const texts = bodyKeys.flatMap((key) => {
    const value = item[key]
    const lines =
      Array.isArray(value) && value.every((one) => typeof one === 'string')
        ? value.map((one) => `- ${String(one)}`).join('\n')
        : textOf(value)
    if (lines === undefined) return []
    home.add(key)
    return [[key, lines] as const]
  })
  const title = find('title')
  const whole = textOf(title?.value)
  if (whole === undefined && text === undefined)
    return { name, reason: `it has no title${title ? '' : '; a mapping can say which key is one'}` }
  values.title = titleOf(whole ?? name)
  if (title && whole !== undefined) home.add(title.key)
  const isCut = whole !== undefined && values.title !== whole.trim()
  values.body = bodyOf([
    [undefined, isCut ? whole : undefined],
    ...texts.map(([key, lines], at) => [at === 0 ? undefined : wordsOf(key), lines] as const),
    [undefined, text],
  ])
  if (text !== undefined && texts.length === 0 && !isCut) values.body = text

  const own = find('id')
  const ownId = textOf(own?.value)?.trim()
  const nested =
    ownId !== undefined && parent !== undefined && /^\d+$/.test(ownId)
      ? `${parent.replace(mapping.prefix, '')}.${ownId}`
      : ownId
  const alias = aliasOf(mapping, nested ?? name)
  if (own && ownId !== undefined) home.add(own.key)
  const createdAt = timeAt(find('createdAt'), home)
  const by = find('createdBy')
  const createdBy = toActorName(textOf(by?.value)?.replace(/^@/, '') ?? '', '') || undefined
  if (by && createdBy === textOf(by.value)?.trim()) home.add(by.key)
  const said = kind !== page ? commentsOf(find('comments')?.value) : undefined
  const extras = createExtras(PREFIX)
  if (kind !== page) {
    takeStatus(kind, mapping, find('status'), filler)
    takePriority(mapping, find('priority'), filler)
    const assignee = find('assignee')
    const [first, ...others] = listOf(assignee?.value).flatMap(
      (one) => textOf(itemOf(one)?.login ?? itemOf(one)?.name ?? one) ?? [],
    )
    if (assignee) take(assignee.key, 'assignee', first?.replace(/^@/, ''))
    if (assignee && others.length > 0) home.delete(assignee.key)
    const labels = find('labels')
    if (labels)
      take(
        labels.key,
        'labels',
        typeof labels.value === 'string'
          ? labels.value.split(',')
          : listOf(labels.value).map((one) => textOf(itemOf(one)?.name ?? one)?.replaceAll(',', ' ')),
      )
    for (const field of ['estimatedHours', 'spentHours', 'due'] as const) {
      const found = find(field)
      if (found) take(found.key, field, field === 'due' ? (timeOf(found.value) ?? found.value) : found.value)
    }
    if (isClosed(kind, String(values.status))) values.closedAt = timeAt(find('closedAt'), home) ?? null
    for (const field of ['dependencies', 'parent'] as const) for (const key of keysOf(mapping, field)) home.add(key)
    const comments = find('comments')
    if (comments) home.add(comments.key)
  }
  for (const [key, value] of Object.entries(item)) if (!home.has(key)) extras.add(key, value)
  if (said) extras.add('old_comments', said.rest)
  const tooLarge = extras.fault()
  if (tooLarge !== undefined) return { name, reason: tooLarge }
  const ids = (field: 'dependencies' | 'parent'): readonly string[] =>
    kind === page
      ? []
      : listOf(find(field)?.value)
          .flatMap((one) => (typeof one === 'string' ? one.split(',') : [textOf(itemOf(one)?.id ?? one)]))
          .flatMap((one) => (one === undefined || one.trim() === '' ? [] : [aliasOf(mapping, one.trim())]))
  return {
    kind: kind === page ? 'page' : 'task',
    alias: kind === page && own === undefined ? undefined : alias,
    values,
    extra: extras.sources(),
    comments: said?.comments ?? [],
    file: kind === page && file !== undefined && checkFile(file) === undefined ? file : undefined,
    createdAt,
    createdBy,
    dependencies: ids('dependencies'),
    parent: parent ?? ids('parent')[0],
    isDeleted: false,
    notes: [...notes, ...extras.notes],
  }
}

function keysOf(mapping: Mapping, field: MappedField): readonly string[] {
  const keys = mapping.fields[field]
  return keys === undefined ? [] : typeof keys === 'string' ? [keys] : keys
}

/** An id that says what it belongs to stays as it is; a number alone could be anybody's. */
function aliasOf({ prefix }: Mapping, id: string): string {
  const plain = id.replaceAll(',', ' ')
  return (/\p{L}/u.test(plain) ? plain : `${prefix}${plain}`).slice(0, 150)
}

type Found = { readonly key: string; readonly value: Json } | undefined

function takeStatus(
  kind: RecordKind,
  { status: words }: Mapping,
  found: Found,
  { values, home, notes }: ReturnType<typeof createFiller>,
): void {
  values.status = 'todo'
  if (!found) return
  if (typeof found.value === 'boolean') {
    values.status = found.value ? 'completed' : 'todo'
    home.add(found.key)
    return
  }
  const word = textOf(found.value) ?? ''
  const mapped = new Map(Object.entries(words)).get(word)
  const known = statusWord(kind, mapped ?? word)
  if (known === undefined)
    return void notes.push(
      `status "${word}" is not known here: taken as todo; kept as ${extraKeyOf(PREFIX, found.key)}`,
    )
  values.status = known
  if (
    known.replace('_', '') === word.toLowerCase().replace(/[\s_-]+/g, '') ||
    mapped !== undefined ||
    ['done', 'open', 'closed'].includes(word.toLowerCase())
  )
    home.add(found.key)
}

function takePriority(
  { priority: words }: Mapping,
  found: Found,
  { values, home, notes }: ReturnType<typeof createFiller>,
): void {
  if (!found) return
  const word = textOf(found.value) ?? ''
  const mapped = new Map(Object.entries(words)).get(word)
  const known = priorityWord(mapped ?? word)
  if (known === undefined)
    return void notes.push(`priority "${word}" is not known here; kept as ${extraKeyOf(PREFIX, found.key)}`)
  values.priority = known
  if (known === word.toLowerCase() || mapped !== undefined) home.add(found.key)
}

function timeAt(found: Found, home: Set<string>): string | undefined {
  const time = found && timeOf(found.value)
  if (found && time !== undefined) home.add(found.key)
  return time
}

function commentsOf(value: Json | undefined): {
  readonly comments: readonly ImportedComment[]
  readonly rest: readonly Json[]
} {
  const comments: ImportedComment[] = []
  const rest: Json[] = []
  for (const one of listOf(value)) {
    const item = itemOf(one)
    const text = textOf(item ? (item.body ?? item.text ?? item.content ?? item.comment) : one)?.replace(/\r\n?/g, '\n')
    if (text === undefined || text.length > MAX_ENTRY_LENGTH || text.includes('\0')) {
      rest.push(one)
      continue
    }
    const at = timeOf(item?.createdAt ?? item?.created_at ?? item?.at ?? item?.date ?? item?.timestamp)
    const by = toActorName(textOf(item?.author ?? item?.by ?? item?.user ?? item?.name) ?? '', 'somebody')
    comments.push({ text, by, ...(at !== undefined && { at: Date.parse(at) }) })
  }
  return { comments, rest }
}

function wordsOf(key: string): string {
  const words = key
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

interface Box {
  readonly title: string
  readonly done: boolean
  readonly labels: readonly string[]
  readonly subtasks: Box[]
}

const LINES_PER_STEP = 200

/** The checkboxes of a text as items, nested ones in those above them, with the heading they stand under as label. */
export function* checkboxesOf(text: string): Steps<readonly Item[]> {
  const roots: Box[] = []
  let open: { readonly indent: number; readonly box: Box }[] = []
  let labels: readonly string[] = []
  let isCode = false
  let count = 0
  for (const line of linesOf(text)) {
    if (++count % LINES_PER_STEP === 0) yield
    if (/^\s*(?:```|~~~)/.test(line)) isCode = !isCode
    if (isCode) continue
    const heading = headingOf(line)
    if (heading && heading.text !== '') {
      labels = labelOf(heading.text)
      open = []
    }
    const [, indent = '', mark = '', title = ''] = /^(\s*)[-*+] \[([ xX])\] (.+)$/.exec(line) ?? []
    if (title.trim() === '') continue
    const depth = indent.replaceAll('\t', '    ').length
    open = open.filter((one) => one.indent < depth)
    const box: Box = { title: title.trim(), done: mark !== ' ', labels, subtasks: [] }
    ;(open.at(-1)?.box.subtasks ?? roots).push(box)
    open.push({ indent: depth, box })
  }
  return roots as unknown as readonly Item[]
}

/** One by one: a file may be nothing but lines. */
function* linesOf(text: string): Generator<string> {
  let at = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
    yield text.slice(at, end)
    at = end + 1
  }
  yield text.slice(at)
}

/** A heading as a label, where it can be one. */
function labelOf(heading: string): readonly string[] {
  const labels = [heading.slice(0, 100)]
  return parseValue(fieldOf(task, 'labels'), labels).ok ? labels : []
}
