import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { parseTime } from '../../base/time-text.ts'
import { carryOut, type Planned, planName } from '../../store/planned.ts'
import { planRestore } from '../../store/restore.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation, originOf } from './define.ts'
import { fullSession, keyOf } from './history.ts'
import { fullChange, momentHelp, readMoment } from './moments.ts'
import { differenceOf, differenceSchema, type ShownDifference } from './past.ts'
import { assertNoCircles } from './update.ts'

/** What every operation that previews itself takes besides. */
const previewInputs = {
  dryRun: z.boolean().optional().describe('only show what would be done'),
  plan: z
    .string()
    .optional()
    .describe('the name of a plan that was shown: done only if it would still do exactly that'),
}

interface Preview {
  readonly dryRun?: boolean | undefined
  readonly plan?: string | undefined
}

const planSchema = z.object({
  plan: z.string().describe('names what is done, or would be: send it to have exactly this done'),
  done: z.boolean().describe('false where it was only shown'),
  items: z
    .array(differenceSchema.extend({ notes: z.array(z.string()).describe('what stays as it is, and why') }))
    .describe('what becomes of each record, the first of them'),
  more: z.number().describe('how many more records'),
  notes: z.array(z.string()).describe('what stays besides, and why'),
  changes: z.array(z.string()).describe('the changes that did it; each can be undone'),
  message: z.string().describe('what happened'),
})

const ITEMS_SHOWN = 50

/** Going back: a record or everything as it was, or without what one actor did. Both are new edits; what was stays in the history. */
export const takeBackOperations: readonly Operation[] = [
  defineOperation<Preview & { id: string; at: string }, unknown>({
    name: 'restore',
    effect: 'write',
    role: 'writer',
    help: 'Makes a record, a key of the state or everything what it was at a moment. This is a new change, which can be undone; what was made since stays in the history.',
    input: z.strictObject({
      id: z.string().describe('the record, a key of the state (state/currentPhase), or all'),
      at: z.string().describe(momentHelp),
      ...previewInputs,
    }),
    output: planSchema,
    cli: {
      command: 'restore',
      positionals: ['id'],
      view: { type: 'changes', rows: 'items', empty: 'Nothing is different.' },
      examples: ["orch restore t-7f3k --at '2h ago' --dry-run", 'orch restore all --at s-91qc --plan 1f0c2b9a7d3e'],
    },
    async run(context, { id, at, ...preview }) {
      const { project } = context
      const moment = await readMoment(context, at)
      const keys = id === 'all' ? await project.past.keysBetween(moment.vector, project.have()) : [keyOf(project, id)]
      const planned = await planRestore(project, keys, moment.vector)
      return execute(context, preview, {
        planned,
        notes: [],
        log: `restored ${id === 'all' ? 'everything' : keys[0]} as of ${moment.name}`,
        nothing: `Nothing is different from ${moment.name}.`,
      })
    },
  }),
  defineOperation<
    Preview & {
      session?: string | undefined
      actor?: string | undefined
      since?: string | undefined
      change?: readonly string[] | undefined
    },
    unknown
  >({
    name: 'undo',
    effect: 'write',
    role: 'writer',
    help: "Takes back what was done in a session, by an actor, or in single changes: only that. Everybody else's work stays, also what was built on it, and it is said what stays and why. This is a new change, which can be undone.",
    input: z.strictObject({
      session: z.string().optional().describe('what was done in this session'),
      actor: z.string().optional().describe('what this actor did'),
      since: z.string().optional().describe('only since then: a time, "2h ago", yesterday'),
      change: z.array(z.string()).optional().describe('this change, as `orch history` names it'),
      ...previewInputs,
    }),
    output: planSchema,
    cli: {
      command: 'undo',
      positionals: [],
      view: { type: 'changes', rows: 'items', empty: 'There is nothing to take back.' },
      examples: [
        'orch undo --session s-91qc --dry-run',
        "orch undo --actor claude --since '2h ago'",
        'orch undo --change r-7f3k9q2m:41',
      ],
    },
    async run(context, { session, actor, since, change, ...preview }) {
      const { project, clock } = context
      const time = since === undefined ? undefined : parseTime(since, clock.now(), 'start')
      if (since !== undefined && time === undefined) throw new OrchError('moment_unknown', { moment: since })
      const selected = session === undefined ? undefined : fullSession(project, session)
      const changes = change?.map((name) => fullChange(project.have(), name))
      const { planned, rows, notes } = await project.past.undo({ session: selected, actor, since: time, changes })
      const what = [
        selected && `session ${selected}`,
        actor,
        since && `since ${since}`,
        changes && `change ${changes.join(', ')}`,
      ]
      return execute(context, preview, {
        planned,
        notes,
        log: `took back ${what.filter(Boolean).join(', ')}: ${rows} ${rows === 1 ? 'change' : 'changes'}`,
        nothing: rows === 0 ? 'Nothing of that kind was done here.' : 'Nothing of it is left to take back.',
      })
    },
  }),
]

interface Plan {
  readonly planned: readonly Planned[]
  readonly notes: readonly string[]
  /** What the work log is to say. */
  readonly log: string
  /** What to say where there is nothing to do. */
  readonly nothing: string
}

/** Shows a plan, or does it. Throws `plan_stale` when it is not the one that was shown. */
async function execute(context: OperationContext, { dryRun, plan }: Preview, { planned, notes, log, nothing }: Plan) {
  const name = planName(planned)
  if (plan !== undefined && plan !== name) throw new OrchError('plan_stale', { plan, now: name })
  const work = planned.filter(({ now, next }) => now !== next)
  const shown = planned.slice(0, ITEMS_SHOWN)
  const result = {
    plan: name,
    items: shown.map((one) => itemOf(context, one)),
    more: planned.length - shown.length,
    notes,
    done: dryRun !== true && work.length > 0,
  }
  const also = [...(result.more > 0 ? [`and ${result.more} more`] : []), ...notes]
  if (work.length === 0) return { ...result, changes: [], message: [nothing, ...also].join('\n') }
  const count = `${work.length} ${work.length === 1 ? 'record' : 'records'}`
  if (dryRun) {
    const message = `Nothing is changed yet: this is plan ${name}, for ${count}. Give --plan ${name} instead of --dry-run to have exactly this done.`
    return { ...result, changes: [], message: [...also, message].join('\n') }
  }
  const { changes, failed } = await carryOut(context.project, originOf(context), work, {
    check: assertNoCircles,
    log,
    progress: (done) => context.progress(Math.min(done, work.length), work.length, 'records'),
  })
  const items = result.items.map((item) => {
    const reason = failed.get(item.key)
    return reason === undefined ? item : { ...item, notes: [...item.notes, `was not changed: ${reason}`] }
  })
  const unseen = [...failed].filter(([key]) => !items.some((item) => item.key === key))
  const again = changes.map((change) => `--change ${change}`).join(' ')
  const message = [
    ...also,
    ...unseen.map(([key, reason]) => `${key} was not changed: ${reason}`),
    `Changed ${work.length - failed.size} of ${count}. \`orch undo ${again}\` takes this back.`,
  ].join('\n')
  return { ...result, items, changes, message }
}

function itemOf(
  { project }: OperationContext,
  { key, now, next, notes }: Planned,
): ShownDifference & { readonly notes: readonly string[] } {
  const difference = differenceOf(project, key, now, next)
  const slash = key.indexOf('/')
  return {
    key,
    kind: slash < 0 ? (now && 'kind' in now ? now.kind : '') : key.slice(0, slash),
    title: '',
    headline: 'stays as it is',
    lines: [],
    texts: [],
    ...difference,
    notes,
  }
}
