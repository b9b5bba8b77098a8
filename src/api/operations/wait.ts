import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { RecordId } from '../../model/id.ts'
import { textsOf } from '../../model/kind.ts'
import { task } from '../../model/kinds/task.ts'
import { statusesOf } from '../../model/statuses.ts'
import { decodeCursor, encodeCursor, furthest } from '../../store/cursor.ts'
import { isSameHolder } from '../../store/leases.ts'
import type { Vector } from '../../store/row.ts'
import { titleOf, unreadMessages } from '../agent-context/gather.ts'
import { claimantOf } from '../context-of-caller.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation } from './define.ts'
import { resolveLiving } from './fields.ts'

const DEFAULT_SECONDS = 50
const MAX_SECONDS = 3600
const MAX_CHANGES = 1000

const eventSchema = z.object({
  what: z.enum(['ready', 'closed', 'changed', 'message', 'free']).describe('what happened'),
  id: z.string().describe('to which record'),
  title: z.string().optional().describe('what it is called'),
  by: z.string().optional().describe('who did it'),
})

type Event = z.infer<typeof eventSchema>

interface WaitInput {
  readonly ready: boolean
  readonly message: boolean
  readonly closed: readonly string[]
  readonly changed: readonly string[]
  readonly free: readonly string[]
  readonly capabilities: readonly string[]
  readonly timeout: number
  readonly since?: string | undefined
}

/** Waits for something that was named, and is woken by it. */
export const waitOperation: Operation = defineOperation<WaitInput, unknown>({
  name: 'wait',
  effect: 'read',
  role: 'reader',
  help: 'Waits until something that you name happens, or the time is up, and says what. What is so already is said at once; with a cursor, only what came after it counts for ready, messages and changes.',
  input: z.strictObject({
    ready: z.boolean().default(false).describe('a task that fits you can be begun'),
    message: z.boolean().default(false).describe('there is an unread message for you'),
    closed: z.array(z.string()).default([]).describe('this task is completed or cancelled'),
    changed: z.array(z.string()).default([]).describe('somebody else changes this record'),
    free: z.array(z.string()).default([]).describe('nobody holds this task any more'),
    capabilities: z.array(z.string()).default([]).describe('what you can do'),
    timeout: z
      .number()
      .min(0)
      .max(MAX_SECONDS)
      .default(DEFAULT_SECONDS)
      .describe('how long at most, in seconds; most MCP clients give up after 60'),
    since: z.string().optional().describe('a cursor: of the wait before, or of a context'),
  }),
  output: z.object({
    happened: z.array(eventSchema).describe('what happened; nothing when the time was up'),
    timedOut: z.boolean().describe('whether the time was up'),
    cursor: z.string().describe('give it as since to the next wait; a context keeps its own'),
  }),
  cli: {
    command: 'wait',
    positionals: [],
    flags: { capabilities: 'capability' },
    view: {
      type: 'table',
      rows: 'happened',
      columns: [
        { key: 'what', head: 'what' },
        { key: 'id', head: 'id', style: 'id' },
        { key: 'by', head: 'by' },
        { key: 'title', head: 'title' },
      ],
      empty: 'Nothing happened in that time.',
    },
    examples: ['orch wait --ready --message', 'orch wait --closed t-7f3k --timeout 600'],
  },
  async run(context, input) {
    const { project, clock, parts, signal } = context
    const ids = (texts: readonly string[]): readonly RecordId[] =>
      texts.map((text) => resolveLiving(project, task, text))
    const asked: Asked = {
      ...input,
      closed: input.closed.map((text) => project.resolve(text, task).id),
      free: ids(input.free),
      changed: input.changed.map((text) => resolveAny(context, text)),
      since: input.since === undefined ? undefined : decodeCursor(input.since),
      start: project.have(),
    }
    if (!input.ready && !input.message && asked.closed.length + asked.changed.length + asked.free.length === 0) {
      throw new OrchError('usage', { reason: 'What is to be waited for? Name at least one thing' })
    }
    return await new Promise((resolve, reject) => {
      let isOver = false
      let isScheduled = false
      const stops: (() => void)[] = []
      const end = (settle: () => void): void => {
        if (isOver) return
        isOver = true
        for (const stop of stops) stop()
        settle()
      }
      const answer = (happened: readonly Event[], timedOut: boolean): void =>
        end(() =>
          resolve({
            happened: [...happened],
            timedOut,
            cursor: encodeCursor(furthest(asked.since ?? {}, project.have())),
          }),
        )
      const look = (): void => {
        isScheduled = false
        if (isOver) return
        try {
          const happened = eventsOf(context, asked)
          if (happened.length > 0) answer(happened, false)
        } catch (error) {
          end(() => reject(error))
        }
      }
      // However many commits come in one turn, it is looked once.
      const soon = (): void => {
        if (isScheduled || isOver) return
        isScheduled = true
        setImmediate(look)
      }
      stops.push(project.onCommit(soon), parts.agents.claims.onChange(soon))
      stops.push(clock.after(input.timeout * 1000, () => answer([], true)))
      const leave = (): void => end(() => reject(new OrchError('daemon_stopping')))
      signal.addEventListener('abort', leave)
      stops.push(() => signal.removeEventListener('abort', leave))
      if (signal.aborted) leave()
      look()
    })
  },
})

interface Asked extends Omit<WaitInput, 'since' | 'closed' | 'changed' | 'free'> {
  readonly closed: readonly RecordId[]
  readonly changed: readonly string[]
  readonly free: readonly RecordId[]
  readonly since: Vector | undefined
  /** Where the journal stood when the wait began. */
  readonly start: Vector
}

function eventsOf(context: OperationContext, asked: Asked): readonly Event[] {
  const { project, actor, session, parts } = context
  const { claims } = parts.agents
  const needsChanges = asked.changed.length > 0 || (asked.since !== undefined && (asked.ready || asked.message))
  const own = session === undefined ? { notActor: actor.name } : { notSession: session }
  const changes = needsChanges
    ? project.changedSince(asked.since ?? asked.start, { ...own, limit: MAX_CHANGES }).items
    : []
  const touched = new Set(changes.map(({ id }) => id))
  const me = claims.holderOf(claimantOf(context))
  const events: Event[] = []

  for (const id of asked.closed) {
    const record = project.read(task, id)
    const isClosed =
      record === undefined ||
      record.deletedAt !== undefined ||
      statusesOf(project.kinds).closed.includes(String(record.values.status))
    if (isClosed) events.push({ what: 'closed', id, ...(record && { title: titleOf(record), by: record.updatedBy }) })
  }
  for (const id of asked.free) {
    const record = project.read(task, id)
    const lease = claims.of(id)
    const assignee = record?.values.assignee
    const isTaken = typeof assignee === 'string' && assignee !== '' && assignee !== actor.name
    if ((!lease || isSameHolder(lease, me)) && !isTaken)
      events.push({ what: 'free', id, ...(record && { title: titleOf(record) }) })
  }
  for (const id of new Set(asked.changed)) {
    const last = changes.findLast((change) => change.id === id)
    if (last) events.push({ what: 'changed', id, by: last.actor })
  }
  if (asked.message) {
    const unread = unreadMessages({ context, capabilities: asked.capabilities })
    for (const record of unread.filter(({ id }) => asked.since === undefined || touched.has(id)).slice(0, 10)) {
      events.push({
        what: 'message',
        id: record.id,
        title: titleOf(record),
        by: String(record.values.publishedBy ?? ''),
      })
    }
  }
  if (asked.ready) {
    const claimed = new Set(claims.all().map((lease) => lease.task))
    const fits = asked.capabilities.length > 0 ? { capabilities: asked.capabilities } : {}
    const { items } = project.ready({ ...fits, actor: actor.name, claimed, limit: asked.since ? 200 : 5 })
    const isNew = asked.since
      ? items.filter(
          ({ id, values }) => touched.has(id) || textsOf(values.dependencies).some((one) => touched.has(one)),
        )
      : items
    for (const record of isNew.slice(0, 5)) events.push({ what: 'ready', id: record.id, title: titleOf(record) })
  }
  return events
}

/** A record of any kind, or a key of the state. */
function resolveAny({ project }: OperationContext, text: string): string {
  const isKey = project.kinds.keyed.some(({ name }) => project.readKeys(name).has(text))
  return isKey ? text : project.resolve(text).id
}
