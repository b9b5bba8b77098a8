import { OrchError } from '../base/error.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import { systemActor } from '../model/actor.ts'
import type { RecordId } from '../model/id.ts'
import type { Values } from '../model/kind.ts'
import { context } from '../model/kinds/context.ts'
import { session as sessionKind } from '../model/kinds/session.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import { statusesOf } from '../model/statuses.ts'
import type { Holder, Lease } from '../store/leases.ts'
import { isSameHolder } from '../store/leases.ts'
import type { Commit, Project, StoredRecord } from '../store/project.ts'
import type { Claimant } from '../store/task-claims.ts'
import type { Tx } from '../store/tx.ts'
import type { RenewAnswer } from './arbiter.ts'

/** What the log says when a claim is taken, confirmed, and when it ends: other replicas read it, with its number. */
export const CLAIMED = 'claimed'
export const CONFIRMED = 'confirmed'
export const RELEASED = 'released'

const NOTICE_DAYS = 7
const DAY_MS = 86_400_000

export function holderOf({ actor, session }: Claimant): Holder {
  return { actor: actor.name, session: session ?? '' }
}

export function originOf({ actor, session }: Claimant): WriteOrigin {
  return { source: 'api', actor, ...(session !== undefined && { session }) }
}

/** What orch itself does, for a session or for none: ''. */
export function bySystem(session: string): WriteOrigin {
  return originOf({ actor: systemActor, session: session || undefined })
}

/** Why a holder cannot claim a task; undefined when it can. A task that is not here yet is its replica's to vouch for. */
export function refusalOf(
  project: Pick<Project, 'kinds' | 'blockersOf'>,
  record: Pick<StoredRecord, 'id' | 'values' | 'deletedAt'> | undefined,
  lease: Lease | undefined,
  holder: Holder,
): OrchError | undefined {
  if (lease && !isSameHolder(lease, holder)) return held(lease)
  if (!record) return undefined
  const { id, values, deletedAt } = record
  if (deletedAt !== undefined) return new OrchError('record_deleted', { kind: taskKind.name, id })
  const statuses = statusesOf(project.kinds)
  const status = String(values.status)
  if (statuses.closed.includes(status)) return new OrchError('not_ready', { id, reason: `it is ${status}` })
  if (lease) return undefined
  const assignee = values.assignee
  if (typeof assignee === 'string' && assignee !== '' && assignee !== holder.actor) {
    return new OrchError('already_claimed', { id, holder: assignee, since: ', to whom it is assigned' })
  }
  const blockers = project.blockersOf(id)
  if (blockers.length > 0) return new OrchError('not_ready', { id, reason: `it waits for ${blockers.join(', ')}` })
  return statuses.meaning(status) === 'blocked'
    ? new OrchError('not_ready', { id, reason: `its status is ${status}` })
    : undefined
}

/** What the record says against a claim that nobody has confirmed; undefined: nothing. */
export function lostByRecord(
  project: Pick<Project, 'kinds' | 'read'>,
  { task, actor }: Pick<Lease, 'task' | 'actor'>,
): (RenewAnswer & { readonly state: 'lost' }) | undefined {
  const values = project.read(taskKind, task)?.values
  if (!values) return undefined
  if (isClosed(project, values)) return { state: 'lost', reason: `it is ${values.status}` }
  const assignee = String(values.assignee ?? '')
  if (assignee === '' || assignee === actor) return undefined
  return { state: 'lost', holder: assignee, reason: `it is assigned to ${assignee}` }
}

export function isClosed({ kinds }: Pick<Project, 'kinds'>, { status }: Values): boolean {
  return statusesOf(kinds).closed.includes(String(status))
}

/**
 * Whether a person here gave the task to somebody else, which ends a claim. What comes from other replicas may be a claim
 * that was made apart: the arbiter decides about those.
 */
export function isReassigned(before: unknown, after: unknown, { actor }: Lease, { origin }: Commit): boolean {
  if (!('actor' in origin) || origin.actor.type !== 'person') return false
  return before !== after && after !== actor
}

/** Whether what the log says of an ended claim is about this one. Numbers below 0 are of a replica: that of the log's entry. */
export function isNumberOf(lease: Lease, said: object): boolean {
  const { fence, replica } = said as { readonly fence?: unknown; readonly replica?: unknown }
  if (typeof fence !== 'number') return false
  return fence < 0
    ? replica === lease.replica && (lease.fence === fence || lease.formerFence === fence)
    : lease.fence === fence
}

export function held({ task, actor, session, at, provisional }: Lease): OrchError {
  const since = ` since ${new Date(at).toISOString()}${session && ` in session ${session}`}`
  return new OrchError('already_claimed', {
    id: task,
    holder: actor,
    since: `${since}${provisional ? ', provisionally' : ''}`,
  })
}

/** What a claim changes: who works on the task, and that somebody does; the log tells. */
export function writeClaim(tx: Tx, lease: Lease): void {
  const { task, actor, session, fence, provisional, replica, until } = lease
  const record = tx.read(taskKind, task)
  if (record) {
    const begins = statusesOf(tx.kinds).meaning(String(record.values.status)) === 'todo'
    tx.update(taskKind, task, { set: { assignee: actor, ...(begins && { status: 'in_progress' }) } })
  }
  const known = session === '' ? undefined : tx.read(sessionKind, session as RecordId)
  if (known && !isGone(known)) tx.update(sessionKind, session as RecordId, { add: { tasks: [task] } })
  tx.appendLog({
    action: CLAIMED,
    task,
    ...(session && { session }),
    // The arbiter may get to know of it by this entry alone.
    details: { fence, ...(provisional && { provisional, replica, ...(until === null && { lasts: true }) }) },
  })
}

/** What the end of a claim changes: what was in progress can be begun again by somebody. */
export function writeRelease(tx: Tx, lease: Lease, reason: string): void {
  const { task, actor } = lease
  const record = tx.read(taskKind, task)
  if (record && !isGone(record) && record.values.assignee === actor && record.values.status === 'in_progress') {
    tx.update(taskKind, task, { set: { status: 'todo', assignee: null } })
  }
  writeReleased(tx, lease, reason)
}

export function writeReleased(
  tx: Tx,
  { task, actor, session, fence, replica }: Pick<Lease, 'task' | 'actor' | 'session' | 'fence' | 'replica'>,
  reason: string,
): void {
  tx.appendLog({
    action: RELEASED,
    task,
    ...(session && { session }),
    details: { holder: actor, fence, reason, ...(fence < 0 && { replica }) },
  })
}

/** Tells an actor what happened to its claim on a task. */
export function writeNotice(tx: Tx, actor: string, task: RecordId, now: number, title: string): void {
  const values: Values = {
    type: 'notice',
    title,
    audience: [actor],
    task,
    expiresAt: new Date(now + NOTICE_DAYS * DAY_MS).toISOString(),
  }
  tx.create(context, values)
}

const isGone = (record: object): boolean => 'deletedAt' in record && record.deletedAt !== undefined
