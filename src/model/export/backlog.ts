import { withoutLastNewlines } from '../../base/trim.ts'
import { entriesOf } from '../comments.ts'
import { jsonOfExtra, printExtra } from '../extra.ts'
import { placeOf } from '../import/backlog.ts'
import { textsOf, type Values } from '../kind.ts'
import type { RecordMeta, RecordView } from '../record.ts'
import { oldNameOf } from './old-names.ts'

export interface BacklogWorld {
  /** What a task is called there: `TASK-12`. */
  readonly nameOf: (id: string) => string
  readonly countsAs: (status: string) => string
  /** Whether nothing was changed here since it was imported. */
  readonly isUntouched: boolean
}

export interface BacklogFile {
  /** Below the folder of Backlog.md. */
  readonly path: string
  readonly text: string
}

const STATUSES: Readonly<Record<string, string>> = {
  todo: 'To Do',
  in_progress: 'In Progress',
  blocked: 'Blocked',
  review: 'In Review',
  completed: 'Done',
  cancelled: 'Cancelled',
}

/** The statuses that its `config.yml` must name. */
export const BACKLOG_STATUSES: readonly string[] = ['To Do', 'In Progress', 'Blocked', 'In Review', 'Done', 'Cancelled']

/** In the order in which Backlog.md writes them. */
const ORDER = [
  'id',
  'title',
  'status',
  'assignee',
  'reporter',
  'created_date',
  'updated_date',
  'labels',
  'milestone',
  'dependencies',
  'references',
  'documentation',
  'parent_task_id',
  'priority',
  'ordinal',
]

/** Makes a file of a task, with everything that an import kept of it. */
export function toBacklogTask(record: RecordView & RecordMeta, world: BacklogWorld): BacklogFile {
  const { values } = record
  const old = isOld(record)
  const id = world.nameOf(record.id)
  const status = world.countsAs(String(values.status))
  const labels = textsOf(values.labels).filter((label) => !old || (label !== 'draft' && label !== 'archived'))
  const own: Record<string, string | undefined> = {
    id,
    title: printExtra(String(values.title ?? id)),
    status: printExtra(wordOf(status, world.isUntouched ? record.extra.backlog_status : undefined)),
    assignee: printExtra(typeof values.assignee === 'string' ? [values.assignee] : []),
    reporter: typeof values.createdBy === 'string' ? printExtra(at(values.createdBy)) : undefined,
    created_date: bornOf(record),
    updated_date: world.isUntouched ? undefined : dateOf(new Date(record.updatedAt).toISOString()),
    labels: printExtra(labels),
    dependencies: printExtra([
      ...textsOf(values.dependencies).map(world.nameOf),
      ...unresolved(record, 'dependencies'),
    ]),
    parent_task_id: parentOf(record, world),
    priority:
      typeof values.priority === 'string'
        ? printExtra(values.priority === 'critical' ? 'high' : values.priority)
        : undefined,
    due_date: typeof values.due === 'string' ? printExtra(values.due) : undefined,
    estimated_hours: typeof values.estimatedHours === 'number' ? String(values.estimatedHours) : undefined,
    spent_hours: values.spentHours ? String(values.spentHours) : undefined,
  }
  const path = placeFor(record, id, status)
  return { path, text: fileOf(withExtras(own, record, world.isUntouched), bodyOf(values)) }
}

/** Makes a document of a page, or of anything else that has a text. */
export function toBacklogDocument(record: RecordView & RecordMeta, name: string): BacklogFile {
  const { values } = record
  const title = String(values.title ?? values.goal ?? name)
  const isDecision = values.type === 'decision'
  const own: Record<string, string | undefined> = {
    id: textsOf(values.aliases)[0] ?? name,
    title: printExtra(title),
    ...(isDecision ? { date: dateOf(values.createdAt), status: 'accepted' } : { type: 'other' }),
    created_date: dateOf(values.createdAt),
  }
  const old = oldNameOf(record)
  if (old?.tool === 'Backlog.md') {
    // A file without front matter has none again.
    const keys = Object.keys(record.extra).filter((key) => key !== 'imported')
    const alias = textsOf(values.aliases)[0]
    const kept: Record<string, string | undefined> =
      alias === undefined && keys.length === 0 ? {} : { id: alias, title: own.title, created_date: bornOf(record) }
    return { path: old.path, text: fileOf(withExtras(kept, record, true), String(values.body ?? '')) }
  }
  const folder = isDecision ? 'decisions' : 'docs'
  return {
    path: `${folder}/${name} - ${fileWords(title)}.md`,
    text: fileOf(withExtras(own, record, true), bodyOf(values)),
  }
}

function isOld(record: RecordView): boolean {
  return oldNameOf(record)?.tool === 'Backlog.md'
}

function wordOf(status: string, old: string | undefined): string {
  const word = old === undefined ? undefined : jsonOfExtra(old)
  return typeof word === 'string' ? word : (STATUSES[status] ?? 'To Do')
}

/** People's names are written with an @ there, where they are one word. */
function at(name: string): string {
  return /^[\w-]+$/.test(name) ? `@${name}` : name
}

function unresolved({ extra }: RecordView, name: string): readonly string[] {
  const value = extra[`${name}_unresolved`] === undefined ? undefined : jsonOfExtra(extra[`${name}_unresolved`] ?? '')
  return Array.isArray(value) ? value.map(String) : []
}

function parentOf(record: RecordView, { nameOf }: BacklogWorld): string | undefined {
  const [parent] =
    typeof record.values.parent === 'string' ? [nameOf(record.values.parent)] : unresolved(record, 'parent')
  return parent
}

/** Where an import found it, unless it has been closed or opened since. */
function placeFor(record: RecordView, id: string, status: string): string {
  const { title } = record.values
  const path = oldNameOf(record)?.path
  const name = `${id.toLowerCase()} - ${fileWords(String(title ?? id))}.md`
  const isClosed = status === 'completed' || status === 'cancelled'
  if (path !== undefined && isOld(record)) {
    const place = placeOf(path)
    const stays =
      place === 'task' ? status !== 'cancelled' : place === 'completed' || place === 'archived' ? isClosed : true
    if (stays) return path
  }
  return `${status === 'completed' ? 'completed' : status === 'cancelled' ? 'archive/tasks' : 'tasks'}/${name}`
}

function withExtras(
  own: Readonly<Record<string, string | undefined>>,
  { extra }: RecordView,
  isUntouched: boolean,
): readonly (readonly [string, string])[] {
  const all = new Map(
    Object.entries(own).flatMap(([key, source]) => (source === undefined ? [] : [[key, source] as const])),
  )
  for (const [key, source] of Object.entries(extra)) {
    if (key === 'imported' || key === 'backlog_status' || key.endsWith('_unresolved')) continue
    const name = key.replace(/^backlog_/, '')
    // What an import could not keep in a field stands there as it was; what is in a field is the field's.
    const isTheirs = key === name ? name === 'reporter' : isUntouched
    if (!all.has(name) || isTheirs) all.set(name, source)
  }
  const place = (key: string): number => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length)
  return [...all].sort(([a], [b]) => place(a) - place(b))
}

function fileOf(front: readonly (readonly [string, string])[], body: string): string {
  const lines = front.map(([key, source]) => `${key}:${source.startsWith('\n') ? '' : ' '}${source}\n`)
  return lines.length === 0
    ? body
    : `---\n${lines.join('')}---\n\n${body}${body.endsWith('\n') || body === '' ? '' : '\n'}`
}

/** The text, and what people said below it: there is no other place for that there. */
function bodyOf(values: Values): string {
  const body = String(values.body ?? values.summary ?? '')
  const said = entriesOf(values.comments).map(
    ({ by, at: when, text }) => `### ${by}, ${new Date(when).toISOString()}\n\n${text}`,
  )
  return said.length === 0
    ? body
    : `${[withoutLastNewlines(body), '## Comments', ...said].filter((part) => part !== '').join('\n\n')}\n`
}

/** When it was created, where that is known: what was imported without a time was given that of its import. */
function bornOf(record: RecordView & RecordMeta): string | undefined {
  const born = record.values.createdAt
  const isUnknown = isOld(record) && born === new Date(record.updatedAt).toISOString()
  return isUnknown ? undefined : dateOf(born)
}

/** `2026-07-09 05:56`, in UTC; a day stays a day. */
function dateOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::00(?:\.0+)?)?[Zz]$/.exec(value)
  if (text) return `'${text[1]} ${text[2]}'`
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return `'${value}'`
  const time = new Date(value)
  return Number.isNaN(time.getTime()) ? printExtra(value) : `'${time.toISOString().slice(0, 16).replace('T', ' ')}'`
}

/** What a title is in a file's name there. */
function fileWords(title: string): string {
  const words = title
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
  return [...words].slice(0, 80).join('') || 'untitled'
}
