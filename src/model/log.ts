import type { RecordId } from './id.ts'
import { isRecordId } from './id.ts'
import type { Json } from './record.ts'
import { checkJson } from './validate.ts'

/** What an entry of the work log says. */
export interface LogValues {
  /** ISO 8601 in UTC with milliseconds: `2026-11-23T08:30:00.000Z`. */
  readonly at: string
  readonly actor: string
  readonly action: string
  /** '' when there was none. */
  readonly session: string
  /** The id of a task; '' when it is about none. */
  readonly task: string
  /** null when there are none. */
  readonly details: Json
}

/** An entry of the work log. It is added once and never changes. */
export interface LogEntry extends LogValues {
  readonly id: RecordId
}

const MAX_ACTION_LENGTH = 200
const MAX_NAME_LENGTH = 200
const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const MONTH_DOC = /^log\/(\d{4}-(?:0[1-9]|1[0-2]))$/
const DAY = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/

/** The document that an entry of this time belongs to: `log/2026-11`. */
export function logDocOf(at: string): string {
  return `log/${at.slice(0, 7)}`
}

/** Tells the names of the documents of months. */
export function isLogDoc(name: string): boolean {
  return MONTH_DOC.test(name)
}

/** The day of a time in UTC: `2026-11-23`. */
export function dayOf(at: string): string {
  return at.slice(0, 10)
}

/** The file of a day, below the mirror directory and in a snapshot: `log/2026-11-23.jsonl`. */
export function logFile(day: string): string {
  return `log/${day}.jsonl`
}

/** The day whose file a path is; undefined when it is none. */
export function dayOfFile(path: string): string | undefined {
  const day = path.startsWith('log/') && path.endsWith('.jsonl') ? path.slice(4, -6) : ''
  return DAY.test(day) ? day : undefined
}

/** Says why something cannot be an entry of the work log; undefined when it can. */
export function checkLogEntry(id: string, value: unknown): string | undefined {
  if (!isRecordId(id) || !id.startsWith('l-')) return 'the id of an entry is `l-` and 8 characters, such as l-7f3k9q2m'
  if (!isPlain(value)) return 'an entry is a JSON object'
  const { at, actor, action, session = '', task = '', details = null } = value
  if (typeof at !== 'string' || !AT.test(at) || !isTime(at)) return '`at` must be like 2026-11-23T08:30:00.000Z'
  const reason =
    checkLine('actor', actor, MAX_NAME_LENGTH) ??
    checkLine('action', action, MAX_ACTION_LENGTH) ??
    (session === '' ? undefined : checkLine('session', session, MAX_NAME_LENGTH))
  if (reason !== undefined) return reason
  if (task !== '' && !(typeof task === 'string' && isRecordId(task))) return '`task` must be the id of a task'
  const json = checkJson(details)
  return json === undefined ? undefined : `\`details\` ${json}`
}

/** Reads an entry as a document holds it; undefined when it is none. */
export function readLogEntry(id: string, value: unknown): LogEntry | undefined {
  if (checkLogEntry(id, value) !== undefined) return undefined
  const { at, actor, action, session = '', task = '', details = null } = value as LogValues
  return { id: id as RecordId, at, actor, action, session, task, details }
}

/** What a document holds of an entry: without what is empty. */
export function logValues({ at, actor, action, session, task, details }: LogValues): { readonly [key: string]: Json } {
  return {
    at,
    actor,
    action,
    ...(session !== '' && { session }),
    ...(task !== '' && { task }),
    ...(details !== null && { details }),
  }
}

/** An entry as its line in the file of its day, with the line break. */
export function renderLogLine(entry: LogEntry): string {
  return `${JSON.stringify({ id: entry.id, ...logValues(entry) })}\n`
}

function checkLine(name: string, value: unknown, max: number): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return `\`${name}\` must not be empty`
  if (value.length > max) return `\`${name}\` is ${value.length} characters; the limit is ${max}`
  if (/[\n\r\u2028\u2029]/.test(value)) return `\`${name}\` must be one line`
  const json = checkJson(value)
  return json === undefined ? undefined : `\`${name}\` ${json}`
}

function isTime(at: string): boolean {
  const time = Date.parse(at)
  return !Number.isNaN(time) && new Date(time).toISOString() === at
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
