import { z } from 'zod'
import { OrchError } from '../base/error.ts'
import { meant } from '../base/nearest.ts'

/** A caller's input, checked against an operation's schema. Throws `invalid_input`, naming the field and for an unknown one the nearest known. */
export function parseInput(schema: z.ZodType, input: unknown): unknown {
  const given = input ?? {}
  if (schema instanceof z.ZodObject && typeof given === 'object') {
    const known = Object.keys(schema.shape)
    const unknown = Object.keys(given).find((key) => !known.includes(key))
    if (unknown !== undefined) throw unknownField(unknown, known)
  }
  const parsed = parse(schema, given)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue && issue.path.length > 0 ? issue.path.join('.') : 'input'
  throw new OrchError('invalid_input', { field, reason: issue?.message ?? 'it does not fit' })
}

function parse(schema: z.ZodType, given: unknown): ReturnType<z.ZodType['safeParse']> {
  try {
    return schema.safeParse(given)
  } catch (error) {
    // A schema that takes any JSON follows it as deep as it goes.
    if (!(error instanceof RangeError)) throw error
    throw new OrchError('invalid_input', { field: 'input', reason: 'it is nested too deeply' })
  }
}

function unknownField(field: string, known: readonly string[]): OrchError {
  const words = meant(field, known)
  const reason =
    words.length > 0
      ? `there is no such field; did you mean ${words.join(' or ')}?`
      : `there is no such field; there are ${known.join(', ')}`
  return new OrchError('invalid_input', { field, reason })
}
