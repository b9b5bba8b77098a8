import { z } from 'zod'

/**
 * What a project may declare in `.orchrc`: statuses of tasks, fields of kinds, and whole kinds. It is data only: nothing in
 * it names a program or a place outside the mirror, so it needs no trust.
 */

/** What a field of a project's own may be, and how concurrent writes to it combine. */
export const FIELD_TYPES = {
  text: { merge: 'register', help: 'a line of text' },
  number: { merge: 'register', help: 'a number, between `min` and `max`' },
  time: { merge: 'register', help: 'a date or a time in ISO 8601' },
  choice: { merge: 'register', help: 'one of `choices`; lists sort by their order' },
  ref: { merge: 'register', help: 'the id of a record of the kind `to`' },
  json: { merge: 'register', help: 'any JSON, written as a whole' },
  prose: { merge: 'prose', help: 'any Markdown; edits merge by words' },
  set: { merge: 'set', help: 'short texts; concurrent additions are all kept' },
  refs: { merge: 'set', help: 'ids of records of the kind `to`' },
  counter: { merge: 'counter', help: 'a number that everybody adds to' },
  entries: { merge: 'entries', help: 'texts that are only ever added, with time and author; one such field a kind' },
} as const

export type DeclaredType = keyof typeof FIELD_TYPES

const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'must be one line of text')

const fieldName = z
  .string()
  .regex(/^[a-z][A-Za-z0-9]{0,39}$/, 'begins with a small letter, then letters and digits; 40 at most')
const word = z.string().regex(/^[a-z][a-z0-9]{1,29}$/, 'is 2 to 30 small letters and digits, and begins with a letter')
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const choice = scalar.pipe(
  z
    .string()
    .regex(
      /^[\p{L}\p{N}](?:[\p{L}\p{N}_. -]{0,38}[\p{L}\p{N}])?$/u,
      'is letters, digits, blanks and . _ -; 40 at most',
    ),
)

export const declaredField = z.strictObject({
  type: z.enum(Object.keys(FIELD_TYPES) as [DeclaredType, ...DeclaredType[]]),
  help: line(200).optional(),
  choices: z.array(choice).min(1).max(50).optional(),
  to: z.string().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  default: z.union([scalar, z.array(scalar)]).optional(),
  required: z.boolean().default(false),
  indexed: z.boolean().default(false),
  shown: z.boolean().default(false),
  flag: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,29}$/, 'is 2 to 30 small letters, digits and -')
    .optional(),
})
export type DeclaredField = z.infer<typeof declaredField>

export const declaredFields = z.record(fieldName, declaredField)

export const declaredStatus = z.strictObject({ as: z.string() })
export type DeclaredStatus = z.infer<typeof declaredStatus>

export const declaredStatuses = z.record(
  z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,29}$/, 'begins with a small letter, then small letters, digits and _; 30 at most'),
  declaredStatus,
)

const filter = z.strictObject({
  help: line(200).optional(),
  where: z.record(z.string(), z.array(z.union([scalar, z.null()])).min(1)),
})

export const declaredKind = z.strictObject({
  plural: word.optional(),
  letter: z.string().regex(/^[a-z]$/, 'is one small letter'),
  folder: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'is one folder below the mirror: small letters, digits, _ and -')
    .optional(),
  help: line(200).optional(),
  title: fieldName.default('title'),
  body: fieldName.default('body'),
  fileName: z.enum(['id-slug', 'id']).default('id-slug'),
  fields: declaredFields.default({}),
  order: z.array(z.string()).default([]),
  closed: z.record(z.string(), z.array(scalar).min(1)).default({}),
  filters: z.record(fieldName, filter).default({}),
})
export type DeclaredKind = z.infer<typeof declaredKind>

export const declaredKinds = z.record(word, declaredKind)

/** All of it, as it stands in `.orchrc`. */
export interface Declaration {
  readonly statuses: Readonly<Record<string, DeclaredStatus>>
  /** Kind -> field -> what it is. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, DeclaredField>>>>
  readonly kinds: Readonly<Record<string, DeclaredKind>>
}

/** Why something cannot be declared: `kinds.risk.letter`, and what is the matter with it. */
export class DeclarationError extends Error {
  readonly key: string
  readonly reason: string

  constructor(key: string, reason: string) {
    super(`${key}: ${reason}`)
    this.key = key
    this.reason = reason
  }
}
