import { MAX_TITLE_LENGTH } from '../../field.ts'
import type { RecordKind } from '../../kind.ts'
import { task } from '../../kinds/task.ts'
import type { Json } from '../../record.ts'
import { parseValue } from '../../validate.ts'
import { MAX_FRONT_MATTER } from '../../yaml-guard.ts'
import { createExtras, prefixed } from '../extras.ts'
import { createFiller, type Filler, fieldOf, type ImportedRecord, isClosed } from '../imported.ts'
import { bodyOf, lengthsOf } from './body.ts'
import { commentsOf } from './comments.ts'
import { readEdges } from './edges.ts'
import { type Issue, isEmpty, textOf } from './issue.ts'

const extraKey = (key: string): string => prefixed('beads', key)

/** Half of what a file may have; the other half is for what is added here. */
const MAX_EXTRA = MAX_FRONT_MATTER / 2

/** Makes a task of an issue: every key that has a home goes there, the rest is kept as extra keys. */
export function toTask(own: RecordKind, issue: Issue): ImportedRecord | { readonly reason: string } {
  const filler = createFiller(own, extraKey)
  const { values, home } = filler
  home.add('id')
  const createdBy = takeFields(own, issue, filler)
  const createdAt = takeTimes(own, issue, filler)

  const body = bodyOf(issue)
  const text = parseValue(fieldOf(task, 'body'), body.text)
  if (!text.ok) return { reason: `its text ${text.reason}` }
  values.body = text.value
  const edges = readEdges(issue)
  const said = commentsOf(issue)
  for (const key of [...body.home, 'comments', 'dependencies', 'issue_type']) home.add(key)

  const extras = createExtras('beads', isEmpty)
  extras.add('type', issue.issue_type)
  for (const [key, value] of Object.entries(issue)) if (!home.has(key)) extras.add(key, value)
  for (const [type, ids] of edges.others) extras.add(type, ids)
  extras.add(extraKey('texts'), lengthsOf(issue, body))
  extras.add(extraKey('dependencies'), edges.rest)
  extras.add(extraKey('comments'), said.rest)
  const tooLarge = extras.fault()
  if (tooLarge !== undefined) return { reason: tooLarge }
  const extra = extras.sources()
  const size = JSON.stringify([values.labels, extra]).length
  if (size > MAX_EXTRA) return { reason: `it has ${size} characters beside its texts; the limit is ${MAX_EXTRA}` }

  return {
    kind: 'task',
    alias: issue.id,
    values,
    extra,
    comments: said.comments,
    file: undefined,
    createdAt,
    createdBy,
    dependencies: edges.blocks,
    parent: edges.parent,
    isDeleted: issue.status === 'tombstone',
    notes: [...filler.notes, ...edges.notes, ...extras.notes],
  }
}

/** Fills what is no time; returns who created it. */
function takeFields(kind: RecordKind, issue: Issue, filler: Filler): string | undefined {
  const { values, home, take } = filler
  take('title', 'title', issue.title)
  values.title ??= [...String(issue.title).replace(/\s+/g, ' ').trim()].slice(0, MAX_TITLE_LENGTH / 2).join('')
  takeStatus(kind, issue, filler)
  takePriority(issue, filler)
  for (const name of ['assignee', 'labels']) take(name, name, filled(issue[name]))
  takeEstimate(issue, filler)
  const createdBy = parseValue(fieldOf(task, 'createdBy'), issue.created_by)
  if (!createdBy.ok || typeof createdBy.value !== 'string') return undefined
  home.add('created_by')
  return createdBy.value
}

/** Fills the times; returns when it was created. */
function takeTimes(kind: RecordKind, issue: Issue, { values, home, take }: Filler): string | undefined {
  take('due_at', 'due', filled(issue.due_at))
  if (isClosed(kind, String(values.status))) {
    // It was not closed now, whenever it was.
    values.closedAt = utcOf(issue.closed_at) ?? null
    if (values.closedAt !== null) home.add('closed_at')
  }
  const createdAt = utcOf(issue.created_at)
  if (createdAt !== undefined) home.add('created_at')
  return createdAt
}

/** What a status of beads means here. */
const STATUSES: ReadonlyMap<string, string> = new Map([
  ['open', 'todo'],
  ['closed', 'completed'],
  ['deferred', 'todo'],
  ['pinned', 'todo'],
  ['hooked', 'in_progress'],
  ['tombstone', 'cancelled'],
])
const EXACT_STATUSES: ReadonlySet<string> = new Set(['open', 'closed'])

/** What a word of beads means here; undefined when nobody knows. */
export function statusHere(word: string): string | undefined {
  const own = parseValue(fieldOf(task, 'status'), word)
  return STATUSES.get(word) ?? (own.ok ? String(own.value) : undefined)
}

function takeStatus(kind: RecordKind, { status }: Issue, { values, home, notes }: Filler): void {
  const word = textOf(status)?.trim().toLowerCase() ?? ''
  const own = parseValue(fieldOf(kind, 'status'), word)
  values.status = STATUSES.get(word) ?? (own.ok ? own.value : 'todo')
  if (own.ok || EXACT_STATUSES.has(word)) home.add('status')
  else if (!STATUSES.has(word) && !isEmpty(status)) {
    notes.push(`status ${JSON.stringify(status)} is not known here: taken as todo; kept as ${extraKey('status')}`)
  }
}

const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const
const LOWEST = 4

function takePriority({ priority }: Issue, { values, home, notes }: Filler): void {
  const known = typeof priority === 'number' ? PRIORITIES[priority] : undefined
  if (known !== undefined) home.add('priority')
  values.priority = known ?? (priority === LOWEST ? 'low' : 'medium')
  if (known === undefined && priority !== LOWEST && !isEmpty(priority)) {
    notes.push(
      `priority ${JSON.stringify(priority)} is not known here: taken as medium; kept as ${extraKey('priority')}`,
    )
  }
}

/** Minutes as hours, to the hundredth; where that is not exact, the minutes are kept too. */
function takeEstimate({ estimated_minutes: minutes }: Issue, { values, home, take }: Filler): void {
  if (typeof minutes !== 'number') return
  const hours = Math.round((minutes / 60) * 100) / 100
  take('estimated_minutes', 'estimatedHours', hours)
  if (values.estimatedHours !== undefined && Math.abs(hours * 60 - minutes) > 1e-6) home.delete('estimated_minutes')
}

/** A time in UTC, with the fraction of a second as it stands there: lists are sorted by the text. A day stays a day. */
function utcOf(value: Json | undefined): string | undefined {
  const parsed = isEmpty(value) ? undefined : parseValue(fieldOf(task, 'closedAt'), value)
  if (!parsed?.ok || typeof parsed.value !== 'string') return undefined
  if (!/[Tt ]/.test(parsed.value)) return parsed.value
  const [, fraction = ''] = /(\.\d+)/.exec(parsed.value) ?? []
  const at = new Date(parsed.value.replace(fraction, ''))
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString().replace('.000Z', `${fraction}Z`)
}

function filled(value: Json | undefined): Json | undefined {
  return isEmpty(value) ? undefined : value
}
