import type { RecordKind } from '../kind.ts'
import { parseValue } from '../validate.ts'
import { fieldOf } from './imported.ts'

/** What statuses of other tools mean here, beside the words that the field itself knows. */
const STATUS_WORDS: Readonly<Record<string, string | undefined>> = {
  __proto__: null as never,
  to_do: 'todo',
  open: 'todo',
  new: 'todo',
  draft: 'todo',
  ready: 'todo',
  planned: 'todo',
  backlog: 'todo',
  doing: 'in_progress',
  started: 'in_progress',
  active: 'in_progress',
  wip: 'in_progress',
  on_hold: 'blocked',
  waiting: 'blocked',
  in_review: 'review',
  testing: 'review',
  qa: 'review',
  complete: 'completed',
  closed: 'completed',
  resolved: 'completed',
  finished: 'completed',
  canceled: 'cancelled',
  rejected: 'cancelled',
  "won't_do": 'cancelled',
  wontfix: 'cancelled',
  not_planned: 'cancelled',
  duplicate: 'cancelled',
  abandoned: 'cancelled',
  dropped: 'cancelled',
  archived: 'cancelled',
  pending: 'todo',
  deferred: 'todo',
  later: 'todo',
  paused: 'blocked',
}

/**
 * A status of the project's own tasks by a word of another tool, in any case and spelling of blanks: one that is called so
 * here, else what the word mostly means. Undefined when nobody knows it.
 */
export function statusWord(own: RecordKind, text: string): string | undefined {
  const word = spelt(text)
  for (const one of [text.trim(), word, word.replaceAll('_', '-'), STATUS_WORDS[word]]) {
    const parsed = one === undefined || one === '' ? undefined : parseValue(fieldOf(own, 'status'), one)
    if (parsed?.ok && typeof parsed.value === 'string') return parsed.value
  }
  return undefined
}

const PRIORITY_WORDS: ReadonlyMap<string, string> = new Map([
  ...['p0', 'urgent', 'blocker', 'highest', 'critical', 'must'].map((word) => [word, 'critical'] as const),
  ...['p1', 'important', 'major', 'high', 'should'].map((word) => [word, 'high'] as const),
  ...['p2', 'normal', 'default', 'medium', 'mid', 'moderate', 'could'].map((word) => [word, 'medium'] as const),
  ...['p3', 'p4', 'minor', 'trivial', 'lowest', 'low', 'nice_to_have', 'wont'].map((word) => [word, 'low'] as const),
])

/** A priority here by a word of another tool: `P1`, `priority: high`; undefined when nobody knows it. */
export function priorityWord(text: string): string | undefined {
  return PRIORITY_WORDS.get(spelt(text.replace(/^prio(?:rity)?\s*[:/=-]\s*/i, '')))
}

function spelt(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
}
