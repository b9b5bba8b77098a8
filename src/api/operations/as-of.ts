import { z } from 'zod'
import type { Operation, OperationContext } from '../operation.ts'
import { momentHelp, readMoment } from './moments.ts'

/**
 * Lets a reading operation be asked about the past: the same question, answered from the project as it was. What it asks
 * must be in a `PastProject`: records, keys, relations, full text; not the work log, whose entries have their times.
 */
export function withAsOf(operation: Operation): Operation {
  const input = operation.input as unknown as z.ZodObject
  return {
    ...operation,
    input: input.extend({ asOf: z.string().optional().describe(`as it was at ${momentHelp}`) }) as never,
    async run(context, given) {
      const { asOf, ...rest } = given as { readonly asOf?: string }
      return await operation.run(asOf === undefined ? context : await contextThen(context, asOf), rest)
    },
  }
}

/** What an operation is given, with the project as it was. Throws `moment_unknown`. */
async function contextThen(context: OperationContext, asOf: string): Promise<OperationContext> {
  const { project } = context
  const { vector, name } = await readMoment(context, asOf)
  if (name === 'now') return context
  const { moment: _, ...then } = await project.past.view(vector)
  return { ...context, project: { ...project, ...then } }
}
