import { z } from 'zod'
import type { Field } from '../../model/field.ts'
import { type RecordKind, textsOf } from '../../model/kind.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { checked, describe, flagOf } from './fields.ts'
import { listColumns, recordSchema, toOutput } from './output.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1000

interface ListInput {
  readonly text?: string | undefined
  readonly sort?: string | undefined
  readonly limit: number
  readonly after?: string | undefined
  readonly deleted?: boolean | undefined
  readonly full?: boolean | undefined
  readonly all?: boolean | undefined
}

/** `task list --status todo --label ui --text login` */
export function listOperation(kind: RecordKind): Operation {
  const filters = Object.entries(kind.fields).filter(([, field]) => isFilter(field))
  const closing = closingOf(kind)
  const input = z.strictObject({
    ...Object.fromEntries(
      filters.map(([name, field]) => [
        name,
        describe(z.array(z.string()).optional(), field, 'only where one of these is: '),
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(kind.filters).map(([name, { help }]) => [name, z.boolean().optional().describe(help)]),
    ),
    text: z.string().optional().describe('only with all these words in id, title or text'),
    sort: z.string().optional().describe('sort by this field; with - before it, descending'),
    limit: z
      .number()
      .int()
      .min(1)
      .max(MAX_LIMIT)
      .default(DEFAULT_LIMIT)
      .describe(`how many at most, up to ${MAX_LIMIT}`),
    after: z.string().optional().describe('go on after this page: the next of the page before'),
    deleted: z.boolean().optional().describe('the deleted ones instead'),
    full: z.boolean().optional().describe(`with the ${kind.body} of each`),
    ...(closing && {
      all: z
        .boolean()
        .optional()
        .describe(
          `also ${closing.closed.join(' and ')} ones, which are left out where no ${closing.field} is asked for`,
        ),
    }),
  })
  return defineOperation<ListInput & Record<string, unknown>, unknown>({
    name: `${kind.name}.list`,
    effect: 'read',
    role: 'reader',
    help: `Lists ${kind.plural}, a page at a time.`,
    input: input as unknown as z.ZodType<ListInput & Record<string, unknown>>,
    output: z.object({
      items: z.array(recordSchema(kind, { bodyOptional: true })).describe('the page'),
      total: z.number().describe('how many there are in all'),
      next: z.string().optional().describe('where the next page begins, when there is one'),
      hidden: z.number().optional().describe('how many more there are with all'),
    }),
    cli: {
      command: `${kind.name} list`,
      positionals: [],
      flags: Object.fromEntries(filters.map(([name, field]) => [name, flagOf(name, field)])),
      view: { type: 'table', rows: 'items', columns: listColumns(kind), empty: emptyText(kind) },
      examples: [
        `orch ${kind.name} list --text login`,
        ...filters
          .slice(0, 1)
          .map(([name, field]) => `orch ${kind.name} list --${flagOf(name, field)} ${exampleOf(field)}`),
      ],
    },
    run({ project }, input) {
      const where: Record<string, readonly (string | null)[]> = {}
      for (const [name, field] of filters) {
        const wanted = input[name]
        if (Array.isArray(wanted) && wanted.length > 0) where[name] = filterValues(name, field, wanted)
      }
      for (const [name, filter] of Object.entries(kind.filters))
        if (input[name] === true) Object.assign(where, filter.where)
      const query = {
        limit: input.limit,
        deleted: input.deleted ? 'only' : 'no',
        ...(input.text !== undefined && { text: input.text }),
        ...(input.sort !== undefined && { sort: input.sort }),
        ...(input.after !== undefined && { after: input.after }),
      } as const
      const hides = closing && !input.all && !input.deleted && !(closing.field in where) ? closing : undefined
      const page = project.list(kind, { ...query, where: hides ? { ...where, [hides.field]: hides.open } : where })
      const hidden = hides
        ? project.list(kind, { where: { ...where, [hides.field]: hides.closed }, text: input.text ?? '', limit: 1 })
            .total
        : 0
      return {
        items: page.items.map((record) => toOutput(project, kind, record, { withBody: input.full === true })),
        total: page.total,
        ...(page.next !== undefined && { next: page.next }),
        ...(hidden > 0 && { hidden }),
      }
    },
  })
}

interface Closing {
  readonly field: string
  readonly closed: readonly string[]
  readonly open: readonly (string | null)[]
}

/** What says that a record is closed: the first field that stamps a time when it enters some of its choices. */
function closingOf(kind: RecordKind): Closing | undefined {
  const [stamp] = Object.values(kind.stamps)
  if (!stamp) return undefined
  const { field, values: closed } = stamp
  const choice = kind.fields[field]?.value
  if (choice?.type !== 'choice') return undefined
  return { field, closed, open: [...choice.choices.filter((one) => !closed.includes(one)), null] }
}

function emptyText(kind: RecordKind): string {
  return closingOf(kind)
    ? `There are no such ${kind.plural}. Closed ones are left out without --all.`
    : `There are no such ${kind.plural}.`
}

/** Indexed words can be filtered by; times and ids of other records are asked for in other ways. */
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

function exampleOf(field: Field): string {
  return field.value.type === 'choice' ? (field.value.choices[0] ?? '') : 'word'
}
