import { OrchError } from '../../../base/error.ts'
import { budgetOf, howManyFit, type Row, rowOf } from '../answer.ts'
import type { McpCaller } from '../caller.ts'
import { type Answer, type Arguments, type Tool, texts } from '../tool.ts'

/** What a row costs, in tokens: mostly, so that a page is seldom cut, which costs asking again. */
const ROW = 70
const ROW_HEAD = 25
const ROW_FIELD = 15
const MAX_ROWS = 200

/** How many rows are asked for at once. */
function pageSize(args: Arguments): number {
  const fields = texts(args.fields)
  const each = fields ? ROW_HEAD + ROW_FIELD * fields.length : ROW
  return Math.min(Math.max(1, Math.floor(budgetOf(args) / each)), MAX_ROWS)
}

export const find: Tool = {
  name: 'find',
  description: 'List or search records. Only with text: all kinds, best first.',
  operations: ['search', '*.list', 'context.query', 'ready', 'blocked', 'claim.list'],
  inputs: {
    text: { of: 'search#text' },
    kind: {
      schema: { type: 'string' },
      help: 'task (default), page, session, context, log ...; or ready, blocked, claims',
    },
    where: {
      schema: { type: 'object' },
      help: 'filters, e.g. {status:["todo"],labels,assignee,priority}; log: {task,actor,session,since}',
    },
    sort: { schema: { type: 'string' }, help: '-updatedAt, due ...' },
    fields: { schema: { type: 'array', items: { type: 'string' } }, help: 'only these' },
    since: { of: 'task.list#since', help: 'only what changed since: a time or cursor' },
    after: { schema: { type: 'string' }, help: 'next of the page before' },
    budget: { schema: { type: 'integer' }, help: 'tokens, default 1500' },
  },
  outputs: {
    items: { type: 'array' },
    total: { type: 'integer' },
    atLeast: { type: 'boolean' },
    next: { type: 'string' },
  },
  annotations: { readOnly: true },
  async run(caller, args, signal) {
    const isSearch = args.text !== undefined && args.where === undefined && args.since === undefined
    const kind = args.kind ?? (isSearch ? undefined : 'task')
    return kind === undefined ? await searched(caller, args, signal) : await listed(caller, String(kind), args, signal)
  },
}

async function searched(caller: McpCaller, args: Arguments, signal: AbortSignal | undefined): Promise<Answer> {
  const result = await caller.call('search', { text: args.text, limit: pageSize(args) }, { signal })
  const { items, total, atLeast } = result as Page & { readonly total: number }
  const rows = items.map((row) => ({ ...rowOf(row, texts(args.fields)), kind: row.kind }))
  const fit = howManyFit(rows, budgetOf(args))
  return {
    data: {
      items: rows.slice(0, fit),
      total,
      ...(atLeast && { atLeast }),
      ...(fit < total && { more: 'Name a kind, or give more words, to see the others.' }),
    },
  }
}

async function listed(
  caller: McpCaller,
  kind: string,
  args: Arguments,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const fields = texts(args.fields)
  const ask = async (limit: number): Promise<{ readonly page: Page; readonly rows: readonly Row[] }> => {
    const page = (await caller.call(...listCall(kind, args, fields, limit), { signal })) as Page
    return { page, rows: page.items.map((record) => rowOf(record, fields)) }
  }
  let { page, rows } = await ask(pageSize(args))
  const fit = howManyFit(rows, budgetOf(args))
  // The cursor of a page that was cut is that of a page of this size.
  if (fit < rows.length) ({ page, rows } = await ask(fit))
  const { total, atLeast, next, hidden } = page
  return {
    data: {
      items: rows,
      ...(total !== undefined && { total }),
      ...(atLeast && { atLeast }),
      ...(next !== undefined && { next }),
      ...(hidden !== undefined && { hidden: `${hidden} closed; where: {status: [...]} finds them` }),
    },
  }
}

/** What is no kind of records but can be listed. */
const VIEWS: Readonly<Record<string, string>> = { ready: 'ready', blocked: 'blocked', claims: 'claim.list' }

interface Page {
  readonly items: readonly Row[]
  readonly total?: number
  /** Of both numbers there may be more. */
  readonly atLeast?: boolean
  readonly next?: string
  readonly hidden?: number
}

function listCall(
  kind: string,
  args: Arguments,
  fields: readonly string[] | undefined,
  limit: number,
): [operation: string, input: Readonly<Record<string, unknown>>] {
  const where = { ...(args.where as object | undefined) }
  const text = args.text === undefined ? {} : { text: args.text }
  const since = args.since === undefined ? {} : { since: args.since }
  // What was published is found by whether it still holds.
  if (kind === 'context' && [args.sort, args.after, args.since].every((one) => one === undefined)) {
    return ['context.query', { ...listsOf(where, ['type', 'audience']), ...text, limit }]
  }
  const after = args.after === undefined ? {} : { after: args.after }
  if (kind === 'log') return ['log.list', { ...where, ...since, ...after, limit }]
  const view = VIEWS[kind]
  if (view !== undefined && args.since !== undefined) {
    throw new OrchError('invalid_input', {
      field: 'since',
      reason: `${kind} shows what is so now: use wait, or context`,
    })
  }
  if (view !== undefined)
    return [view, { ...listsOf(where, ['labels', 'capabilities']), ...(kind !== 'claims' && { limit }) }]
  const sort = args.sort === undefined ? {} : { sort: args.sort }
  const full = fields?.some((field) => field === 'body' || field === 'summary' || field === 'comments')
  return [
    `${kind}.list`,
    { ...listsOf(where, Object.keys(where)), ...text, ...sort, ...since, ...after, limit, ...(full && { full: true }) },
  ]
}

/** A filter by one value is one by a list of it. */
function listsOf(
  where: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(where).map(([name, value]) => [
      name,
      names.includes(name) && (typeof value === 'string' || value === null) ? [value ?? ''] : value,
    ]),
  )
}
