import { toActorName } from '../actor.ts'
import { choicesLike, type RecordKind, type Value } from '../kind.ts'
import { page } from '../kinds/page.ts'
import { task } from '../kinds/task.ts'
import { checkFile } from '../layout.ts'
import { titleOf } from '../markdown.ts'
import { parseValue } from '../validate.ts'
import type { ForeignFile, ForeignValue } from './foreign.ts'
import { createFiller, fieldOf, type ImportedRecord, isClosed } from './imported.ts'
import { statusWord } from './words.ts'

/** What a file of a backlog folder becomes. */
export type Place = 'task' | 'completed' | 'archived' | 'draft' | 'page' | 'none'

/** Where a file of a backlog folder belongs, by its path. */
export function placeOf(path: string): Place {
  if (!path.endsWith('.md')) return 'none'
  if (/^tasks\//.test(path)) return 'task'
  if (/^completed\//.test(path)) return 'completed'
  if (/^archive\/tasks\//.test(path)) return 'archived'
  if (/^(archive\/)?drafts\//.test(path)) return 'draft'
  return 'page'
}

/** Reads a task of Backlog.md: every key that has a home goes there, the rest is kept with its source. */
export function toTask(own: RecordKind, path: string, place: Place, file: ForeignFile): ImportedRecord {
  const { values, home, notes, take: fill } = createFiller(own, extraKey)
  home.add('id')
  const take = (key: string, name: string, input: ForeignValue | undefined): void =>
    fill(key, name, input === undefined || isEmpty(input) ? undefined : input)
  const { values: foreign } = file

  take('title', 'title', foreign.get('title'))
  values.title ??= nameOf(path)
  take('priority', 'priority', lowerCase(foreign.get('priority')))
  take('labels', 'labels', foreign.get('labels'))
  const assignees = asList(foreign.get('assignee'))
  take('assignee', 'assignee', assignees[0])
  if (assignees.length > 1) home.delete('assignee')
  const status = statusOf(own, place, textOf(foreign.get('status')))
  if (status.isExact) home.add('status')
  if (status.note) notes.push(status.note)
  values.status = status.value
  const label = place === 'draft' ? 'draft' : place === 'archived' ? 'archived' : undefined
  if (label) values.labels = [...new Set([...textsOf(values.labels), label])].sort()
  values.body = file.body

  const createdAt = timeOf(foreign.get('created_date'))
  if (createdAt !== undefined) home.add('created_date')
  if (isClosed(own, status.value)) {
    // It was not closed now, whenever it was.
    values.closedAt = timeOf(foreign.get('completed_date')) ?? timeOf(foreign.get('updated_date')) ?? null
  }
  home.add('dependencies').add('parent_task_id')
  return {
    kind: 'task',
    alias: textOf(foreign.get('id')),
    values,
    extra: extraOf(file, home, new Set(Object.keys(own.fields))),
    comments: [],
    file: undefined,
    createdAt,
    createdBy: actorOf(foreign.get('reporter')),
    dependencies: asList(foreign.get('dependencies')).flatMap((one) => textOf(one) ?? []),
    parent: textOf(foreign.get('parent_task_id')) ?? dottedParent(textOf(foreign.get('id'))),
    isDeleted: false,
    notes,
  }
}

/** Reads a document, decision or milestone of Backlog.md, or any Markdown file that stands among them. */
export function toPage(path: string, file: ForeignFile): ImportedRecord {
  const { values: foreign } = file
  const createdAt = timeOf(foreign.get('created_date')) ?? timeOf(foreign.get('date'))
  const title = parseValue(fieldOf(page, 'title'), textOf(foreign.get('title')) ?? titleOf(file.body, nameOf(path)))
  const home = new Set(['id', ...(title.ok ? ['title'] : []), ...(createdAt === undefined ? [] : ['created_date'])])
  return {
    kind: 'page',
    alias: textOf(foreign.get('id')),
    values: { title: title.ok ? title.value : nameOf(path), body: file.body },
    extra: extraOf(file, home, new Set(Object.keys(page.fields))),
    comments: [],
    file: safeFile(`backlog/${path}`),
    createdAt,
    createdBy: actorOf(foreign.get('reporter')),
    dependencies: [],
    parent: undefined,
    isDeleted: false,
    notes: title.ok ? [] : [`title: ${title.reason}; kept as ${extraKey('title')}`],
  }
}

interface Status {
  readonly value: string
  /** Whether nothing of what stood there is lost. */
  readonly isExact: boolean
  readonly note?: string
}

/** The folder says more than the word: what lies in `completed` is completed, what is archived undone was given up. */
function statusOf(own: RecordKind, place: Place, text: string | undefined): Status {
  const known = text === undefined ? 'todo' : statusWord(own, text)
  if (place === 'completed') {
    const value = known && choicesLike(own, 'status', 'completed').includes(known) ? known : 'completed'
    return { value, isExact: known === value || text === undefined }
  }
  if (place === 'archived') {
    const value = known && isClosed(own, known) ? known : 'cancelled'
    return { value, isExact: known === value || text === undefined }
  }
  if (known) return { value: known, isExact: true }
  return { value: 'todo', isExact: false, note: `status "${text}" is not known here: taken as todo` }
}

/** `BACK-4.1` is a part of `BACK-4`. */
function dottedParent(id: string | undefined): string | undefined {
  return id?.match(/^(.*\d)\.\d+$/)?.[1]
}

/** `2026-07-09 05:56`, in UTC as Backlog.md writes it, or a day. */
function timeOf(value: ForeignValue | undefined): string | undefined {
  const text = textOf(value)?.replace(
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d)(:\d\d)?$/,
    (_, day, minute, second = ':00') => `${day}T${minute}${second}Z`,
  )
  const parsed = text === undefined ? undefined : parseValue(fieldOf(task, 'due'), text)
  return parsed?.ok && typeof parsed.value === 'string' ? parsed.value : undefined
}

function actorOf(value: ForeignValue | undefined): string | undefined {
  return toActorName(textOf(value)?.replace(/^@/, '') ?? '', '') || undefined
}

/** What has no home, with its source. A key that is called like a field here gets another name. */
function extraOf(
  file: ForeignFile,
  home: ReadonlySet<string>,
  fields: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const rest = Object.entries(file.sources).filter(([key]) => !home.has(key))
  return Object.fromEntries(
    rest.map(([key, source]) => [fields.has(key) || key === 'imported' ? extraKey(key) : key, source]),
  )
}

function extraKey(key: string): string {
  return `backlog_${key}`
}

/** The path, with other characters in it where a file cannot be called so on every system. */
function safeFile(path: string): string | undefined {
  const plain = path.replace(/[^\p{L}\p{M}\p{N} ._/+-]+/gu, '-')
  return [path, plain].find((one) => checkFile(one) === undefined)
}

/** `tasks/back-12 - Fix-the-login.md` -> `Fix the login` */
function nameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.md$/, '')
  return name.replace(/^[\w.-]+ - /, '').replace(/-/g, ' ')
}

function isEmpty(value: ForeignValue): boolean {
  return textOf(value) === undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length > 0)
}

function textOf(value: ForeignValue | undefined): string | undefined {
  const text = typeof value === 'string' ? value.trim() : ''
  return text === '' || text === 'null' || text === '~' ? undefined : text
}

function textsOf(value: Value | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

function asList(value: ForeignValue | undefined): readonly ForeignValue[] {
  const list = Array.isArray(value) ? (value as readonly ForeignValue[]) : value === undefined ? [] : [value]
  return list.filter((one) => !isEmpty(one))
}

function lowerCase(value: ForeignValue | undefined): ForeignValue | undefined {
  return typeof value === 'string' ? value.toLowerCase() : value
}
