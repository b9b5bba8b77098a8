import { budgetOf, howManyFit, type Row, rowOf } from '../answer.ts'
import type { Tool } from '../tool.ts'

export const context: Tool = {
  name: 'context',
  description:
    'What you need to begin or go on: messages, what you hold, changes by others, ready work. Begin here; later give since.',
  operations: ['context.get'],
  inputs: {
    since: { of: 'context.get#since', help: 'cursor of the answer before: only what changed' },
    capabilities: { of: 'context.get#capabilities', help: 'what you can do, as labels' },
    focus: { of: 'context.get#focus', help: 'a record or words to look at closely' },
    budget: { of: 'context.get#budget' },
  },
  outputs: { text: { type: 'string' }, cursor: { type: 'string' }, more: { type: 'boolean' } },
  annotations: { readOnly: true },
  async run(caller, input, signal) {
    const found = await caller.call('context.get', { ...input, budget: budgetOf(input) }, { signal })
    const { text, cursor, more } = found as { readonly text: string; readonly cursor: string; readonly more: boolean }
    return { data: { text, cursor, more }, text }
  },
}

/** Clients give up after 60 seconds. */
const LONGEST_WAIT_S = 55

export const wait: Tool = {
  name: 'wait',
  description: 'Wait, instead of asking again and again, until one of these happens; after 50 s wait on with since.',
  operations: ['wait'],
  inputs: {
    message: { of: 'wait#message', help: 'an unread message for you' },
    ready: { of: 'wait#ready', help: 'a task you can begin' },
    closed: { of: 'wait#closed', help: 'tasks' },
    changed: { of: 'wait#changed', help: 'records' },
    free: { of: 'wait#free', help: 'tasks nobody holds' },
    capabilities: { of: 'wait#capabilities' },
    timeout: { of: 'wait#timeout', help: 'seconds' },
    since: { of: 'wait#since' },
  },
  outputs: { happened: { type: 'array' }, timedOut: { type: 'boolean' }, cursor: { type: 'string' } },
  annotations: { readOnly: true },
  async run(caller, input, signal) {
    const timeout = Math.min(Number(input.timeout ?? 50), LONGEST_WAIT_S)
    const result = (await caller.call('wait', { ...input, timeout }, { signal })) as Row
    return { data: result }
  },
}

export const inbox: Tool = {
  name: 'inbox',
  description: 'Messages for you that you have not read; read: true marks those shown as read.',
  operations: ['inbox'],
  inputs: {
    read: { of: 'inbox#read' },
    ids: { of: 'inbox#ids', help: 'only these' },
    capabilities: { of: 'inbox#capabilities' },
    all: { of: 'inbox#all', help: 'read ones too' },
  },
  outputs: { items: { type: 'array' }, more: { type: 'integer' } },
  annotations: { idempotent: true },
  async run(caller, { read = false, ...input }, signal) {
    const found = (await caller.call('inbox', input, { signal })) as {
      readonly items: readonly { readonly message: Row; readonly read: boolean }[]
    }
    const rows = found.items.map((one) => ({ ...rowOf(one.message, undefined), ...(one.read && { read: true }) }))
    const fit = howManyFit(rows, budgetOf({}))
    // Only what is shown counts as read.
    const ids = rows.slice(0, fit).map((row) => String((row as Row).id))
    if (read === true && ids.length > 0) await caller.call('inbox', { ...input, ids, read: true }, { signal })
    return { data: { items: rows.slice(0, fit), ...(fit < rows.length && { more: rows.length - fit }) } }
  },
}
