import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { parseTime, timeHelp } from '../../base/time-text.ts'
import type { Field } from '../../model/field.ts'
import { type Clause, placeOf } from '../../model/filter.ts'
import { type RecordKind, textsOf } from '../../model/kind.ts'
import { decodeCursor } from '../../store/cursor.ts'
import type { Project, Query } from '../../store/project.ts'
import type { OperationContext } from '../operation.ts'
import { checked, describe, flagOf } from './fields.ts'
import { filterOf, querySchemas } from './list-query.ts'

/** Which records a list or a count is about. Filters of single fields are properties of their own. */
export interface SelectionInput {
  readonly filter?: unknown
  readonly where?: readonly string[] | undefined
  readonly text?: string | undefined
  readonly since?: string | undefined
  readonly deleted?: boolean | undefined
  readonly all?: boolean | undefined
}

/** The properties of the input that select, and the flags of those whose flag is not their name. */
export function selectionSchemas(kind: RecordKind): {
  readonly schemas: Readonly<Record<string, z.ZodType>>
  readonly flags: Readonly<Record<string, string>>
} {
  const closing = closingOf(kind)
  const schemas = {
    ...Object.fromEntries(
      filterFields(kind).map(([name, field]) => [
        name,
        describe(z.array(z.string()).optional(), field, 'only where one of these is: '),
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(kind.filters).map(([name, { help }]) => [name, z.boolean().optional().describe(help)]),
    ),
    ...querySchemas,
    text: z.string().optional().describe('only with all these words in id, title or text'),
    since: z
      .string()
      .optional()
      .describe(`only what was changed since: ${timeHelp}, or the cursor of a context or of wait`),
    deleted: z.boolean().optional().describe('the deleted ones instead'),
    ...(closing && {
      all: z
        .boolean()
        .optional()
        .describe(
          `also ${closing.closed.join(' and ')} ones, which are left out where no ${closing.field} is asked for`,
        ),
    }),
  }
  return { schemas, flags: Object.fromEntries(filterFields(kind).map(([name, field]) => [name, flagOf(name, field)])) }
}

export interface Selection {
  readonly query: Omit<Query, 'limit'>
  /** Those that are left out only because they are closed; undefined where none are. */
  readonly hidden: Omit<Query, 'limit'> | undefined
}

/** Throws `invalid_input`, `invalid_status`, and for ids in a filter `record_not_found` or `ambiguous_id`. */
export function selectionOf(
  { project, clock }: Pick<OperationContext, 'project' | 'clock'>,
  kind: RecordKind,
  input: SelectionInput & Readonly<Record<string, unknown>>,
): Selection {
  const where: Record<string, readonly (string | null)[]> = {}
  for (const [name, field] of filterFields(kind)) {
    const wanted = input[name]
    if (Array.isArray(wanted) && wanted.length > 0) where[name] = filterValues(name, field, wanted)
  }
  for (const [name, filter] of Object.entries(kind.filters))
    if (input[name] === true) Object.assign(where, filter.where)
  const filter = [
    ...filterOf(project, kind, input),
    ...(input.since === undefined ? [] : [changedSince(project, kind, input.since, clock.now())]),
  ]
  const query = {
    filter,
    deleted: input.deleted ? 'only' : 'no',
    ...(input.text !== undefined && { text: input.text }),
  } as const
  const closing = closingOf(kind)
  const isAsked = closing && (closing.field in where || filter.some((clause) => mentions(clause, closing.field)))
  if (!closing || isAsked || input.all || input.deleted) return { query: { ...query, where }, hidden: undefined }
  // What is not declared here, because another replica declares it, is not closed.
  const isClosed: Clause = { type: 'in', place: placeOf({ kinds: [] }, kind, closing.field), values: closing.closed }
  return {
    query: { ...query, where, filter: [...filter, { type: 'not', of: [isClosed] }] },
    hidden: { ...query, where: { ...where, [closing.field]: closing.closed } },
  }
}

/** What was changed since a time, or since a cursor: exactly what it does not cover. */
function changedSince(project: Project, kind: RecordKind, text: string, now: number): Clause {
  const time = parseTime(text, now, 'start')
  if (time !== undefined) {
    return { type: 'range', place: placeOf({ kinds: [] }, kind, 'updatedAt'), than: 'gt', value: time }
  }
  const { items, more } = project.changedSince(decodeCursor(text), { limit: MAX_CHANGES })
  if (more) {
    const reason = `more than ${MAX_CHANGES} changes were made since: ask without it`
    throw new OrchError('invalid_input', { field: 'since', reason })
  }
  const ids = new Set(items.filter((one) => one.kind === kind.name).map(({ id }) => id))
  return { type: 'in', place: placeOf({ kinds: [] }, kind, 'id'), values: [...ids] }
}

const MAX_CHANGES = 20_000

interface Closing {
  readonly field: string
  readonly closed: readonly string[]
}

/** What says that a record is closed: the first field that stamps a time when it enters some of its choices. */
export function closingOf(kind: RecordKind): Closing | undefined {
  const [stamp] = Object.values(kind.stamps)
  if (!stamp) return undefined
  const { field, values: closed } = stamp
  const choice = kind.fields[field]?.value
  if (choice?.type !== 'choice') return undefined
  return { field, closed }
}

function filterFields(kind: RecordKind): readonly (readonly [string, Field])[] {
  return Object.entries(kind.fields).filter(([, field]) => isFilter(field))
}

/** Indexed words have a filter of their own; times and ids of other records are asked for in `where` and `filter`. */
function isFilter(field: Field): boolean {
  return field.indexed === true && (field.value.type === 'text' || field.value.type === 'choice')
}

/** An empty text stands for empty; other values are read as they are when written, so that synonyms work. */
function filterValues(name: string, field: Field, wanted: readonly string[]): readonly (string | null)[] {
  return wanted.flatMap((text): readonly (string | null)[] => {
    if (text === '') return [null]
    const value = checked(name, field, field.merge === 'set' ? [text] : text)
    if (value === null) return [null]
    return typeof value === 'object' ? textsOf(value) : [String(value)]
  })
}

function mentions(clause: Clause, field: string): boolean {
  if (clause.type === 'or') return clause.of.some((part) => part.some((one) => mentions(one, field)))
  if (clause.type === 'not') return clause.of.some((one) => mentions(one, field))
  return clause.type !== 'related' && clause.place.name === field
}
