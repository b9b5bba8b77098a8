import { shortHash } from '../base/hash.ts'
import type { KeyedKind, Kind, RecordKind } from '../model/kind.ts'
import type { KeyedValue, StoredRecord } from '../store/project.ts'
import { changedFields, type Difference, keyDifference, oneLine, recordDifference } from '../store/record-diff.ts'
import type { Vector } from '../store/row.ts'
import type { FieldMark, Mark } from './snapshot-ledger.ts'

/** A record, or a key of a keyed kind, between the last snapshot and this one. */
export type RecordChange = {
  readonly id: string
  readonly marks: readonly Mark[]
  /** Who changed which field, where that is known. */
  readonly fields?: readonly FieldMark[]
} & (
  | { readonly kind: RecordKind; readonly before: StoredRecord | undefined; readonly after: StoredRecord | undefined }
  | { readonly kind: KeyedKind; readonly before: KeyedValue | undefined; readonly after: KeyedValue | undefined }
)

export interface SnapshotFacts {
  readonly project: string
  /** The replica that takes the snapshot. */
  readonly replica: string
  readonly changes: readonly RecordChange[]
  /** Who made the rows that are new in this snapshot, in which sessions, up to which sequence per replica. */
  readonly actors: readonly string[]
  readonly sessions: readonly string[]
  readonly rows: Vector
  /** How many entries were added to the work log. */
  readonly entries?: number
  /** What a person wants the snapshot to be called. */
  readonly title?: string | undefined
  /** The address an actor is known by. */
  readonly mailOf?: ((actor: string) => string | undefined) | undefined
}

export interface SnapshotMessage {
  readonly subject: string
  readonly body: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
  readonly author: { readonly name: string; readonly email: string }
}

/** What a snapshot is called when nobody in particular made it, and who commits every one. */
export const orchAuthor = { name: 'orch', email: 'orch@orch.invalid' } as const

const MAX_BLOCKS = 100

/** Writes the commit message of a snapshot, and says who is its author: the one actor, else orch. */
export function snapshotMessage(facts: SnapshotFacts): SnapshotMessage {
  const { title, actors, sessions, rows, replica, mailOf } = facts
  const subject = subjectOf(facts)
  const [first = '', ...rest] = (title ?? '').trim().split('\n')
  const said = first === '' ? [] : [rest.join('\n').trim(), subject].filter((part) => part !== '')
  const signatureOf = (name: string) => ({ name: oneLine(name, 64), email: mailOf?.(name) ?? mailFor(name) })
  const [one, ...others] = actors
  const author = one !== undefined && others.length === 0 ? signatureOf(one) : orchAuthor
  const further = actors.map(signatureOf).filter(({ name }) => name !== author.name)
  return {
    subject: first === '' ? subject : oneLine(first, 200),
    body: [...said, ...blocks(facts.changes), ...(changesShown(facts) ? [countOfEntries(facts)] : [])].join('\n\n'),
    trailers: [
      ...actors.map((actor) => ['Orch-Actor', oneLine(actor, 64)] as const),
      ...sessions.map((session) => ['Orch-Session', oneLine(session, 200)] as const),
      ...Object.entries(rows).map(([from, seq]) => ['Orch-Seq', `${from}:${seq}`] as const),
      ['Orch-Replica', replica],
      ...further.map(({ name, email }) => ['Co-authored-by', `${name} <${email}>`] as const),
    ],
    author,
  }
}

/** The message as git stores it. */
export function formatMessage({ subject, body, trailers }: Omit<SnapshotMessage, 'author'>): string {
  const last = trailers.map(([name, value]) => `${name}: ${value}`).join('\n')
  return `${[subject, body, last].filter((part) => part !== '').join('\n\n')}\n`
}

/** Takes a commit message apart again; works on any, also one that orch did not write. */
export function parseMessage(text: string): Omit<SnapshotMessage, 'author'> {
  const [subject = '', ...paragraphs] = text.trimEnd().split(/\n{2,}/)
  const lines = paragraphs.at(-1)?.split('\n') ?? []
  const trailers = lines.map((line) => /^([A-Za-z][A-Za-z-]*): (.*)$/.exec(line))
  const complete = trailers.length > 0 && trailers.every((trailer) => trailer !== null)
  return {
    subject,
    body: (complete ? paragraphs.slice(0, -1) : paragraphs).join('\n\n'),
    trailers: complete ? trailers.map((trailer) => [trailer?.[1] ?? '', trailer?.[2] ?? ''] as const) : [],
  }
}

/** An address that leads nowhere, made of an actor's name: git wants one, and hosts link real ones to accounts. */
function mailFor(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9._+-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
  return `${slug === '' ? shortHash(name) : slug}@orch.invalid`
}

function subjectOf(facts: SnapshotFacts): string {
  const { project, changes, actors, entries = 0 } = facts
  const [one, ...others] = changes
  if (!one && entries > 0) return `${countOfEntries(facts)} (${names(actors)})`
  if (!one) return actors.length === 0 ? `project ${oneLine(project, 60)}` : `no visible change (${names(actors)})`
  if (others.length > 0)
    return `${counts(changes)}${entries > 0 ? `, ${countOfEntries(facts)}` : ''} by ${actors.length === 1 ? names(actors) : `${actors.length} actors`}`
  return `${labelOf(one)}: ${differenceOf(one).headline} (${names(actorsOf(one))})`
}

const countOfEntries = ({ entries = 0 }: SnapshotFacts): string =>
  `${entries} log ${entries === 1 ? 'entry' : 'entries'}`

/** Whether the entries of the work log are one thing among others. */
const changesShown = ({ changes, entries = 0 }: SnapshotFacts): boolean => entries > 0 && changes.length > 0

/** `12 tasks, 3 pages, 1 state key`, most first. */
function counts(changes: readonly RecordChange[]): string {
  const byKind = new Map<Kind, number>()
  for (const { kind } of changes) byKind.set(kind, (byKind.get(kind) ?? 0) + 1)
  return [...byKind]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${nounOf(kind, count)}`)
    .join(', ')
}

function nounOf(kind: Kind, count: number): string {
  if (kind.shape !== 'records') return `${kind.name} ${count === 1 ? 'key' : 'keys'}`
  return count === 1 ? kind.name : kind.plural
}

/** One paragraph a record: its id, its title, who changed it; then each change. */
function blocks(changes: readonly RecordChange[]): readonly string[] {
  const shown = changes.slice(0, MAX_BLOCKS).map((change) => {
    const { headline, lines } = differenceOf(change)
    const created = change.before === undefined && change.kind.shape === 'records'
    const title = created ? headline : titleOf(change)
    const head = [labelOf(change), title, `(${names(actorsOf(change))})`].filter((part) => part !== '').join(' ')
    const shown = lines.length === 0 && !created ? [headline] : lines
    const by = writersOf(change)
    return [head, ...shown.map((line) => `  ${line}${by(line)}`)].join('\n')
  })
  const hidden = changes.length - shown.length
  return hidden > 0 ? [...shown, `and ${hidden} more`] : shown
}

/** Where several changed a record, who wrote the field of a line: ` (claude)`. */
function writersOf(change: RecordChange): (line: string) => string {
  const { fields = [] } = change
  if (!isRecordChange(change) || !change.after || actorsOf(change).length < 2) return () => ''
  const nameOf = new Map(changedFields(change.kind, change.before, change.after).map(({ name, line }) => [line, name]))
  return (line) => {
    const actors = fields.filter(({ field }) => field === nameOf.get(line)).map(({ actor }) => actor)
    return actors.length > 0 ? ` (${names([...new Set(actors)].sort())})` : ''
  }
}

function differenceOf(change: RecordChange): Difference {
  return isRecordChange(change)
    ? recordDifference(change.kind, change.before, change.after)
    : keyDifference(change.before, change.after)
}

type OfRecord = Extract<RecordChange, { readonly kind: RecordKind }>
type OfKey = Extract<RecordChange, { readonly kind: KeyedKind }>

function isRecordChange(change: RecordChange): change is OfRecord {
  return change.kind.shape === 'records'
}

const labelOf = (change: RecordChange): string =>
  isRecordChange(change) ? change.id : `${change.kind.name} ${oneLine(change.id, 64)}`

function titleOf(change: OfRecord | OfKey): string {
  if (!isRecordChange(change)) return ''
  return oneLine((change.after ?? change.before)?.values[change.kind.title] ?? '', 100)
}

const actorsOf = ({ marks }: RecordChange): readonly string[] => [...new Set(marks.map(({ actor }) => actor))].sort()

function names(actors: readonly string[]): string {
  if (actors.length === 0) return orchAuthor.name
  return actors.length <= 3 ? actors.map((actor) => oneLine(actor, 64)).join(', ') : `${actors.length} actors`
}
