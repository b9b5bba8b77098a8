import { z } from 'zod'
import { createTurns } from '../../base/turns.ts'
import { session } from '../../model/kinds/session.ts'
import { task } from '../../model/kinds/task.ts'
import { type Statuses, statusesOf } from '../../model/statuses.ts'
import type { Brief, Project, Query } from '../../store/project.ts'
import { undeclaredStatuses } from '../../store/work.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { itemSchema } from './schemas.ts'

const DEFAULT_LIMIT = 10
const MAX_LIMIT = 100

const workSchema = z.object({
  id: z.string().describe('the task'),
  title: z.string().describe('what is to be done'),
  status: z.string().describe('where it stands'),
  priority: z.string().describe('how much it matters'),
  assignee: z.string().nullable().describe('who works on it'),
  waitsFor: z.array(z.string()).describe('the open tasks it depends on'),
})

const listSchema = z.object({
  items: z.array(workSchema).describe('the first of them'),
  more: z.number().describe('how many more there are, at least'),
})

const sessionSchema = z.object({
  id: z.string().describe('the session'),
  actor: z.string().describe('who works in it'),
  goal: z.string().describe('what it is for'),
  startedAt: z.string().describe('when it began'),
})

type Work = z.infer<typeof workSchema>
type WorkList = z.infer<typeof listSchema>

const overviewSchema = z.object({
  project: z.object({ id: z.string(), name: z.string() }).describe('the project'),
  me: z.string().describe('who asks'),
  counts: z.object({ total: z.number(), open: z.number() }).describe('tasks'),
  mine: listSchema.describe('my open tasks, those in progress first'),
  ready: listSchema.describe('tasks that nobody has, and nothing stands in the way of'),
  inProgress: listSchema.describe("other people's tasks in progress or in review"),
  blocked: listSchema.describe('tasks that are blocked, or wait for others'),
  statuses: z
    .array(listSchema.extend({ status: z.string().describe('the status') }))
    .optional()
    .describe('all open tasks by status, where that was asked for'),
  sessions: z.array(sessionSchema).describe('sessions that have not ended'),
  problems: z.array(itemSchema).describe('what needs somebody'),
})

/** What `overview` answers. */
export type Overview = z.infer<typeof overviewSchema>

/** What matters now to whoever asks. */
export const overviewOperations: readonly Operation[] = [
  defineOperation<{ limit: number; statuses: boolean }, Overview>({
    name: 'overview',
    effect: 'read',
    role: 'reader',
    help: 'Shows what matters now: my work, what is ready to be begun, what is blocked, and problems. `orch` alone shows it, too.',
    input: z.strictObject({
      limit: z.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT).describe('how many of each list at most'),
      statuses: z.boolean().default(false).describe('also all open tasks by status'),
    }),
    output: overviewSchema,
    cli: {
      command: 'overview',
      positionals: [],
      view: { type: 'json' },
      examples: ['orch overview --limit 30'],
    },
    async run({ project, actor, parts, clock }, { limit, statuses }) {
      const turns = createTurns(clock)
      /** One list after the other, with turns for everybody else in between. */
      const rest = async <T>(part: T): Promise<T> => {
        if (turns.isOver()) await turns.next()
        return part
      }
      const { kinds } = project
      const counts = await rest(countsOf(project))
      const mine = await rest(mineOf(project, actor.name, limit))
      const claimed = new Set(parts.agents.claims.all().map((claim) => claim.task))
      const ready = await rest(readyOf(project, claimed, limit))
      const inProgress = await rest(othersOf(project, actor.name, limit))
      const blocked = await rest(blockedOf(project, actor.name, limit))
      const byStatus: NonNullable<Overview['statuses']> = []
      for (const status of statuses ? [...byActivity(statusesOf(kinds)), ...undeclaredStatuses(project)] : []) {
        byStatus.push(await rest({ status, ...listOf(project, { status: [status] }, limit) }))
      }
      return {
        project: { id: project.id, name: project.name },
        me: actor.name,
        counts,
        mine,
        ready,
        inProgress,
        blocked,
        ...(statuses && { statuses: byStatus }),
        sessions: sessionsOf(project, limit),
        problems: [...parts.attention.list()],
      }
    },
  }),
]

const BEGUN = ['in_progress', 'review']

/** Where most happens first. */
function byActivity({ open, like }: Statuses): readonly string[] {
  const first = [...like(...BEGUN), ...like('blocked')]
  return [...first, ...open.filter((status) => !first.includes(status))]
}

function mineOf(project: Project, me: string, limit: number): WorkList {
  const ofMine = (status: readonly string[]): WorkList => listOf(project, { assignee: [me], status }, limit)
  const { open, like } = statusesOf(project.kinds)
  const begun = like('in_progress')
  return joined(
    [ofMine(begun), ofMine([...open, ...undeclaredStatuses(project)].filter((status) => !begun.includes(status)))],
    limit,
  )
}

function readyOf(project: Project, claimed: ReadonlySet<string>, limit: number): WorkList {
  const { items, total } = project.ready({ claimed, limit })
  return { items: items.map((record) => workOf(record, [])), more: total - items.length }
}

function othersOf(project: Project, me: string, limit: number): WorkList {
  const status = statusesOf(project.kinds).like(...BEGUN)
  const page = project.briefs(task, { where: { status }, limit: MAX_LIMIT }, SHOWN)
  const mine = project.briefs(task, { where: { assignee: [me], status }, limit: 0 }, []).total
  const others = page.items.filter(({ values }) => values.assignee !== me).slice(0, limit)
  return { items: others.map((record) => workWith(project, record)), more: page.total - mine - others.length }
}

/** What is mine and blocked is among mine already. */
function blockedOf(project: Project, me: string, limit: number): WorkList {
  const { items, total } = project.blocked({ except: me, limit })
  return { items: items.map((one) => workOf(one.task, one.by)), more: total - items.length }
}

function sessionsOf(project: Project, limit: number): Overview['sessions'] {
  return project.list(session, { where: { endedAt: [null] }, limit }).items.map(({ id, values }) => ({
    id,
    actor: String(values.actor ?? ''),
    goal: String(values.goal ?? ''),
    startedAt: String(values.startedAt ?? ''),
  }))
}

/** What a list of work shows of a task. */
const SHOWN = ['title', 'status', 'priority', 'assignee']

function listOf(project: Project, where: NonNullable<Query['where']>, limit: number): WorkList {
  const page = project.briefs(task, { where, limit }, SHOWN)
  const items = page.items.map((record) => workWith(project, record))
  return { items, more: page.total - items.length }
}

function joined(lists: readonly WorkList[], limit: number): WorkList {
  return cut(
    { items: lists.flatMap(({ items }) => items), more: lists.reduce((sum, { more }) => sum + more, 0) },
    limit,
  )
}

function cut({ items, more }: WorkList, limit: number): WorkList {
  return { items: items.slice(0, limit), more: more + Math.max(0, items.length - limit) }
}

function countsOf(project: Project): Overview['counts'] {
  const { closed } = statusesOf(project.kinds)
  const groups = project.groups(task, {}, 'status')
  const sum = (some: typeof groups): number => some.reduce((total, { count }) => total + count, 0)
  return { total: sum(groups), open: sum(groups.filter(({ value }) => !closed.includes(String(value)))) }
}

function workWith(project: Project, record: Brief): Work {
  return workOf(record, project.blockersOf(record.id))
}

function workOf({ id, values }: Brief, ids: readonly string[]): Work {
  return {
    id,
    title: String(values.title ?? '') || id,
    status: String(values.status ?? ''),
    priority: String(values.priority ?? ''),
    assignee: typeof values.assignee === 'string' ? values.assignee : null,
    waitsFor: [...ids],
  }
}
