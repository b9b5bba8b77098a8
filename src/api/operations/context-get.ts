import { z } from 'zod'
import type { RecordId } from '../../model/id.ts'
import { session as sessionKind } from '../../model/kinds/session.ts'
import { QUOTED_NOTE, quoteInline } from '../../model/quoted.ts'
import { decodeCursor, encodeCursor } from '../../store/cursor.ts'
import type { Vector } from '../../store/row.ts'
import { fill, type Section } from '../agent-context/budget.ts'
import { type ChangeLine, changeLines, changeText, raised, rowsOf } from '../agent-context/changes.ts'
import {
  blockedSection,
  claimsSection,
  currentTitle,
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
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation } from './define.ts'

const DEFAULT_BUDGET = 1500
const MIN_BUDGET = 200
const MAX_BUDGET = 50_000
/** Changes looked at in one answer; they are put together by record, and a cursor goes on with the rest. */
const MAX_CHANGES = 1000
/** What changes may take of a budget: what is addressed to the reader and what it holds need room, too. */
const CHANGES_PART = 0.6

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
      .array(z.object({ section: z.string(), left: z.number(), ask: z.string() }))
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
    const head = headOf(context)
    const from = since === undefined ? undefined : decodeCursor(since)
    // One moment for all of it: what is committed from here on is told the next time.
    const now = context.project.have()
    const room = Math.floor((budget - count(head)) * CHANGES_PART)
    const delta = from && changesSince(context, from, room, count)
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
        ? [delta.section(isTold), readySection(reader, changed), blockedSection(reader, changed)]
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
    const foot = `cursor: ${cursor}${delta?.more ? ' (there is more: ask again with it)' : ''}`
    const { text, tokens, shown, cut } = fill(sections, head, foot, budget, count)
    return { text, tokens, cursor, more: delta?.more ?? false, ...Object.fromEntries(shown), cut }
  },
})

function headOf({ project, actor, session }: OperationContext): string {
  const goal = session === undefined ? '' : String(project.read(sessionKind, session as RecordId)?.values.goal ?? '')
  const within = session === undefined ? '' : ` in ${session}${goal && ` ${quoteInline(goal, 100)}`}`
  return `${quoteInline(project.name, 60)}: you are ${actor.name}${within}. ${QUOTED_NOTE}`
}

/** The longest beginning of what changed whose lines fit: a cursor goes on exactly after it. */
function changesSince(context: OperationContext, since: Vector, room: number, count: (text: string) => number) {
  const { project, session, actor } = context
  const own = session === undefined ? { notActor: actor.name } : { notSession: session }
  const page = project.changedSince(since, { ...own, limit: MAX_CHANGES })
  const rows = rowsOf(page.items)
  const titles = new Map<string, string | undefined>()
  const titleOf = ({ kind, id }: ChangeLine): string | undefined => {
    if (!titles.has(id)) titles.set(id, currentTitle(context, kind, id))
    return titles.get(id)
  }
  const costs = new Map<string, number>()
  const costOfLine = (line: ChangeLine): number => {
    const text = `- ${changeText(line, titleOf(line))}\n`
    const cost = costs.get(text) ?? count(text)
    costs.set(text, cost)
    return cost
  }
  const costOf = (length: number): number =>
    changeLines(rows.slice(0, length)).reduce((sum, line) => sum + costOfLine(line), 0)
  let fitting = rows.length
  if (costOf(fitting) > room) {
    let [low, high] = [1, rows.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (costOf(middle) <= room) low = middle
      else high = middle - 1
    }
    fitting = Math.min(low, rows.length)
  }
  const isAll = fitting === rows.length
  const lines = changeLines(rows.slice(0, fitting))
  return {
    lines,
    more: page.more || !isAll,
    upto: isAll ? page.upto : raised(since, rows.slice(0, fitting)),
    section: (told: ReadonlySet<string>): Section => ({
      name: 'changes',
      title: 'Changed since you looked:',
      ask: 'again with the new cursor',
      isWhole: true,
      entries: lines
        .filter(({ id }) => !told.has(id))
        .map((line) => ({
          text: `- ${changeText(line, titleOf(line))}`,
          item: { ...line, title: titleOf(line) ?? '' },
        })),
    }),
  }
}
