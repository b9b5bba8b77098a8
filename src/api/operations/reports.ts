import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { parseTime } from '../../base/time-text.ts'
import { createTurns } from '../../base/turns.ts'
import type { RecordId } from '../../model/id.ts'
import { choicesLike, type RecordKind } from '../../model/kind.ts'
import { type Counted, countTasks, type Stats } from '../../model/stats.ts'
import type { Changed } from '../../store/change-feed.ts'
import type { Project } from '../../store/project.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation } from './define.ts'
import { kindNamed } from './fields.ts'
import { isoTime } from './output.ts'

const PAGE = 500
const MAX_TITLE = 80

const spread = z
  .object({ count: z.number(), median: z.number(), p90: z.number() })
  .describe('in days: of how many, the middle one, and what nine of ten do not exceed')

/** What people ask about a project now and then: how fast it goes, and what happened. */
export const reportOperations: readonly Operation[] = [
  defineOperation<{ readonly since: string }, unknown>({
    name: 'stats',
    effect: 'read',
    role: 'reader',
    help: 'Shows how the tasks get on: made and completed by day or week, how long they take, who completed them.',
    input: z.strictObject({
      since: z.string().default('4 weeks ago').describe('from when on: a date or time, "2 weeks ago", yesterday'),
    }) as unknown as z.ZodType<{ readonly since: string }>,
    output: z.object({
      since: z.string().describe('from when on'),
      until: z.string().describe('now'),
      created: z.number().describe('tasks made since'),
      completed: z.number().describe('tasks completed since'),
      cancelled: z.number().describe('tasks given up since'),
      open: z.number().describe('open tasks now'),
      perWeek: z.number().describe('completed a week, on average'),
      leadDays: spread.optional(),
      cycleDays: spread.optional(),
      periods: z
        .array(
          z.object({
            from: z.string().describe('its first day, in UTC'),
            created: z.number(),
            completed: z.number(),
            scope: z.number().describe('tasks at its end, without those that were given up'),
            done: z.number().describe('of these, completed'),
          }),
        )
        .describe('days, or weeks where they are many'),
      actors: z.array(z.object({ actor: z.string(), completed: z.number() })).describe('who completed how many'),
      text: z.string().describe('all of this to read'),
    }),
    cli: {
      command: 'stats',
      positionals: [],
      view: { type: 'text', field: 'text' },
      examples: ['orch stats', 'orch stats --since 2026-11-01'],
    },
    async run(context, input) {
      const until = context.clock.now()
      const since = readSince(input.since, until)
      const stats = countTasks(await countedTasks(context, since), { since, until })
      return { since: isoTime(since), until: isoTime(until), ...stats, text: statsText(stats, since, until) }
    },
  }),
  defineOperation<{ readonly since: string; readonly actor?: string | undefined }, unknown>({
    name: 'standup',
    effect: 'read',
    role: 'reader',
    help: 'Says in words what was done since yesterday, by whom, and what is in hand or blocked.',
    input: z.strictObject({
      since: z.string().default('yesterday').describe('from when on: a date or time, "2h ago", yesterday'),
      actor: z.string().optional().describe('only what this actor did'),
    }) as unknown as z.ZodType<{ readonly since: string; readonly actor?: string }>,
    output: z.object({
      since: z.string().describe('from when on'),
      actors: z
        .array(
          z.object({
            actor: z.string().describe('who'),
            did: z
              .array(
                z.object({
                  what: z.string().describe('in words'),
                  kind: z.string().describe('of what kind it is about'),
                  id: z.string().describe('the record, key or entry'),
                  title: z.string().describe('what it is called'),
                }),
              )
              .describe('what, in the order it was done last'),
            changes: z.number().describe('how many changes that were'),
          }),
        )
        .describe('who did most comes first'),
      inHand: z
        .array(z.object({ id: z.string(), title: z.string(), assignee: z.string().nullable() }))
        .describe('tasks in progress now'),
      blocked: z.array(z.object({ id: z.string(), title: z.string() })).describe('tasks whose status is blocked now'),
      text: z.string().describe('all of this to read'),
    }),
    cli: {
      command: 'standup',
      positionals: [],
      view: { type: 'text', field: 'text' },
      examples: ['orch standup', 'orch standup --since "2 days ago" --actor claude'],
    },
    run: standup,
  }),
]

function readSince(text: string, now: number): number {
  const since = parseTime(text, now, 'start')
  if (since === undefined || since > now) {
    const reason =
      since === undefined ? `"${text}" is no time: try 2026-11-01, "2 weeks ago" or yesterday` : 'that is yet to come'
    throw new OrchError('invalid_input', { field: 'since', reason })
  }
  return since
}

/** Every task with what the journal knows of its beginning and end: from the feed of changes, in slices. */
async function countedTasks({ project, clock }: OperationContext, since: number): Promise<readonly Counted[]> {
  const kind = kindNamed(project, 'task')
  const completed = new Set(choicesLike(kind, 'status', 'completed'))
  const closed = new Set(kind.stamps.closedAt?.values ?? [])
  const turns = createTurns(clock)
  const tasks: Counted[] = []
  const ends = await endsSince(project, clock, since, kind)
  for (const id of project.ids(kind)) {
    const record = project.read(kind, id)
    if (!record) continue
    const { createdAt, closedAt, status, assignee } = record.values
    const end = ends.get(id)
    tasks.push({
      createdAt: typeof createdAt === 'string' ? createdAt : null,
      closedAt: typeof closedAt === 'string' ? closedAt : null,
      isClosed: closed.has(String(status)),
      isCompleted: completed.has(String(status)),
      assignee: typeof assignee === 'string' ? assignee : null,
      startedAt: end?.startedAt,
      closedBy: end?.closedBy,
    })
    if (turns.isOver()) await turns.next()
  }
  return tasks
}

interface End {
  startedAt?: number
  closedBy?: string
}

/** When tasks were begun first, and who closed them last. Those begun before are looked for further back. */
async function endsSince(
  project: Project,
  clock: OperationContext['clock'],
  since: number,
  kind: RecordKind,
): Promise<ReadonlyMap<string, End>> {
  const begun = new Set(choicesLike(kind, 'status', 'in_progress', 'review'))
  const closed = new Set(kind.stamps.closedAt?.values ?? [])
  const ends = new Map<string, End>()
  // A task that is completed in a period was mostly begun not long before it.
  const back = since - 90 * 86_400_000
  for await (const { kind: name, id, what, fields, at, actor } of changesSince(project, clock, back)) {
    const to = name === kind.name && what !== 'deleted' ? fields.status?.[1] : undefined
    if (to === undefined || to === null) continue
    const end = ends.get(id) ?? {}
    if (begun.has(to)) end.startedAt ??= at
    if (closed.has(to)) end.closedBy = actor
    ends.set(id, end)
  }
  return ends
}

/** What the journal says was changed from a time on, in the order it came here. */
async function* changesSince(
  project: Project,
  clock: OperationContext['clock'],
  since: number,
): AsyncGenerator<Changed> {
  const turns = createTurns(clock)
  // Rows may have been made before and come later: what had happened is what the clocks of their replicas say.
  let have = project.past.momentAt(since - 1)
  for (;;) {
    const page = project.changedSince(have, { limit: PAGE })
    yield* page.items
    have = page.upto
    if (!page.more) return
    if (turns.isOver()) await turns.next()
  }
}

function statsText(stats: Stats, since: number, until: number): string {
  const day = (time: number): string => isoTime(time).slice(0, 10)
  const lines = [
    `${day(since)} to ${day(until)}`,
    `  created ${stats.created}, completed ${stats.completed}, cancelled ${stats.cancelled}, open now ${stats.open}`,
    `  ${stats.perWeek} completed a week`,
  ]
  for (const [name, found] of [
    ['made to completed', stats.leadDays],
    ['begun to completed', stats.cycleDays],
  ] as const) {
    if (found)
      lines.push(
        `  ${name}: ${found.median} days in the middle, 9 of 10 within ${found.p90} (${found.count} ${found.count === 1 ? 'task' : 'tasks'})`,
      )
  }
  const most = Math.max(1, ...stats.periods.map(({ scope }) => scope))
  lines.push('', 'from        created  completed  done of all')
  for (const { from, created, completed, scope, done } of stats.periods) {
    const bar = '#'.repeat(Math.round((done / most) * 30)) + '.'.repeat(Math.round(((scope - done) / most) * 30))
    lines.push(
      `${from}  ${String(created).padStart(7)}  ${String(completed).padStart(9)}  ${done}/${scope} ${bar}`.trimEnd(),
    )
  }
  if (stats.actors.length > 0) lines.push('', 'completed by')
  for (const { actor, completed } of stats.actors) lines.push(`  ${String(completed).padStart(4)}  ${oneLine(actor)}`)
  return `${lines.join('\n')}\n`
}

interface Did {
  what: string
  readonly kind: string
  readonly id: string
  readonly title: string
}

async function standup(
  context: OperationContext,
  input: { readonly since: string; readonly actor?: string | undefined },
): Promise<unknown> {
  const { project, clock } = context
  const since = readSince(input.since, clock.now())
  const byActor = new Map<string, { changes: number; did: Map<string, Changed[]> }>()
  for await (const change of changesSince(project, clock, since)) {
    if (input.actor !== undefined && change.actor !== input.actor) continue
    const one = byActor.get(change.actor) ?? { changes: 0, did: new Map<string, Changed[]>() }
    byActor.set(change.actor, one)
    one.changes++
    const key = `${change.kind}/${change.id}`
    const before = one.did.get(key) ?? []
    one.did.delete(key)
    one.did.set(key, [...before, change])
  }
  const actors = [...byActor]
    .sort(([a, { changes: x }], [b, { changes: y }]) => y - x || (a < b ? -1 : 1))
    .map(([actor, { changes, did }]) => ({
      actor,
      changes,
      did: [...did.values()].flatMap((all) => inWords(project, all)),
    }))
  const kind = kindNamed(project, 'task')
  const withStatus = (status: string) =>
    project.list(kind, { where: { status: choicesLike(kind, 'status', status) }, limit: 50 }).items
  const inHand = withStatus('in_progress').map(({ id, values }) => ({
    id,
    title: String(values.title ?? ''),
    assignee: typeof values.assignee === 'string' ? values.assignee : null,
  }))
  const blocked = withStatus('blocked').map(({ id, values }) => ({ id, title: String(values.title ?? '') }))
  const lines = [`Since ${isoTime(since).slice(0, 16).replace('T', ' ')} UTC`]
  for (const { actor, did, changes } of actors) {
    lines.push('', `${oneLine(actor)} (${changes} change${changes === 1 ? '' : 's'})`)
    for (const { what, id, title, kind: name } of did.slice(0, SHOWN)) {
      lines.push(name === project.kinds.log.name ? `  ${what}` : `  ${what} ${id}${title === '' ? '' : ` ${title}`}`)
    }
    if (did.length > SHOWN) lines.push(`  and ${did.length - SHOWN} more; --json shows all`)
  }
  if (actors.length === 0) lines.push('', 'Nothing was changed.')
  if (inHand.length > 0) {
    lines.push('', 'In progress')
    for (const { id, title, assignee } of inHand)
      lines.push(`  ${id} ${oneLine(title)}${assignee === null ? '' : ` (${oneLine(assignee)})`}`)
  }
  if (blocked.length > 0) lines.push('', 'Blocked', ...blocked.map(({ id, title }) => `  ${id} ${oneLine(title)}`))
  return { since: isoTime(since), actors, inHand, blocked, text: `${lines.join('\n')}\n` }
}

const SHOWN = 25

/** What one actor did with one record, in a few words. */
function inWords(project: Project, changes: readonly Changed[]): readonly Did[] {
  const [first] = changes
  if (!first) return []
  const { kind: name, id } = first
  if (name === project.kinds.log.name)
    return [{ what: `logged: ${oneLine(first.fields.action?.[1] ?? '')}`, kind: name, id, title: '' }]
  const kind = project.kinds.record(name)
  const title = kind ? oneLine(String(project.read(kind, id as RecordId)?.values[kind.title] ?? '')) : ''
  const statuses = changes.flatMap(({ fields }) => fields.status ?? [])
  const fields = new Set(changes.flatMap(({ fields: of }) => Object.keys(of)))
  for (const quiet of ['status', 'closedAt', 'createdAt', 'createdBy']) fields.delete(quiet)
  const words = [
    ...(changes.some(({ what }) => what === 'created') ? [kind ? `made ${name}` : 'set'] : []),
    ...(changes.some(({ what }) => what === 'restored') ? ['restored'] : []),
    ...(statuses.length > 0 ? [`moved ${statuses[0] ?? 'nothing'} -> ${statuses.at(-1) ?? 'nothing'}`] : []),
    ...(fields.has('comments') ? ['commented'] : []),
    ...(changes.some(({ what }) => what === 'deleted') ? ['deleted'] : []),
  ]
  fields.delete('comments')
  if (kind && fields.size > 0) words.push(`changed ${[...fields].join(', ')}`)
  if (words.length === 0) words.push(kind ? 'changed' : 'set')
  return [{ what: words.join(', '), kind: name, id, title }]
}

function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
  return line.length <= MAX_TITLE ? line : `${[...line].slice(0, MAX_TITLE).join('')}…`
}
