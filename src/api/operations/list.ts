import { z } from 'zod'
import { placeOf } from '../../model/filter.ts'
import type { RecordId } from '../../model/id.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Kinds } from '../../model/kind-set.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { flagOf } from './fields.ts'
import { included, includesOf } from './include.ts'
import { atLeastSchema, listColumns, type RecordOutput, recordSchema, toOutput } from './output.ts'
import { closingOf, type SelectionInput, selectionOf, selectionSchemas } from './selection.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1000

interface ListInput extends SelectionInput {
  readonly sort?: string | undefined
  readonly limit: number
  readonly after?: string | undefined
  readonly full?: boolean | undefined
  readonly fields?: readonly string[] | undefined
  readonly include?: readonly string[] | undefined
  readonly cursors?: boolean | undefined
}

/** `task list --status todo --label ui --where 'due<2026-12-01' --include lastLog` */
export function listOperation(kinds: Kinds, kind: RecordKind): Operation {
  const selection = selectionSchemas(kind)
  const input = z.strictObject({
    ...selection.schemas,
    sort: z.string().optional().describe('sort by this field; with - before it, descending'),
    limit: z
      .number()
      .int()
      .min(1)
      .max(MAX_LIMIT)
      .default(DEFAULT_LIMIT)
      .describe(`how many at most, up to ${MAX_LIMIT}`),
    after: z.string().optional().describe('go on after this page: the next of the page before'),
    full: z.boolean().optional().describe(`with the ${kind.body} of each`),
    fields: z.array(z.string()).optional().describe('only these fields of each'),
    include: z
      .array(z.string())
      .optional()
      .describe(`what belongs to each, under related: ${includesOf(kinds, kind).join(', ')}`),
    cursors: z.boolean().optional().describe('with the place of each, to go on after'),
  })
  return defineOperation<ListInput & Record<string, unknown>, unknown>({
    name: `${kind.name}.list`,
    effect: 'read',
    role: 'reader',
    help: `Lists ${kind.plural}, a page at a time.`,
    input: input as unknown as z.ZodType<ListInput & Record<string, unknown>>,
    output: z.object({
      items: z.array(recordSchema(kind, { bodyOptional: true, partial: true })).describe('the page'),
      total: z.number().describe('how many there are in all'),
      atLeast: atLeastSchema,
      next: z.string().optional().describe('where the next page begins, when there is one'),
      hidden: z.number().optional().describe('how many more there are with all'),
      cursors: z.array(z.string()).optional().describe('the place of each, where that was asked for'),
    }),
    cli: {
      command: `${kind.name} list`,
      positionals: [],
      flags: selection.flags,
      view: { type: 'table', rows: 'items', columns: listColumns(kind), empty: emptyText(kind) },
      examples: [`orch ${kind.name} list --text login`, ...filterExamples(kind, 'list')],
    },
    run(context, input) {
      const { project } = context
      const { query, hidden } = selectionOf(context, kind, input)
      const page = project.list(kind, {
        ...query,
        limit: input.limit,
        ...(input.sort !== undefined && { sort: input.sort }),
        ...(input.after !== undefined && { after: input.after }),
      })
      const more = hidden && project.list(kind, { ...hidden, limit: 0 })
      return {
        items: itemsOf(project, kind, page.items, input),
        total: page.total,
        ...((page.isAtLeast || more?.isAtLeast) && { atLeast: true }),
        ...(page.next !== undefined && { next: page.next }),
        ...(more && more.total > 0 && { hidden: more.total }),
        ...(input.cursors && { cursors: page.cursors() }),
      }
    },
  })
}

/** `task count --by status --label ui` */
export function countOperation(kind: RecordKind): Operation {
  const selection = selectionSchemas(kind)
  return defineOperation<SelectionInput & { readonly by?: string | undefined } & Record<string, unknown>, unknown>({
    name: `${kind.name}.count`,
    effect: 'read',
    role: 'reader',
    help: `Counts ${kind.plural}, in all or by the values of a field.`,
    input: z.strictObject({
      by: z.string().optional().describe('the field; of one with several values, each counts'),
      ...selection.schemas,
    }) as unknown as z.ZodType<SelectionInput & { readonly by?: string | undefined } & Record<string, unknown>>,
    output: z.object({
      total: z.number().describe('how many there are in all'),
      groups: z
        .array(
          z.object({
            value: z.union([z.string(), z.number(), z.null()]).describe('the value; null where there is none'),
            count: z.number().describe('how many have it'),
          }),
        )
        .describe('by value, the most frequent first'),
    }),
    cli: {
      command: `${kind.name} count`,
      positionals: [],
      flags: selection.flags,
      view: {
        type: 'table',
        rows: 'groups',
        columns: [
          { key: 'count', head: 'count' },
          { key: 'value', head: 'value' },
        ],
        empty: 'There are {total}.',
      },
      examples: [`orch ${kind.name} count`, ...filterExamples(kind, 'count')],
    },
    run(context, input) {
      const { project } = context
      const { query } = selectionOf(context, kind, input)
      const { total } = project.list(kind, { ...query, limit: 0, isExact: true })
      return { total, groups: input.by === undefined ? [] : project.groups(kind, query, input.by) }
    },
  })
}

function itemsOf(
  project: Project,
  kind: RecordKind,
  records: readonly StoredRecord[],
  { full = false, fields, include = [] }: Pick<ListInput, 'full' | 'fields' | 'include'>,
): readonly RecordOutput[] {
  const wanted = fields
    ?.flatMap((names) => names.split(','))
    .map((name) => (SHOWN_AROUND.includes(name) ? name : placeOf({ kinds: project.kinds.records }, kind, name).name))
  const names = include.flatMap((one) => one.split(','))
  const ids = records.map(({ id }) => id)
  const more = names.length > 0 ? included(project, kind, ids, names) : new Map<RecordId, RecordOutput>()
  return records.map((record) => {
    const all = toOutput(project, kind, record, { withBody: full || wanted !== undefined })
    const shown = wanted ? Object.fromEntries(['id', ...wanted].map((name) => [name, all[name]])) : all
    return more.size > 0 ? { ...shown, related: more.get(record.id) } : shown
  })
}

/** What an answer shows around the fields, beside what can be filtered by. */
const SHOWN_AROUND: readonly string[] = ['kind', 'file', 'hash', 'extra', 'issues', 'deletedAt', 'deletedBy']

function emptyText(kind: RecordKind): string {
  return closingOf(kind)
    ? `There are no such ${kind.plural}. Closed ones are left out without --all.`
    : `There are no such ${kind.plural}.`
}

function filterExamples(kind: RecordKind, verb: 'list' | 'count'): readonly string[] {
  const [first] = Object.entries(kind.fields).filter(([, { indexed, value }]) => indexed && value.type === 'choice')
  if (!first) return []
  const [name, field] = first
  const value = field.value.type === 'choice' ? field.value.choices[0] : 'word'
  return verb === 'list'
    ? [
        `orch ${kind.name} list --${flagOf(name, field)} ${value}`,
        `orch ${kind.name} list --where 'createdAt>2026-11-01'`,
      ]
    : [`orch ${kind.name} count --by ${name}`]
}
