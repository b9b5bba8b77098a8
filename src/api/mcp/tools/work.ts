import { type Row, rowOf } from '../answer.ts'
import type { McpCaller } from '../caller.ts'
import type { Tool } from '../tool.ts'
import { callFenced } from './fenced.ts'
import { readOne, receipt } from './records.ts'

export const claim: Tool = {
  name: 'claim',
  description:
    'Take a task before you work on it, so that nobody else does: this one, or the best ready one that fits.',
  operations: ['claim'],
  inputs: {
    id: { of: 'claim#id' },
    capabilities: { of: 'claim#capabilities', help: 'what you can do, as labels' },
    labels: { of: 'claim#labels' },
  },
  outputs: { task: { type: 'object' }, until: { type: 'string' } },
  annotations: { idempotent: true },
  async run(caller, input, signal) {
    const {
      claim: held,
      task,
      reservations,
    } = (await caller.call('claim', input, { signal })) as Readonly<
      Record<'claim' | 'task', Row> & { reservations: readonly Row[] }
    >
    const id = String(held.task)
    caller.session.fences.set(id, Number(held.fence))
    const { text } = await readOne(caller, id, { budget: CLAIM_BUDGET }, signal)
    return {
      data: {
        task: rowOf(task, undefined),
        ...(held.until !== undefined && { until: held.until }),
        ...(held.provisional === true && { provisional: true }),
        ...(reservations.length > 0 && { reservations }),
      },
      text: [
        `Claimed ${id}${held.provisional === true ? ', provisionally: the replica that grants claims cannot be reached' : ''}.`,
        text,
        ...reservations.map((one) => `Reserved by others: ${JSON.stringify(one)}`),
      ].join('\n'),
    }
  },
}

/** A claim shows its task, so that nobody must ask for it next. */
const CLAIM_BUDGET = 1000

export const release: Tool = {
  name: 'release',
  description: 'Give a claimed task back, or hand it over to somebody.',
  operations: ['claim.release', 'claim.handover'],
  inputs: {
    id: { of: 'claim.release#id', required: true },
    to: { of: 'claim.handover#to', help: 'hand over to' },
    note: { of: 'claim.handover#note', help: 'why, or where it stands' },
  },
  outputs: { id: { type: 'string' } },
  annotations: {},
  async run(caller, { id, to, note }, signal) {
    const said = note === undefined ? {} : to === undefined ? { reason: note } : { note }
    const result = await callFenced(
      caller,
      to === undefined ? 'claim.release' : 'claim.handover',
      id,
      { id, ...(to !== undefined && { to }), ...said },
      signal,
    )
    const { task } = result.claim as { readonly task: string }
    caller.session.fences.delete(task)
    return { data: { id: task, ...(to !== undefined && { to }) } }
  },
}

export const publish: Tool = {
  name: 'publish',
  description: 'Tell others what they should know: decision, finding, handoff, question, answer ...',
  operations: ['context.publish'],
  inputs: {
    type: { of: 'context.publish#type', required: true },
    title: { of: 'context.publish#title', required: true },
    body: { of: 'context.publish#body' },
    audience: { of: 'context.publish#audience', help: 'actors or capabilities; all when absent' },
    task: { of: 'context.publish#task', help: 'that it is about' },
    supersedes: { of: 'context.publish#supersedes' },
    expiresAt: { of: 'context.publish#expiresAt' },
  },
  outputs: { id: { type: 'string' } },
  annotations: {},
  run: async (caller, input, signal) => receipt(await callFenced(caller, 'context.publish', input.task, input, signal)),
}

export const log: Tool = {
  name: 'log',
  description: 'Add to the work log what you did.',
  operations: ['log.append'],
  inputs: {
    action: { of: 'log.append#action', required: true },
    task: { of: 'log.append#task' },
    details: { schema: { type: 'object' } },
  },
  outputs: { id: { type: 'string' } },
  annotations: {},
  async run(caller, input, signal) {
    const { id } = await callFenced(caller, 'log.append', input.task, input, signal)
    return { data: { id } }
  },
}

export const session: Tool = {
  name: 'session',
  description: 'Your session: show it, set its goal, or end it with a summary for who comes next.',
  operations: ['session.show', 'session.update', 'session.end'],
  inputs: {
    do: { schema: { type: 'string', enum: ['show', 'goal', 'end'] }, required: true },
    text: { schema: { type: 'string' }, help: 'the goal, or the summary' },
    artifacts: { of: 'session.end#artifacts' },
  },
  outputs: { id: { type: 'string' } },
  annotations: {},
  async run(caller, { do: what, text, artifacts }, signal) {
    if (what === 'end') {
      const input = { ...(text !== undefined && { summary: text }), ...(artifacts !== undefined && { artifacts }) }
      const { session: ended } = (await caller.call('session.end', input, { signal })) as { readonly session: Row }
      return receipt(ended)
    }
    const id = caller.session.id() ?? (await startSession(caller, signal))
    if (what === 'goal') return receipt(await caller.call('session.update', { id, goal: text }, { signal }))
    return { data: rowOf((await caller.call('session.show', { id }, { signal })) as Row, undefined) }
  },
}

async function startSession(caller: McpCaller, signal: AbortSignal | undefined): Promise<string | undefined> {
  // Any call starts it.
  await caller.call('state.get', {}, { signal })
  return caller.session.id()
}
