import { entriesOf } from '../comments.ts'
import { jsonOfExtra } from '../extra.ts'
import { type Lengths, splitBody } from '../import/beads/body.ts'
import { PARENT } from '../import/beads/edges.ts'
import { statusHere } from '../import/beads/task.ts'
import { textsOf } from '../kind.ts'
import type { Json, RecordMeta, RecordView } from '../record.ts'
import { oldNameOf } from './old-names.ts'

export interface BeadsWorld {
  /** What a task is called there. */
  readonly nameOf: (id: string) => string
  /** The status of orch that a project's own counts as. */
  readonly countsAs: (status: string) => string
  /** Whether nothing was changed here since it was imported. */
  readonly isUntouched: boolean
}

const PRIORITIES: readonly unknown[] = ['critical', 'high', 'medium', 'low']

const STATUSES: Readonly<Record<string, string>> = {
  todo: 'open',
  in_progress: 'in_progress',
  review: 'in_progress',
  blocked: 'blocked',
  completed: 'closed',
  cancelled: 'closed',
}

/** Extra keys that an import adds, which beads knows by other names or not at all. */
const OWN_EXTRAS = new Set([
  'imported',
  'type',
  'beads_dependencies',
  'beads_comments',
  'beads_texts',
  'beads_status',
  'beads_priority',
  'updated_at',
])

/** Types of edges that beads knows, beside `blocks` and `parent-child`. */
const EDGE_TYPES = new Set([
  'related',
  'relates-to',
  'discovered-from',
  'supersedes',
  'replies-to',
  'duplicates',
  'conditional-blocks',
  'waits-for',
  'tracks',
  'until',
  'caused-by',
  'validates',
  'authored-by',
  'assigned-to',
  'approved-by',
  'attests',
  'delegated-from',
])

/** Makes a line of `issues.jsonl` of a task, with everything that an import kept of it. */
export function toIssue(record: RecordView & RecordMeta, world: BeadsWorld): Readonly<Record<string, Json>> {
  const { values } = record
  const extra = new Map(Object.entries(record.extra).map(([key, raw]) => [key, jsonOfExtra(raw) ?? raw]))
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const isOld = oldNameOf(record)?.tool === 'beads'
  const id = world.nameOf(record.id)
  const issue: Record<string, Json | undefined> = {
    id,
    title: text('title') ?? id,
    ...textsOfBody(text('body') ?? '', isOld, extra.get('beads_texts')),
    status: statusOf(record, extra.get('beads_status'), world),
    priority: priorityOf(values.priority, extra.get('beads_priority')),
    issue_type: extra.get('type') ?? 'task',
    assignee: text('assignee'),
    estimated_minutes: minutesOf(values.estimatedHours, extra.get('estimated_minutes')),
    created_at: text('createdAt'),
    created_by: text('createdBy'),
    updated_at: (world.isUntouched ? extra.get('updated_at') : undefined) ?? new Date(record.updatedAt).toISOString(),
    closed_at: text('closedAt'),
    due_at: text('due'),
    labels: textsOf(values.labels),
  }
  for (const [key, value] of extra) {
    if (OWN_EXTRAS.has(key) || key.endsWith('_unresolved') || isEdges(key, value)) continue
    const name = key.replace(/^beads_/, '')
    if (issue[name] === undefined || key.startsWith('beads_')) issue[name] = value
  }
  if (record.deletedAt !== undefined) {
    issue.deleted_at ??= new Date(record.deletedAt).toISOString()
    issue.deleted_by ??= record.deletedBy ?? 'somebody'
  }
  if (record.deletedAt === undefined && world.countsAs(String(values.status)) === 'cancelled')
    issue.close_reason ??= 'cancelled'
  issue.dependencies = edgesOf(record, id, extra, world)
  issue.comments = commentsOf(record, id, extra.get('beads_comments'))
  return Object.fromEntries(
    Object.entries(issue).flatMap(([key, value]) =>
      value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[key, value]],
    ),
  )
}

/** Cuts a body where an import has put the texts of an issue together; the body of every other task is its description. */
function textsOfBody(body: string, isOld: boolean, lengths: Json | undefined): Readonly<Record<string, string>> {
  if (!isOld) return body === '' ? {} : { description: body }
  return splitBody(body, typeof lengths === 'object' && lengths !== null ? (lengths as Lengths) : undefined)
}

function statusOf(
  { values, deletedAt }: RecordView & RecordMeta,
  old: Json | undefined,
  { countsAs }: BeadsWorld,
): string {
  if (deletedAt !== undefined) return 'tombstone'
  const status = countsAs(String(values.status))
  // The old word says more, for as long as the task stands where that word put it.
  if (typeof old === 'string' && old !== 'tombstone' && (statusHere(old) ?? 'todo') === status) return old
  return STATUSES[status] ?? 'open'
}

function priorityOf(priority: unknown, old: Json | undefined): Json {
  // The old number says more, for as long as the priority is what was made of it.
  if (old !== undefined && priority === (old === 4 ? 'low' : 'medium')) return old
  const at = PRIORITIES.indexOf(priority)
  return at < 0 ? 2 : at
}

function minutesOf(hours: unknown, old: Json | undefined): number | undefined {
  if (typeof hours !== 'number') return undefined
  if (typeof old === 'number' && Math.round((old / 60) * 100) / 100 === hours) return old
  return Math.round(hours * 60)
}

function isEdges(key: string, value: Json): value is readonly Json[] {
  return (EDGE_TYPES.has(key) || key === PARENT) && Array.isArray(value)
}

function edgesOf(
  { values, updatedAt, updatedBy }: RecordView & RecordMeta,
  id: string,
  extra: ReadonlyMap<string, Json>,
  { nameOf }: BeadsWorld,
): readonly Json[] {
  const texts = (key: string): readonly string[] => {
    const value = extra.get(key)
    return Array.isArray(value) ? value.map(String) : []
  }
  const wanted: (readonly [type: string, to: string])[] = [
    ...[...textsOf(values.dependencies).map(nameOf), ...texts('dependencies_unresolved')].map(
      (to) => ['blocks', to] as const,
    ),
    ...[...(typeof values.parent === 'string' ? [nameOf(values.parent)] : []), ...texts('parent_unresolved')].map(
      (to) => [PARENT, to] as const,
    ),
    ...[...extra].flatMap(([type, value]) =>
      isEdges(type, value) ? value.map((to) => [type, String(to)] as const) : [],
    ),
  ]
  const open = new Set(wanted.map((edge) => edge.join(' ')))
  const known = extra.get('beads_dependencies')
  const kept = (Array.isArray(known) ? (known as readonly Json[]) : []).filter((raw) => {
    const { type, depends_on_id: to } = (raw ?? {}) as Readonly<Record<string, Json>>
    return open.delete(`${String(type ?? 'blocks')} ${String(to)}`) || to === undefined
  })
  const made = [...open].map((edge) => {
    const at = edge.indexOf(' ')
    return {
      issue_id: id,
      depends_on_id: edge.slice(at + 1),
      type: edge.slice(0, at),
      created_at: new Date(updatedAt).toISOString(),
      created_by: updatedBy,
    }
  })
  return [...kept, ...made]
}

function commentsOf({ values }: RecordView, id: string, rest: Json | undefined): readonly Json[] {
  const raw = (Array.isArray(rest) ? (rest as readonly Json[]) : []).filter(
    (one) => typeof one === 'object' && one !== null,
  )
  const known = new Set(raw.map((one) => (one as Readonly<Record<string, Json>>).text))
  const own = entriesOf(values.comments).filter(({ text }) => !known.has(text))
  return [
    ...raw,
    ...own.map(({ by, at, text }, n) => ({
      id: raw.length + n + 1,
      issue_id: id,
      author: by,
      text,
      created_at: new Date(at).toISOString(),
    })),
  ]
}
