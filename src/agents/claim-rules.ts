import { OrchError } from '../base/error.ts'
import type { RecordId } from '../model/id.ts'
import type { Values } from '../model/kind.ts'
import { context } from '../model/kinds/context.ts'
import { session as sessionKind } from '../model/kinds/session.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import { statusesOf } from '../model/statuses.ts'
import type { Holder, Lease } from '../store/leases.ts'
import { isSameHolder } from '../store/leases.ts'
import type { Project, StoredRecord, Tx } from '../store/project.ts'

/** What the log says when a claim is taken, confirmed, and when it ends: other replicas read it, with its number. */
export const CLAIMED = 'claimed'
export const CONFIRMED = 'confirmed'
export const RELEASED = 'released'

const NOTICE_DAYS = 7
const DAY_MS = 86_400_000

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
