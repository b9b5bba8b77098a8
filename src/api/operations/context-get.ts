import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { RecordId } from '../../model/id.ts'
import { session as sessionKind } from '../../model/kinds/session.ts'
import { nameText, QUOTED_NOTE, quoteInline } from '../../model/quoted.ts'
import { decodeCursor, encodeCursor, furthest } from '../../store/cursor.ts'
import type { Vector } from '../../store/row.ts'
import { CUT_TOKENS, fill, type Section } from '../agent-context/budget.ts'
import {
  blockedSection,
  claimsSection,
  focusSection,
  knownSection,
  messageEntry,
  othersSection,
  type Reader,
  readySection,
  sessionSection,
  stateSection,
  unreadMessages,
} from '../agent-context/gather.ts'
import { toldSince } from '../agent-context/told.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation } from './define.ts'

const DEFAULT_BUDGET = 1500
const MIN_BUDGET = 200
const MAX_BUDGET = 50_000
/** Below this, nothing could be told between head and foot. */
const MIN_ROOM = 60

interface GetInput {
  readonly capabilities: readonly string[]
  readonly focus?: string | undefined
  readonly budget: number
  readonly since?: string | undefined
}

const list = (help: string) => z.array(z.json()).optional().describe(help)

/** What an agent needs to begin, or to go on. */
export const contextGetOperation: Operation = defineOperation<GetInput, unknown>({
  name: 'context.get',
  effect: 'read',
  role: 'reader',
  help: 'Tells an agent what it needs to begin or to go on, within a budget of tokens: what is addressed to it, what it holds, what changed since its cursor and by whom, ready work that fits it, and where the project stands. With a cursor it costs what changed.',
  input: z.strictObject({
    capabilities: z
      .array(z.string())
      .default([])
      .describe('what you can do: a label of tasks, or an audience of messages'),
    focus: z.string().optional().describe('a record to look at closely, or words to look for'),
    budget: z
      .number()
      .int()
      .min(MIN_BUDGET)
      .max(MAX_BUDGET)
      .default(DEFAULT_BUDGET)
      .describe('how many tokens the text may have'),
    since: z.string().optional().describe('the cursor of the answer before: only what changed since then'),
  }),
  output: z.object({
    text: z.string().describe('all of it, to be read'),
    tokens: z.number().describe('how many tokens the text has'),
    cursor: z.string().describe('give it as since the next time'),
    more: z.boolean().describe('whether there are more changes than fit: ask again with the cursor'),
    inbox: list('unread messages for you'),
    claims: list('what you hold'),
    session: list('what your session did'),
    focus: list('what you asked to look at'),
    changes: list('what others changed since the cursor, by record'),
    ready: list('what can be begun; with a cursor, what has become so'),
    blocked: list('what cannot; with a cursor, what has become so'),
    state: list('the state of the project'),
    known: list('decisions and findings'),
    others: list('who else works on what'),
    cut: z
      .array(z.object({ section: z.string(), left: z.number(), atLeast: z.boolean().optional(), ask: z.string() }))
      .describe('what did not fit, and how to ask for it'),
  }) as unknown as z.ZodType<unknown>,
  cli: {
    command: 'context get',
    positionals: [],
    flags: { capabilities: 'capability' },
    view: { type: 'text', field: 'text' },
    examples: ['orch context get --capability rust --budget 1000', 'orch context get --focus t-7f3k'],
  },
  async run(context, { capabilities, focus, budget, since }) {
    const count = await context.parts.agents.countTokens()
    const reader: Reader = { context, capabilities }
    const from = since === undefined ? undefined : decodeCursor(since)
    // One moment for all of it: what is committed from here on is told the next time.
    const now = context.project.have()
    const { head, room } = frameOf(context, furthest(from ?? {}, now), budget, count)
    const delta = from && toldSince(context, from, room, count)
    const changed = new Set(delta?.lines.map(({ id }) => id))
    const unread = unreadMessages(reader)
    const told = delta ? unread.filter(({ id }) => changed.has(id)) : unread
    const inbox: Section = {
      name: 'inbox',
      title: 'For you:',
      ask: 'orch inbox',
      entries: told.map((record) => messageEntry(reader, record)),
      unseen: unread.length - told.length,
    }
    const isTold = new Set<string>(told.map(({ id }) => id))
    const sections: readonly Section[] = [
      inbox,
      claimsSection(reader),
      ...(focus === undefined ? [] : [focusSection(reader, focus)]),
      ...(delta
        ? [delta.section, readySection(reader, changed), blockedSection(reader, changed)]
        : [
            ...(context.session === undefined ? [] : [sessionSection(reader, context.session)]),
            readySection(reader),
            blockedSection(reader),
            stateSection(reader),
            knownSection(reader, isTold),
            othersSection(reader),
          ]),
    ]
    const cursor = encodeCursor(delta?.upto ?? now)
    const foot = footOf(cursor, delta?.more ?? false)
    const { text, tokens, shown, cut } = fill(sections, head, foot, budget, count)
    return { text, tokens, cursor, more: delta?.more ?? false, ...Object.fromEntries(shown), cut }
  },
})

/** What is always there, and the room that it leaves. Throws `invalid_input` when that is none. */
function frameOf(context: OperationContext, upto: Vector, budget: number, count: (text: string) => number) {
  const foot = count(`${footOf(encodeCursor(upto), true)}\n`)
  const leaves = (text: string): number => budget - count(`${text}\n`) - foot - CUT_TOKENS
  const whole = headOf(context, true)
  const head = leaves(whole) >= MIN_ROOM ? whole : headOf(context, false)
  const room = leaves(head)
  if (room >= MIN_ROOM) return { head, room }
  throw new OrchError('invalid_input', {
    field: 'budget',
    reason: `head and cursor alone need much of it here: at least ${budget + MIN_ROOM - room}`,
  })
}

function footOf(cursor: string, more: boolean): string {
  return `cursor: ${cursor}${more ? ' (there is more: ask again with it)' : ''}`
}

function headOf({ project, actor, session }: OperationContext, isWhole: boolean): string {
  const goal = session === undefined ? '' : String(project.read(sessionKind, session as RecordId)?.values.goal ?? '')
  const within = session === undefined ? '' : ` in ${session}${goal && isWhole ? ` ${quoteInline(goal, 100)}` : ''}`
  return `${quoteInline(project.name, isWhole ? 60 : 20)}: you are ${nameText(actor.name)}${within}. ${QUOTED_NOTE}`
}
