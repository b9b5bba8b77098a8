import { z } from 'zod'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { Column, Operation } from '../operation.ts'
import { withAsOf } from './as-of.ts'
import { defineOperation } from './define.ts'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 500

const limit = z
  .number()
  .int()
  .min(1)
  .max(MAX_LIMIT)
  .default(DEFAULT_LIMIT)
  .describe(`how many at most, up to ${MAX_LIMIT}`)

const workSchema = {
  id: z.string().describe('the task'),
  title: z.string().describe('what is to be done'),
  status: z.string().describe('where it stands'),
  priority: z.string().describe('how much it matters'),
  due: z.string().optional().describe('when it must be completed'),
  assignee: z.string().optional().describe('for whom it waits'),
  labels: z.array(z.string()).optional().describe('its labels'),
}

export const fitSchemas = {
  labels: z.array(z.string()).optional().describe('only tasks with this label'),
  capabilities: z
    .array(z.string())
    .optional()
    .describe('what you can do: only tasks with a label that is one of these, or with no label'),
}

interface ReadyInput {
  readonly labels?: readonly string[] | undefined
  readonly capabilities?: readonly string[] | undefined
  readonly limit: number
}

const total = z.number().describe('how many there are')

/** Of both lists, with what one of them has by itself before the title. */
const columnsWith = (own: Column): readonly Column[] => [
  { key: 'id', head: 'id', style: 'id' },
  { key: 'status', head: 'status', style: 'status' },
  { key: 'priority', head: 'priority', style: 'priority' },
  own,
  { key: 'title', head: 'title' },
]

const readGraph = (project: Pick<Project, 'readGraph'>): Promise<void> => project.readGraph()

/** What can be begun, and what cannot. */
export const readyOperations: readonly Operation[] = [
  withAsOf(
    defineOperation<ReadyInput, unknown>({
      name: 'ready',
      effect: 'read',
      role: 'reader',
      help: 'Lists tasks that can be begun: open, unblocked, and nobody has them. In order of priority, due date, how much waits behind them, and age.',
      input: z.strictObject({ ...fitSchemas, limit }),
      output: z.object({
        items: z.array(z.object(workSchema)).describe('the best first'),
        total,
      }),
      cli: {
        command: 'ready',
        positionals: [],
        flags: { labels: 'label', capabilities: 'capability' },
        view: {
          type: 'table',
          rows: 'items',
          isOnePage: true,
          columns: columnsWith({ key: 'due', head: 'due', style: 'dim' }),
          empty: 'Nothing is ready to be begun.',
        },
        examples: ['orch ready', 'orch ready --capability rust --capability docs --limit 5'],
      },
      run({ project, actor, parts }, input) {
        const claimed = new Set(parts.agents.claims.all().map(({ task }) => task))
        const { items, total } = project.ready({ ...input, actor: actor.name, claimed })
        return { items: items.map(workOf), total }
      },
    }),
    readGraph,
  ),
  withAsOf(
    defineOperation<{ limit: number }, unknown>({
      name: 'blocked',
      effect: 'read',
      role: 'reader',
      help: 'Lists open tasks that cannot be begun, and what each waits for.',
      input: z.strictObject({ limit }),
      output: z.object({
        items: z
          .array(z.object({ ...workSchema, by: z.array(z.string()).describe('the open tasks it depends on') }))
          .describe('the most important first'),
        total,
      }),
      cli: {
        command: 'blocked',
        positionals: [],
        view: {
          type: 'table',
          rows: 'items',
          isOnePage: true,
          columns: columnsWith({ key: 'by', head: 'waits for' }),
          empty: 'Nothing is blocked.',
        },
        examples: ['orch blocked'],
      },
      run({ project }, input) {
        const { items, total } = project.blocked({ limit: input.limit })
        return { items: items.map(({ task, by }) => ({ ...workOf(task), by: [...by] })), total }
      },
    }),
    readGraph,
  ),
]

/** A task in a list of work. */
export function workOf({ id, values }: StoredRecord) {
  const labels = Array.isArray(values.labels) ? (values.labels as readonly string[]) : []
  return {
    id,
    title: String(values.title ?? '') || id,
    status: String(values.status ?? ''),
    priority: String(values.priority ?? ''),
    ...(typeof values.due === 'string' && { due: values.due }),
    ...(typeof values.assignee === 'string' && values.assignee !== '' && { assignee: values.assignee }),
    ...(labels.length > 0 && { labels: [...labels] }),
  }
}
