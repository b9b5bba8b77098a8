import { z } from 'zod'
import type { PastProject } from '../../store/past-view.ts'
import type { Project } from '../../store/project.ts'
import type { Vector } from '../../store/row.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { momentHelp, readMoment } from './moments.ts'

export const asOfSchema = z.string().optional().describe(`as it was at ${momentHelp}`)

/**
 * Lets a reading operation be asked about the past: the same question, answered from the project as it was. What it asks
 * must be in a `PastProject`: records, keys, relations, full text; not the work log, whose entries have their times.
 * `prepare` reads first what would take too long in one turn.
 */
export function withAsOf(
  operation: Operation,
  prepare: (project: PastProject) => Promise<void> = () => Promise.resolve(),
): Operation {
  return askedAt(operation, async (context, asOf, run) => {
    const { project } = context
    const { vector, name } = await readMoment(context, asOf)
    if (name === 'now') return await run(context)
    return await project.past.view(vector, async ({ moment, ...then }) => {
      await prepare({ moment, ...then })
      return await run({ ...context, project: { ...project, ...then } })
    })
  })
}

/** The same for one that asks the work log alone: its entries never change, so that what came later is left out. */
export function withLogAsOf(operation: Operation): Operation {
  return askedAt(operation, async (context, asOf, run) => {
    const { project } = context
    const { vector } = await readMoment(context, asOf)
    return await run({ ...context, project: { ...project, ...pastLog(project, vector) } })
  })
}

type Run = (context: OperationContext) => unknown

/** The operation with an `asOf`; `then` runs it when one is given. */
function askedAt(
  operation: Operation,
  then: (context: OperationContext, asOf: string, run: Run) => Promise<unknown>,
): Operation {
  const input = operation.input as unknown as z.ZodObject
  return {
    ...operation,
    input: input.extend({ asOf: asOfSchema }) as never,
    async run(context, given) {
      const { asOf, ...rest } = given as { readonly asOf?: string }
      const run: Run = (at) => operation.run(at, rest)
      return asOf === undefined ? await run(context) : await then(context, asOf, run)
    },
  }
}

/** Gives all of the project as it was to `use`: records, keys, the work log and the rows. It must not be used any more afterwards. */
export async function atMoment<T>(
  context: OperationContext,
  asOf: string | undefined,
  use: (context: OperationContext) => Promise<T>,
): Promise<T> {
  if (asOf === undefined) return await use(context)
  const { project } = context
  const { vector } = await readMoment(context, asOf)
  return await project.past.view(vector, ({ moment: _, ...then }) =>
    use({
      ...context,
      project: {
        ...project,
        ...then,
        ...pastLog(project, vector),
        have: () => vector,
        changedSince: () => ({ items: [], upto: vector, more: false }),
      },
    }),
  )
}

function pastLog(project: Project, seen: Vector): Pick<Project, 'listLog' | 'logOfDay'> {
  return {
    listLog: (query) => project.listLog({ ...query, seen }),
    logOfDay: (day, limit, after) => project.logOfDay(day, limit, after, seen),
  }
}
