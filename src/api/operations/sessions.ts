import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError, reasonOf } from '../../base/error.ts'
import type { RecordId } from '../../model/id.ts'
import type { Kinds } from '../../model/kind-set.ts'
import { session } from '../../model/kinds/session.ts'
import { task } from '../../model/kinds/task.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation, idHelp, originOf } from './define.ts'
import { endSession, storyOf } from './end-session.ts'
import { checked, readInput, resolveLiving } from './fields.ts'
import { extendSchema, isoTime, type RecordOutput, recordSchema, toOutput } from './output.ts'
import { type OwnFields, ownFields } from './own-fields.ts'
import { fillTemplate, templateText } from './templates.ts'

/** The only active session of an actor; undefined when there is none, or more than one and nobody said which. */
export function activeSessionOf(project: Project, actor: string): StoredRecord | undefined {
  const { items } = project.list(session, { where: { actor: [actor], endedAt: [null] }, limit: 2 })
  return items.length === 1 ? items[0] : undefined
}

interface StartInput {
  readonly goal?: string | undefined
  readonly template: string
  readonly tasks?: readonly string[] | undefined
}

interface EndInput {
  readonly id?: string | undefined
  readonly summary?: string | undefined
  readonly template: string
  readonly artifacts?: readonly string[] | undefined
}

/** Beginning and ending a session; reading and changing one is derived from its kind. */
export const sessionOperations = (kinds: Kinds): readonly Operation[] =>
  operationsWith(kinds, ownFields(kinds.own(session)))

const operationsWith = ({ own }: Kinds, ours: OwnFields): readonly Operation[] => [
  defineOperation<StartInput, unknown>({
    name: 'session.start',
    effect: 'write',
    role: 'writer',
    help: 'Starts a session of yours and prints its id. What you do until it ends is recorded with it; with several at once, ORCH_SESSION says which.',
    input: z.strictObject({
      goal: z.string().optional().describe('what it is for, in a line'),
      template: z
        .string()
        .default('session-start')
        .describe('the page below pages/templates/ that its text is made from'),
      tasks: z.array(z.string()).optional().describe('a task it is about'),
      ...ours.input,
    }),
    output: extendSchema(recordSchema(own(session)), {
      key: z.string().describe('what this session is continued with: keep it in ORCH_SESSION, and to yourself'),
    }),
    cli: {
      command: 'session start',
      positionals: ['goal'],
      flags: { ...ours.flags, tasks: 'task' },
      view: { type: 'text', field: 'key' },
      examples: ["orch session start 'Fix the login' --task t-7f3k"],
    },
    async run(context, input) {
      const { project, clock, actor, parts } = context
      const goal = input.goal === undefined ? null : checked('goal', must(session.fields.goal, 'no goal'), input.goal)
      const tasks = readInput(project, 'tasks', must(session.fields.tasks, 'no tasks'), input.tasks ?? [])
      const ids = typeof tasks === 'object' && tasks !== null ? (tasks as readonly RecordId[]) : []
      const own = ours.read(project, input)
      const id = await project.transact(originOf(context), (tx) => {
        const text = templateText(project, tx, input.template)
        const summary = fillTemplate(text, {
          goal: String(goal ?? ''),
          actor: actor.name,
          date: new Date(clock.now()).toISOString().slice(0, 10),
          tasks: ids.map((one) => `- ${one} ${tx.read(task, one)?.values.title ?? ''}`.trimEnd()).join('\n'),
        })
        return tx.create(session, { ...own, goal, tasks: ids, summary })
      })
      return { ...shown(project, id), key: parts.agents.issueKey(id, actor) }
    },
  }),
  defineOperation<{ id: string; limit: number }, unknown>({
    name: 'session.show',
    effect: 'read',
    role: 'reader',
    help: 'Shows a session and its story: what was done in it, in order, and what it holds.',
    input: z.strictObject({
      id: z.string().describe(idHelp(session)),
      limit: z.number().int().min(1).max(2000).default(200).describe('how many of the last things that were done'),
    }),
    output: extendSchema(recordSchema(own(session)), {
      holds: z.array(z.string()).describe('the tasks it holds'),
      story: z
        .array(
          z.object({
            at: z.string().describe('when'),
            what: z.string().describe('what was done'),
          }),
        )
        .describe('what was done in it, the oldest first'),
    }),
    cli: {
      command: 'session show',
      positionals: ['id'],
      view: { type: 'record' },
      examples: ['orch session show s-7f3k'],
    },
    run(context, { id: text, limit }) {
      const { project, parts } = context
      const { id } = project.resolve(text, session)
      const holds = parts.agents.claims.all().filter((lease) => lease.session === id)
      return {
        ...shown(project, id),
        holds: holds.map(({ task }) => task),
        story: storyOf(context, id, limit).map(({ at, what }) => ({ at: isoTime(at), what })),
      }
    },
  }),
  defineOperation<EndInput, unknown>({
    name: 'session.end',
    effect: 'write',
    role: 'writer',
    help: 'Ends a session: yours, or the one named. Its hand-over is written below its text, and a snapshot is taken. Without a summary, an agent’s says what was done and what is left.',
    input: z.strictObject({
      id: z
        .string()
        .optional()
        .describe(`${idHelp(session)}; yours when it is not given`),
      summary: z.string().optional().describe('what was done, and what comes next: any Markdown'),
      template: z.string().default('session-end').describe('the page below pages/templates/ of the hand-over'),
      artifacts: z.array(z.string()).optional().describe('what came of it: a path, an address, a commit'),
    }),
    output: z.object({
      session: recordSchema(own(session)),
      snapshot: z.string().optional().describe('the commit that was made'),
      snapshotError: z.string().optional().describe('why no snapshot could be taken; it will be tried again'),
    }),
    cli: {
      command: 'session end',
      positionals: ['id'],
      flags: { artifacts: 'artifact' },
      view: { type: 'message', text: 'Ended {session.id}: {session.goal}' },
      examples: [
        "orch session end --summary 'The loop is gone. Next: the tests on Windows.'",
        'orch session end s-7f3k --artifact src/login.ts --artifact https://example.org/pull/7',
      ],
    },
    async run(context, input) {
      const { project, parts } = context
      const id = sessionToEnd(context, input.id)
      const read = (name: 'summary' | 'artifacts', value: unknown) =>
        checked(name, must(session.fields[name], `no ${name}`), value)
      const said = input.summary === undefined ? undefined : String(read('summary', input.summary))
      const artifacts = read('artifacts', input.artifacts ?? [])
      const added = typeof artifacts === 'object' && artifacts !== null ? (artifacts as readonly string[]) : []
      await endSession(context, id, {
        said,
        template: input.template,
        artifacts: added,
        reason: 'its session ended',
      })
      return { session: shown(project, id), ...(await snapshotOf(parts)) }
    },
  }),
]

function sessionToEnd({ project, actor, session: own, parts }: OperationContext, text: string | undefined): RecordId {
  if (text !== undefined) {
    const id = resolveLiving(project, session, text)
    // A name that was only said ends nobody's session.
    const isOther = actor.type === 'agent' && own !== id && parts.agents.marks.keyOf(id) !== undefined
    if (isOther) throw new OrchError('session_key', { id, reason: 'another session, or none, asks to end it' })
    return id
  }
  const named = own === undefined ? undefined : project.resolve(own, session).id
  const id = named ?? (actor.type === 'person' ? activeSessionOf(project, actor.name)?.id : undefined)
  if (id === undefined) {
    throw new OrchError('usage', { reason: 'Which session is to end? You have none that is active, or more than one' })
  }
  return id
}

/** The session has ended whether git takes the snapshot or not. */
async function snapshotOf(
  parts: OperationContext['parts'],
): Promise<{ readonly snapshot?: string; readonly snapshotError?: string }> {
  try {
    const snapshot = await parts.snapshots.take()
    return snapshot === undefined ? {} : { snapshot: snapshot.commit }
  } catch (error) {
    return { snapshotError: reasonOf(error) }
  }
}

function shown(project: Project, id: RecordId): RecordOutput {
  return toOutput(project, session, must(project.read(session, id), `no record ${id}`))
}
