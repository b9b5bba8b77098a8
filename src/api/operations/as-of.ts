import { z } from 'zod'
import type { Operation } from '../operation.ts'
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
      if (asOf === undefined) return await operation.run(context, rest)
      const { project } = context
      const { vector, name } = await readMoment(context, asOf)
      if (name === 'now') return await operation.run(context, rest)
      return await project.past.view(vector, ({ moment: _, ...then }) =>
        operation.run({ ...context, project: { ...project, ...then } }, rest),
      )
    },
  }
}
