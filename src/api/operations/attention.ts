import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { AttentionItem } from '../../model/attention.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation, originOf } from './define.ts'
import { itemSchema } from './schemas.ts'

const itemInput = z.string().describe('the item: its id, or a unique beginning of it')
const waySchema = z.string().describe('one of the ways that `orch attention show` names')
const doneSchema = z.object({
  id: z.string().describe('the item'),
  way: z.string().describe('what was chosen'),
  message: z.string().describe('what was done'),
})

type Choice = { readonly item: string; readonly way: string }

/** What needs somebody, and how it is settled. */
export const attentionOperations: readonly Operation[] = [
  defineOperation<object, unknown>({
    name: 'attention.list',
    effect: 'read',
    role: 'reader',
    help: 'Lists what needs somebody: files that cannot be read, saves that were merged from an older text, deletions that were held, links that fail.',
    input: z.strictObject({}),
    output: z.object({
      items: z.array(itemSchema).describe('what stands still first, then what happened, newest first'),
    }),
    cli: {
      command: 'attention list',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'id', head: 'id', style: 'id' },
          { key: 'since', head: 'since', style: 'time' },
          { key: 'where', head: 'where' },
          { key: 'line', head: 'line' },
          { key: 'column', head: 'column' },
          { key: 'what', head: 'what' },
        ],
        empty: 'Nothing needs anybody.',
      },
      examples: ['orch attention list'],
    },
    run: ({ parts }) => ({ items: parts.attention.list() }),
  }),
  defineOperation<{ item: string }, AttentionItem>({
    name: 'attention.show',
    effect: 'read',
    role: 'reader',
    help: 'Shows one item: what, where and why, what to do, and the ways it can be settled.',
    input: z.strictObject({ item: itemInput }),
    output: itemSchema as z.ZodType<AttentionItem>,
    cli: {
      command: 'attention show',
      positionals: ['item'],
      view: { type: 'record' },
      examples: ['orch attention show a-3f21'],
    },
    run: ({ parts }, input) => itemNamed(parts.attention.list(), input.item),
  }),
  defineOperation<Choice, unknown>({
    name: 'attention.resolve',
    effect: 'write',
    role: 'writer',
    help: 'Settles an item in one of its ways. A way that takes something away from everybody is for a person at a terminal.',
    input: z.strictObject({ item: itemInput, way: waySchema }),
    output: doneSchema,
    cli: {
      command: 'attention resolve',
      positionals: ['item', 'way'],
      view: { type: 'text', field: 'message' },
      examples: ['orch attention resolve a-3f21 dismiss'],
    },
    run(context, input) {
      const item = itemNamed(context.parts.attention.list(), input.item)
      if (isDestructive(item, input.way)) throw forPerson(item, input.way)
      return settle(context, item, input.way)
    },
  }),
  defineOperation<Choice, unknown>({
    name: 'attention.confirm',
    effect: 'write',
    role: 'admin',
    help: 'Settles an item also in a way that takes something away from everybody: for people, who are asked.',
    input: z.strictObject({ item: itemInput, way: waySchema }),
    output: doneSchema,
    cli: {
      // `orch attention resolve` calls it once a person at a terminal has said yes.
      hidden: true,
      command: 'attention confirm',
      positionals: ['item', 'way'],
      view: { type: 'text', field: 'message' },
      examples: ['orch attention confirm a-3f21 dismiss'],
    },
    run(context, input) {
      const item = itemNamed(context.parts.attention.list(), input.item)
      if (context.actor.type !== 'person') throw forPerson(item, input.way)
      return settle(context, item, input.way)
    },
  }),
]

async function settle(context: OperationContext, { id }: AttentionItem, way: string): Promise<unknown> {
  return { id, way, message: await context.parts.attention.settle(id, way, originOf(context)) }
}

function isDestructive({ ways }: AttentionItem, way: string): boolean {
  return ways.some(({ name, destructive }) => name === way && destructive === true)
}

/** Says in words what a person has to do; never how to type it. */
function forPerson({ id, ways }: AttentionItem, way: string): OrchError {
  const help = ways.find(({ name }) => name === way)?.help ?? way
  return new OrchError('forbidden', {
    reason: `only a person at a terminal, or an administrator, may decide this for ${id} (${help})`,
  })
}

/** Throws `attention_not_found` or `ambiguous_id`. */
function itemNamed(items: readonly AttentionItem[], text: string): AttentionItem {
  const found = items.filter(({ id }) => id === text || id.startsWith(text) || id.slice(2).startsWith(text))
  const [first] = found
  if (!first || text === '') throw new OrchError('attention_not_found', { id: text })
  if (found.length > 1) {
    const matches = found.map(({ id }) => id).join(', ')
    throw new OrchError('ambiguous_id', { id: text, count: found.length, matches })
  }
  return first
}
