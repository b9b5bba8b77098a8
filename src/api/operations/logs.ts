import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { time } from '../../model/field.ts'
import type { LogKind } from '../../model/kind.ts'
import type { LogEntry } from '../../model/log.ts'
import type { Json } from '../../model/record.ts'
import { checkJson, parseValue } from '../../model/validate.ts'
import type { Operation } from '../operation.ts'
import { withLogAsOf } from './as-of.ts'
import { defineOperation, originOf } from './define.ts'
import { checkFence, type FenceInput, fenceSchema } from './fence.ts'
import { kindNamed, resolveLiving } from './fields.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1000

/** What can be asked about a kind of entries: add one, list them. */
export function logOperationsOf(kind: LogKind): readonly Operation[] {
  return [appendOperation(kind), withLogAsOf(listOperation(kind))]
}

function entrySchema({ fields }: LogKind): z.ZodType {
  return z.object({
    id: z.string().describe('its id, for good'),
    at: z.string().describe(fields.at.help),
    actor: z.string().describe(fields.actor.help),
    action: z.string().describe(fields.action.help),
    session: z.string().optional().describe(fields.session.help),
    task: z.string().optional().describe(fields.task.help),
    details: z.json().optional().describe(fields.details.help),
  })
}

interface AppendInput extends FenceInput {
  readonly action: string
  readonly details?: unknown
  readonly task?: string | undefined
  readonly session?: string | undefined
}

/** `log append 'Ran the tests' --task t-7f3k --details '{"failed": 2}'` */
function appendOperation(kind: LogKind): Operation {
  return defineOperation<AppendInput, unknown>({
    name: `${kind.name}.append`,
    effect: 'write',
    role: 'writer',
    help: `Adds an entry to ${kind.help}.`,
    input: z.strictObject({
      action: z.string().describe(kind.fields.action.help),
      details: z.json().optional().describe(kind.fields.details.help),
      task: z.string().optional().describe(kind.fields.task.help),
      session: z.string().optional().describe(`${kind.fields.session.help}; by default the caller's`),
      fence: fenceSchema,
    }) as unknown as z.ZodType<AppendInput>,
    output: entrySchema(kind),
    cli: {
      command: `${kind.name} append`,
      positionals: ['action'],
      view: { type: 'message', text: 'Logged {id}: {action}' },
      examples: [
        `orch ${kind.name} append 'Ran the tests' --task t-7f3k`,
        `orch ${kind.name} append 'Ran the tests' --details '{"failed": 2}'`,
      ],
    },
    async run(context, { action, details, task, session = context.session, ...under }) {
      const { project } = context
      const about = task === undefined ? undefined : resolveLiving(project, kindNamed(project, 'task'), task)
      const entry = {
        action: action.trim(),
        ...(details !== undefined && { details: parseDetails(details) }),
        ...(about !== undefined && { task: about }),
        ...(session !== undefined && { session }),
      }
      const id = await project.transact(originOf(context), (tx) => {
        checkFence(context, about, under)
        return tx.appendLog(entry)
      })
      return entryOutput(must(project.readLog(id), `no entry ${id}`))
    },
  })
}

interface ListInput {
  readonly actor?: string | undefined
  readonly task?: string | undefined
  readonly session?: string | undefined
  readonly action?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/** `log list --task t-7f3k --since 2026-11-01` */
function listOperation(kind: LogKind): Operation {
  const only = (name: keyof LogKind['fields']): z.ZodType =>
    z.string().optional().describe(`only where this is ${kind.fields[name].help}`)
  return defineOperation<ListInput, unknown>({
    name: `${kind.name}.list`,
    effect: 'read',
    role: 'reader',
    help: 'Lists entries of the work log, newest first, a page at a time.',
    input: z.strictObject({
      actor: only('actor'),
      task: only('task'),
      session: only('session'),
      since: z.string().optional().describe('only from this date or time on'),
      until: z.string().optional().describe('only before this date or time'),
      action: only('action'),
      limit: z
        .number()
        .int()
        .min(1)
        .max(MAX_LIMIT)
        .default(DEFAULT_LIMIT)
        .describe(`how many at most, up to ${MAX_LIMIT}`),
      after: z.string().optional().describe('go on after this page: the next of the page before'),
    }) as unknown as z.ZodType<ListInput>,
    output: z.object({
      items: z.array(entrySchema(kind)).describe('the page'),
      next: z.string().optional().describe('where the next page begins, when there is one'),
    }),
    cli: {
      command: `${kind.name} list`,
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'at', head: 'at', style: 'time' },
          { key: 'actor', head: 'actor' },
          { key: 'action', head: 'action' },
          { key: 'task', head: 'task', style: 'id' },
          { key: 'session', head: 'session', style: 'dim' },
        ],
        empty: 'There are no such entries.',
      },
      examples: [`orch ${kind.name} list --actor claude --since 2026-11-01`, `orch ${kind.name} list --task t-7f3k`],
    },
    run({ project }, { task, since, until, ...query }) {
      const page = project.listLog({
        ...query,
        task: task === undefined ? undefined : project.resolve(task, kindNamed(project, 'task')).id,
        since: since === undefined ? undefined : readTime('since', since),
        until: until === undefined ? undefined : readTime('until', until),
      })
      return { items: page.items.map(entryOutput), ...(page.next !== undefined && { next: page.next }) }
    },
  })
}

/** An entry as every surface shows it: what is empty is left out. */
export function entryOutput({ id, at, actor, action, session, task, details }: LogEntry): unknown {
  return {
    id,
    at,
    actor,
    action,
    ...(session !== '' && { session }),
    ...(task !== '' && { task }),
    ...(details !== null && { details }),
  }
}

/** A date is the beginning of its day in UTC, as entries say their times. */
function readTime(field: string, text: string): string {
  const parsed = parseValue(time({ help: '' }), text)
  if (!parsed.ok) throw new OrchError('invalid_input', { field, reason: parsed.reason })
  return /^\d{4}-\d\d-\d\d$/.test(String(parsed.value)) ? text : new Date(String(parsed.value)).toISOString()
}

/** From a terminal, JSON is a text. */
function parseDetails(details: unknown): Json {
  let value = details
  if (typeof details === 'string') {
    try {
      value = JSON.parse(details)
    } catch {
      throw new OrchError('invalid_input', { field: 'details', reason: `it is not JSON: ${details.slice(0, 80)}` })
    }
  }
  const reason = checkJson(value)
  if (reason !== undefined) throw new OrchError('invalid_input', { field: 'details', reason })
  return value as Json
}
