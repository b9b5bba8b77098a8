import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { parseTime, timeHelp } from '../../base/time-text.ts'
import type { Kinds } from '../../model/kind-set.ts'
import { context as contextKind } from '../../model/kinds/context.ts'
import { session } from '../../model/kinds/session.ts'
import { state } from '../../model/kinds/state.ts'
import { task } from '../../model/kinds/task.ts'
import { statusesOf } from '../../model/statuses.ts'
import { heldContexts } from '../../store/held-contexts.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation, originOf } from './define.ts'
import { checkFence, type FenceInput, fenceSchema } from './fence.ts'
import { membersSchema, readInput, valueSchema } from './fields.ts'
import { filterOf } from './list-query.ts'
import { listColumns, recordSchema, toOutput } from './output.ts'
import { type OwnFields, ownFields } from './own-fields.ts'

const fieldOf = (name: string) => must(contextKind.fields[name], `no field ${name}`)

/** What of an input goes into which field. */
const PUBLISHED = ['title', 'type', 'body', 'audience', 'task', 'data', 'expiresAt', 'supersedes'] as const
type PublishInput = Readonly<Partial<Record<(typeof PUBLISHED)[number], unknown>>> & FenceInput

interface QueryInput {
  readonly type?: readonly string[] | undefined
  readonly text?: string | undefined
  readonly audience?: readonly string[] | undefined
  readonly task?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly all?: boolean | undefined
  readonly limit: number
}

/** Publishing and finding what others should know. */
export const contextOperations = (kinds: Kinds): readonly Operation[] =>
  operationsWith(kinds, ownFields(kinds.own(contextKind)))

const operationsWith = ({ own }: Kinds, ours: OwnFields): readonly Operation[] => [
  defineOperation<PublishInput, unknown>({
    name: 'context.publish',
    effect: 'write',
    role: 'writer',
    help: `Publishes ${contextKind.help}.`,
    input: z.strictObject({
      title: valueSchema(fieldOf('title')),
      type: valueSchema(fieldOf('type')).optional(),
      body: valueSchema(fieldOf('body')).optional(),
      audience: membersSchema(fieldOf('audience')).optional(),
      task: valueSchema(fieldOf('task')).optional(),
      data: valueSchema(fieldOf('data')).optional(),
      expiresAt: valueSchema(fieldOf('expiresAt')).optional(),
      supersedes: valueSchema(fieldOf('supersedes')).optional(),
      ...ours.input,
      fence: fenceSchema,
    }),
    output: recordSchema(own(contextKind)),
    cli: {
      command: 'context publish',
      positionals: ['title'],
      flags: { ...ours.flags, expiresAt: 'expires' },
      stdin: 'body',
      view: { type: 'message', text: 'Published {id}: {title} ({file})' },
      examples: [
        "orch context publish 'We keep SQLite' --type decision --body 'Nothing else is as small.'",
        "orch context publish 'Load test' --type finding --data '{\"p99\": 41}' --audience reviewer --task t-7f3k",
      ],
    },
    async run(context, input) {
      const { project } = context
      const values = Object.fromEntries(
        PUBLISHED.flatMap((name) =>
          input[name] === undefined ? [] : [[name, readInput(project, name, fieldOf(name), input[name])]],
        ),
      )
      const own = ours.read(project, input)
      const id = await project.transact(originOf(context), (tx) => {
        checkFence(context, values.task, input)
        return tx.create(contextKind, { ...values, ...own })
      })
      return toOutput(project, contextKind, must(project.read(contextKind, id), `no record ${id}`))
    },
  }),
  defineOperation<QueryInput, unknown>({
    name: 'context.query',
    effect: 'read',
    role: 'reader',
    help: 'Finds contexts that hold, the newest first: not those that expired or that another one supersedes.',
    input: z.strictObject({
      type: z.array(z.string()).optional().describe('only of one of these types'),
      text: z.string().optional().describe('only with all these words in id, title or text'),
      audience: z.array(z.string()).optional().describe('only for one of these, or for everybody'),
      task: z.string().optional().describe('only what is about this task, or names it'),
      since: z.string().optional().describe(`only what was published from then on: ${timeHelp}`),
      until: z.string().optional().describe('only what was published until then'),
      all: z.boolean().optional().describe('also those that expired or are superseded'),
      limit: z.number().int().min(1).max(1000).default(20).describe('how many at most'),
    }),
    output: z.object({
      items: z.array(recordSchema(own(contextKind), { bodyOptional: true })).describe('the newest first'),
    }),
    cli: {
      command: 'context query',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: listColumns(own(contextKind)),
        empty: 'There are no such contexts.',
      },
      examples: [
        'orch context query --type decision --since yesterday',
        'orch context query --audience reviewer --text login',
        'orch context query --task t-7f3k',
      ],
    },
    run(context, { all, limit, ...query }) {
      const { project, clock } = context
      const filter = filterOf(project, contextKind, { filter: conditionsOf(context, query) })
      const text = query.text ?? ''
      const where = {
        ...(query.type && { type: query.type }),
        ...(query.audience && { audience: [...query.audience, null] }),
      }
      const found = all
        ? project.list(contextKind, { where, text, filter, sort: '-publishedAt', limit }).items
        : heldContexts(project, { now: clock.now(), limit, where, text, filter })
      return { items: found.map((one) => toOutput(project, contextKind, one)) }
    },
  }),
  defineOperation<{ limit: number }, unknown>({
    name: 'context.current',
    effect: 'read',
    role: 'reader',
    help: 'Shows where the project stands: its state, who works on what, what was published, and how much is done.',
    input: z.strictObject({
      limit: z.number().int().min(1).max(100).default(10).describe('how many sessions and contexts at most'),
    }),
    output: z.object({
      project: z.string().describe("the project's name"),
      state: z.record(z.string(), z.json()).describe('every key of the state'),
      sessions: z.array(recordSchema(own(session), { bodyOptional: true })).describe('sessions that have not ended'),
      contexts: z.array(recordSchema(own(contextKind), { bodyOptional: true })).describe('contexts that hold'),
      tasks: z
        .object({
          total: z.number().describe('all'),
          active: z.number().describe('in progress or in review'),
          completed: z.number().describe('completed'),
        })
        .describe('how many tasks there are'),
    }),
    cli: {
      command: 'context current',
      positionals: [],
      view: { type: 'json' },
      examples: ['orch context current'],
    },
    run({ project, clock }, { limit }) {
      const { like } = statusesOf(project.kinds)
      const count = (status?: readonly string[]): number =>
        project.list(task, { ...(status && { where: { status } }), limit: 0 }).total
      const active = project.list(session, { where: { endedAt: [null] }, sort: '-startedAt', limit }).items
      return {
        project: project.name,
        state: Object.fromEntries([...project.readKeys(state.name)].map(([key, { value }]) => [key, value])),
        sessions: active.map((one) => toOutput(project, session, one, { withBody: false })),
        contexts: heldContexts(project, { now: clock.now(), limit }).map((one) => toOutput(project, contextKind, one)),
        tasks: { total: count(), active: count(like('in_progress', 'review')), completed: count(like('completed')) },
      }
    },
  }),
]

/** Which contexts a query is about, beside type, audience and words, as a list's filter. */
function conditionsOf(
  { project, clock }: OperationContext,
  { task: about, since, until }: Pick<QueryInput, 'task' | 'since' | 'until'>,
): Readonly<Record<string, unknown>> {
  const at = (field: string, text: string, edge: 'start' | 'end'): string => {
    const time = parseTime(text, clock.now(), edge)
    if (time === undefined) throw new OrchError('invalid_input', { field, reason: `it is no time such as ${timeHelp}` })
    return new Date(time).toISOString()
  }
  const id = about === undefined ? undefined : project.resolve(about, task).id
  return {
    ...((since !== undefined || until !== undefined) && {
      publishedAt: {
        ...(since !== undefined && { gte: at('since', since, 'start') }),
        ...(until !== undefined && { lte: at('until', until, 'end') }),
      },
    }),
    ...(id !== undefined && { or: [{ task: id }, { title: { contains: id } }, { body: { contains: id } }] }),
  }
}
