import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { withoutLastNewlines } from '../../base/trim.ts'
import { systemActor } from '../../model/actor.ts'
import type { RecordId } from '../../model/id.ts'
import { textsOf } from '../../model/kind.ts'
import { session } from '../../model/kinds/session.ts'
import { task } from '../../model/kinds/task.ts'
import { quoteInline } from '../../model/quoted.ts'
import { statusesOf } from '../../model/statuses.ts'
import { changeLines, changeWords, rowsOf } from '../agent-context/changes.ts'
import { currentTitle, titleOf } from '../agent-context/gather.ts'
import type { OperationContext } from '../operation.ts'
import { originOf } from './define.ts'
import { fillTemplate, templateText } from './templates.ts'

export interface SessionEnd {
  /** What its actor says of it; without it, what orch knows is written. */
  readonly said: string | undefined
  /** The page below pages/templates/ of the hand-over. */
  readonly template: string
  readonly artifacts: readonly string[]
  /** Why its claims end. */
  readonly reason: string
}

/** What was done, at most so many lines. */
const DONE_LINES = 20

/** Ends a session: its hand-over is written below its text, then its claims end. Throws `invalid_input` when it has ended. */
export async function endSession(context: OperationContext, id: RecordId, ending: SessionEnd): Promise<void> {
  const { project, clock, parts } = context
  const { said, template, artifacts, reason } = ending
  const now = new Date(clock.now()).toISOString()
  const known = must(project.read(session, id), `no record ${id}`)
  const isAgents = known.values.actor !== context.actor.name || context.actor.type !== 'person'
  const summary = said ?? (isAgents ? handOverOf(context, id, reason) : '')
  await project.transact(originOf(context), (tx) => {
    const before = must(tx.read(session, id), `no record ${id}`)
    if (before.values.endedAt) {
      throw new OrchError('invalid_input', { field: 'id', reason: `${id} has ended already` })
    }
    const text = String(before.values.summary)
    const handOver = fillTemplate(templateText(project, tx, template), {
      goal: String(before.values.goal ?? ''),
      actor: String(before.values.actor ?? ''),
      date: now.slice(0, 10),
      summary,
      artifacts: artifacts.map((one) => `- ${one}`).join('\n'),
    })
    const gap = text.trim() === '' ? '' : '\n\n'.slice(text.length - withoutLastNewlines(text).length)
    tx.update(session, id, {
      set: { endedAt: now },
      add: { artifacts },
      ...(handOver !== '' && { edit: { summary: [{ at: text.length, delete: 0, insert: gap + handOver }] } }),
    })
  })
  const actor = { name: String(known.values.actor ?? ''), type: 'agent', verified: false } as const
  await parts.agents.claims.releaseAll({ actor, session: id }, reason)
}

/** Ends a session whose connection is gone; false when it has ended already, or was deleted. */
export async function endGoneSession(context: OperationContext, id: string): Promise<boolean> {
  const known = context.project.read(session, id as RecordId)
  if (!known || known.deletedAt !== undefined || known.values.endedAt) return false
  await endSession(context, known.id, {
    said: undefined,
    template: 'session-end',
    artifacts: [],
    reason: 'its connection was gone',
  })
  return true
}

/** Goes on with a session that orch has ended, not its actor. */
export async function resumeSession(context: OperationContext, id: string): Promise<void> {
  const { project, actor } = context
  const known = project.read(session, id as RecordId)
  if (!known?.values.endedAt || known.deletedAt !== undefined) return
  if (known.updatedBy !== actor.name) return
  await project.transact(originOf(context), (tx) => {
    tx.update(session, known.id, { set: { endedAt: null } })
    tx.appendLog({ action: 'resumed', session: id, details: { reason: 'its connection is back' } })
  })
}

/** What was done in a session, one line each, the oldest first. */
export function storyOf(
  context: OperationContext,
  id: string,
  limit: number,
): readonly {
  readonly at: number
  readonly id: string
  readonly by: readonly string[]
  readonly what: string
}[] {
  return rowsOf(context.project.changedIn(id, limit)).flatMap((row) =>
    changeLines([row]).map((line) => ({
      at: row[0]?.at ?? 0,
      id: line.id,
      by: line.by,
      what: changeWords(line, currentTitle(context, line.kind, line.id)),
    })),
  )
}

/** What a session leaves, for who comes next: what was done in it, and which of its tasks are open. */
function handOverOf(context: OperationContext, id: RecordId, reason: string): string {
  const { project, parts } = context
  const { closed } = statusesOf(project.kinds)
  const isOwn = (by: readonly string[]): boolean => by.some((name) => name !== systemActor.name)
  const done = storyOf(context, id, 1000).filter((one) => one.id !== id && isOwn(one.by))
  const shown = done.slice(-DONE_LINES)
  const left = textsOf(project.read(session, id)?.values.tasks).flatMap((one) => {
    const found = project.read(task, one as RecordId)
    if (!found || found.deletedAt !== undefined || closed.includes(String(found.values.status))) return []
    const holds = parts.agents.claims.of(one)?.session === id
    return [`- ${one} ${quoteInline(titleOf(found))}: ${found.values.status}${holds ? '; its claim ends' : ''}`]
  })
  if (shown.length === 0 && left.length === 0) return ''
  return [
    `Written by orch: ${reason}.`,
    ...(shown.length === 0 ? [] : [['Done:', '', ...shown.map(({ what }) => `- ${what}`)].join('\n')]),
    ...(done.length > shown.length ? [`and ${done.length - shown.length} before: \`orch session show ${id}\``] : []),
    ...(left.length === 0 ? [] : [['Left:', '', ...left].join('\n')]),
  ].join('\n\n')
}
