import { OrchError } from '../../../base/error.ts'
import { quoteBlock } from '../../../model/quoted.ts'
import { budgetOf, partOf, type Row, rowOf } from '../answer.ts'
import type { McpCaller } from '../caller.ts'
import { tokensAtMost } from '../tokens.ts'
import { type Answer, type Arguments, type Tool, texts } from '../tool.ts'
import { callFenced, forgetEnded, identify, type Named } from './fenced.ts'

const id = { schema: { type: 'string' }, help: 'id or path', required: true } as const

/** What a record's own text is called, by kinds; what it says beside that is in fields. */
const TEXTS = ['body', 'summary']

export const get: Tool = {
  name: 'get',
  description: 'Read records whole, with their text; the id "state" for the project state.',
  operations: ['record.text', '*.show', 'page.read', 'state.get'],
  inputs: {
    id: {
      schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
      help: 'ids or paths',
      required: true,
    },
    fields: { schema: { type: 'array', items: { type: 'string' } } },
    offset: { schema: { type: 'integer' }, help: 'where to go on in a long text' },
    budget: { schema: { type: 'integer' } },
  },
  outputs: { items: { type: 'array' } },
  annotations: { readOnly: true },
  async run(caller, args, signal) {
    const ids = texts(args.id) ?? []
    const each = Math.floor((budgetOf(args) - 20) / Math.max(1, ids.length))
    const found = []
    for (const one of ids) found.push(await readOne(caller, one, { ...args, budget: each }, signal))
    return { data: { items: found.map(({ data }) => data) }, text: found.map(({ text }) => text).join('\n\n') }
  },
}

export async function readOne(
  caller: McpCaller,
  name: string,
  args: Arguments,
  signal: AbortSignal | undefined,
): Promise<{ readonly data: Row; readonly text: string }> {
  if (name === 'state') {
    const { value } = (await caller.call('state.get', {}, { signal })) as { readonly value: Row }
    const data = { id: 'state', ...rowOf(value, texts(args.fields)) }
    return { data, text: JSON.stringify(data) }
  }
  const record = await show(caller, name, signal)
  const fields = texts(args.fields)
  const { comments, ...rest } = record
  const longs = Object.keys(rest).filter((key) => TEXTS.includes(key) && typeof rest[key] === 'string')
  const wanted = longs.filter((key) => (!fields || fields.includes(key)) && rest[key] !== '')
  const plain = Object.fromEntries(Object.entries(rest).filter(([key]) => !longs.includes(key)))
  const head = fields
    ? rowOf(plain, fields)
    : { ...rowOf(plain, undefined), hash: record.hash, updatedAt: record.updatedAt, updatedBy: record.updatedBy }
  const lines = [JSON.stringify(head)]
  const data: Record<string, unknown> = { ...head }
  let left = Number(args.budget) - tokensAtMost(lines[0] ?? '')
  for (const key of wanted) {
    const body = String(rest[key])
    const shown = (part: string): string =>
      quoteBlock(part, `${key} of ${record.id}, last changed`, { by: String(record.updatedBy) })
    const cost = (part: string): number => tokensAtMost(shown(part))
    const { part, next } = partOf(body, Number(args.offset ?? 0), Math.max(80, left - 60), cost)
    left -= cost(part) + 30
    data[key] = part
    lines.push(shown(part))
    if (next !== undefined) {
      data.next = next
      lines.push(`(${body.length - next} more characters: get with offset ${next})`)
    }
  }
  if (Array.isArray(comments) && comments.length > 0 && (!fields || fields.includes('comments'))) {
    const kept: Row[] = []
    // The newest matter most.
    for (const comment of (comments as readonly Row[]).toReversed()) {
      left -= tokensAtMost(JSON.stringify(comment)) + 40
      if (left < 0) break
      kept.unshift(comment)
    }
    data.comments = kept
    const hidden = comments.length - kept.length
    if (hidden > 0) lines.push(`(${hidden} older comments: get with fields ["comments"] and a larger budget)`)
    for (const { by, at, text } of kept) lines.push(quoteBlock(String(text), `comment of ${at}`, { by: String(by) }))
  }
  return { data, text: lines.join('\n') }
}

/** A record of any kind, by whatever names it. */
export async function show(caller: McpCaller, name: string, signal: AbortSignal | undefined): Promise<Row> {
  const { kind } = await identify(caller, name, signal)
  const isPage = kind === 'page'
  const operation = isPage ? 'page.read' : `${kind}.show`
  return (await caller.call(operation, isPage ? { path: name } : { id: name }, { signal })) as Row
}

/** Changes a record; a task that is claimed, only while that claim holds. */
async function change(
  caller: McpCaller,
  { id, kind }: Named,
  input: object,
  signal: AbortSignal | undefined,
): Promise<Row> {
  return await callFenced(caller, `${kind}.update`, id, { id, ...input }, signal)
}

export const create: Tool = {
  name: 'create',
  description: 'Create a task, page, or record of another kind. Check with find first.',
  operations: ['*.create', 'page.write'],
  inputs: {
    title: { schema: { type: 'string' }, required: true },
    kind: { schema: { type: 'string' }, help: 'default task' },
    text: { schema: { type: 'string' }, help: 'Markdown' },
    path: { schema: { type: 'string' }, help: 'of a page: guides/start.md' },
    fields: { schema: { type: 'object' }, help: 'priority, labels[], dependencies[], parent, assignee, due ...' },
  },
  outputs: { id: { type: 'string' }, hash: { type: 'string' } },
  annotations: {},
  async run(caller, { kind = 'task', title, text, path, fields }, signal) {
    if (kind === 'page') {
      const page = { path, text: text ?? '', title }
      return receipt(await caller.call('page.write', page, { signal }))
    }
    const input = { title, ...(text !== undefined && { body: text }), ...(fields as object | undefined) }
    return receipt(await caller.call(`${kind}.create`, input, { signal }))
  },
}

export const update: Tool = {
  name: 'update',
  description: 'Change fields of a record, or add a comment to a task. The id "state" sets keys of the project state.',
  operations: ['record.text', '*.update', 'task.comment', 'state.patch'],
  inputs: {
    id,
    fields: {
      schema: { type: 'object' },
      help: 'status (todo in_progress blocked review completed cancelled), priority, assignee, addLabels[], removeLabels[], addDependencies[], addSpentHours ...; "" clears',
    },
    comment: { of: 'task.comment#text' },
    base: { of: 'task.update#base', help: 'hash it must still have' },
  },
  outputs: { id: { type: 'string' }, hash: { type: 'string' } },
  annotations: {},
  async run(caller, { id: name, fields, comment, base }, signal) {
    if (name === 'state') {
      await caller.call('state.patch', { patch: fields ?? {} }, { signal })
      return { data: { id: 'state' } }
    }
    if (fields === undefined && comment === undefined)
      throw new OrchError('usage', { reason: 'Give fields or comment' })
    const named = await identify(caller, String(name), signal)
    const changes = { ...(fields as object | undefined), ...(base !== undefined && { base }) }
    const changed = fields === undefined ? undefined : await change(caller, named, changes, signal)
    // Closing a task ends its claim.
    if (changed && 'status' in changes) await forgetEnded(caller, named.id, signal)
    if (comment === undefined) return receipt(changed)
    const said = await callFenced(caller, `${named.kind}.comment`, named.id, { id: named.id, text: comment }, signal)
    return receipt(changed ?? said)
  },
}

export const edit: Tool = {
  name: 'edit',
  description:
    'Change the text of a record in place, so that others can write in it too: replace a piece, append a paragraph, or write a whole page.',
  operations: ['record.text', '*.update', 'page.write'],
  inputs: {
    id,
    find: { of: 'task.update#find', help: 'text that is there exactly once' },
    replace: { of: 'task.update#replace' },
    append: { of: 'task.update#append' },
    text: { of: 'page.write#text', help: 'whole page; needs base' },
    base: { of: 'page.write#base', help: 'hash it must still have' },
  },
  outputs: { id: { type: 'string' }, hash: { type: 'string' } },
  annotations: {},
  async run(caller, { id: name, text, ...input }, signal) {
    if (text !== undefined) return receipt(await writeWhole(caller, String(name), String(text), input.base, signal))
    return receipt(await change(caller, await identify(caller, String(name), signal), input, signal))
  },
}

/** A whole text replaces only the one its writer has read. */
async function writeWhole(
  caller: McpCaller,
  path: string,
  text: string,
  base: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const before = await show(caller, path, signal)
  if (before.kind !== 'page') {
    const reason = `${before.id} is no page; change it with find and replace, or append`
    throw new OrchError('invalid_input', { field: 'text', reason })
  }
  if (base === undefined) {
    const reason = `a whole text needs the hash of the one it replaces; ${before.id} has ${before.hash} now, read it first`
    throw new OrchError('invalid_input', { field: 'base', reason })
  }
  return await caller.call('page.write', { path: before.file, text, base }, { signal })
}

/** What a writer needs to go on. */
export function receipt(record: unknown): Answer {
  const { id: made, title, hash, file } = record as Row
  return {
    data: {
      id: made,
      ...(typeof title === 'string' && { title }),
      ...(file !== undefined && { file }),
      ...(hash !== undefined && { hash }),
    },
  }
}
