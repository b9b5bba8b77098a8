import type { OutputType } from '@pothos/core'
import { OrchError } from '../../base/error.ts'
import type { Builder, Types } from './builder.ts'
import type { RecordSource } from './record-types.ts'

/**
 * The part of the schema that is promised as it stands, whatever operations are called: `project`, `tasks`,
 * `currentContext`, `updateTaskStatus`, `createSession`. `done` and `completed` are one status; hours are Floats.
 */
export function addContract(
  builder: Builder,
  recordType: (kind: string) => OutputType<Types> | undefined,
  taken: Set<string>,
): void {
  const task = recordType('task')
  const session = recordType('session')
  const contextType = recordType('context')
  if (!task || !session || !contextType) return
  for (const name of ['project', 'tasks', 'currentContext', 'updateTaskStatus', 'createSession']) taken.add(name)

  const tasksOf = async (
    args: { status?: readonly string[] | null; priority?: readonly string[] | null; limit?: number | null },
    context: Types['Context'],
  ): Promise<readonly RecordSource[]> => {
    const { items } = await context.call('task.list', {
      ...(args.status && { status: args.status }),
      ...(args.priority && { priority: args.priority }),
      all: true,
      full: true,
      limit: args.limit ?? DEFAULT_TASKS,
    })
    context.loads.count((items as readonly unknown[]).length)
    return items as readonly RecordSource[]
  }
  const taskArgs = (t: { arg: { stringList: (o: object) => unknown; int: (o: object) => unknown } }) =>
    ({
      status: t.arg.stringList({ description: 'only where one of these is: in_progress, done, ...' }),
      priority: t.arg.stringList({ description: 'only where one of these is: high, ...' }),
      limit: t.arg.int({ description: `how many at most, by default ${DEFAULT_TASKS}, up to 1000` }),
    }) as never

  const summary = builder.objectRef<Record<string, number>>('TaskSummary').implement({
    description: 'How many tasks there are: in all, being worked on, and completed.',
    fields: (t) =>
      Object.fromEntries(
        ['total', 'active', 'completed'].map((name) => [name, t.int({ resolve: (source) => source[name] ?? 0 })]),
      ),
  })

  const project = builder.objectRef<ProjectSource>('Project').implement({
    description: 'The shared state that this daemon serves.',
    fields: (t) => ({
      id: t.id({ resolve: ({ id }) => id }),
      name: t.string({ resolve: ({ name }) => name }),
      currentPhase: t.string({
        nullable: true,
        description: 'the key currentPhase of the state',
        resolve: async (_, __, context) => textOf((await stateOf(context)).currentPhase),
      }),
      overallProgress: t.float({
        nullable: true,
        description: 'the key overallProgress of the state',
        resolve: async (_, __, context) => numberOf((await stateOf(context)).overallProgress),
      }),
      state: t.field({
        type: 'JSON',
        description: 'every key of the state',
        resolve: (_, __, context) => stateOf(context),
      }),
      tasks: t.field({
        type: [task],
        args: taskArgs(t as never),
        resolve: ((_: unknown, args: never, context: Types['Context']) => tasksOf(args, context)) as never,
      }),
      activeSessions: t.field({
        type: [session],
        description: 'sessions that have not ended',
        resolve: async (_, __, context) =>
          (await context.call('session.list', { active: true, full: true, limit: 1000 })).items as never,
      }),
    }),
  })

  const current = builder.objectRef<Readonly<Record<string, unknown>>>('CurrentContext').implement({
    description: 'Where the project stands.',
    fields: (t) => ({
      project: t.field({ type: project, resolve: (_, __, context) => projectOf(context) }),
      state: t.field({ type: 'JSON', resolve: (source) => source.state }),
      currentPhase: t.string({
        nullable: true,
        resolve: ({ state }) => textOf((state as Readonly<Record<string, unknown>>).currentPhase),
      }),
      overallProgress: t.float({
        nullable: true,
        resolve: ({ state }) => numberOf((state as Readonly<Record<string, unknown>>).overallProgress),
      }),
      tasks: t.field({ type: summary, resolve: (source) => source.tasks as Record<string, number> }),
      sessions: t.field({ type: [session], resolve: (source) => source.sessions as never }),
      contexts: t.field({ type: [contextType], resolve: (source) => source.contexts as never }),
    }),
  })

  builder.queryField('project', (t) =>
    t.field({
      type: project,
      description: 'The project, by its name or id.',
      args: { id: t.arg.id({ required: true }) },
      resolve: async (_, { id }, context) => await projectNamed(context, String(id)),
    }),
  )
  builder.queryField('tasks', (t) =>
    t.field({
      type: [task],
      description: 'Tasks, open and closed. For filters, pages and counts see taskList, tasksConnection and taskCount.',
      args: taskArgs(t as never),
      resolve: ((_: unknown, args: never, context: Types['Context']) => tasksOf(args, context)) as never,
    }),
  )
  builder.queryField('currentContext', (t) =>
    t.field({
      type: current,
      description: 'Where the project stands: its state, active sessions, what others should know, and how many tasks.',
      resolve: async (_, __, context) => await context.call('context.current', {}),
    }),
  )
  builder.mutationField('updateTaskStatus', (t) =>
    t.field({
      type: task,
      description: 'Sets the status of a task.',
      args: { id: t.arg.id({ required: true }), status: t.arg.string({ required: true }) },
      resolve: async (_, { id, status }, context) =>
        (await context.call('task.update', { id: String(id), status })) as never,
    }),
  )
  builder.mutationField('createSession', (t) =>
    t.field({
      type: session,
      description: 'Starts a session of the caller. For its key, which others need to go on with it, see sessionStart.',
      args: {
        projectId: t.arg.id({ required: true }),
        goal: t.arg.string({ description: 'what it is for, in a line' }),
        tasks: t.arg.stringList({ description: 'tasks it is about' }),
      },
      resolve: async (_, { projectId, goal, tasks }, context) => {
        await projectNamed(context, String(projectId))
        return (await context.call('session.start', {
          ...(goal && { goal }),
          ...(tasks && { tasks }),
        })) as never
      },
    }),
  )
}

interface ProjectSource {
  readonly id: string
  readonly name: string
}

const DEFAULT_TASKS = 100

async function projectOf({ call }: Types['Context']): Promise<ProjectSource> {
  const { project } = await call('overview', { limit: 1 })
  return project as ProjectSource
}

/** Throws `record_not_found` for any name but that of the project that is served. */
async function projectNamed(context: Types['Context'], id: string): Promise<ProjectSource> {
  const project = await projectOf(context)
  if (id !== project.id && id !== project.name) throw new OrchError('record_not_found', { kind: 'project', id })
  return project
}

async function stateOf({ call }: Types['Context']): Promise<Readonly<Record<string, unknown>>> {
  return (await call('state.get', {})).value as Readonly<Record<string, unknown>>
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The state is written by anybody: what is no number is none here, and as it is in `state`. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}
