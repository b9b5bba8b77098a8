import { tokensAtMost } from './tokens.ts'
import type { Arguments } from './tool.ts'
import { visibleJson } from './visible.ts'

/** How many tokens an answer has when nobody says otherwise. */
export const DEFAULT_BUDGET = 1500
const MAX_BUDGET = 20_000
/** What the envelope of an answer may take: cursors, counts, hints. */
const ENVELOPE = 60

export type Row = Readonly<Record<string, unknown>>

/** How many tokens an answer may have. */
export function budgetOf({ budget }: Arguments): number {
  return typeof budget === 'number' && budget > 0 ? Math.min(Math.max(budget, 200), MAX_BUDGET) : DEFAULT_BUDGET
}

/** What agents seldom need of a record in a list. */
const SELDOM = new Set([
  'kind',
  'hash',
  'file',
  'createdAt',
  'createdBy',
  'updatedAt',
  'updatedBy',
  'extra',
  'closedAt',
])

/** A record without what is empty, or with only the fields that are asked for. */
export function rowOf(record: Row, fields: readonly string[] | undefined): Row {
  const kept = Object.entries(record).filter(([name, value]) =>
    fields ? name === 'id' || fields.includes(name) : !SELDOM.has(name) && !isEmpty(value),
  )
  return visibleJson(Object.fromEntries(kept)) as Row
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || value === 0 || (Array.isArray(value) && value.length === 0)
}

/** How many of these rows fit; one at least. */
export function howManyFit(rows: readonly Row[], budget: number): number {
  let left = budget - ENVELOPE
  const cut = rows.findIndex((row) => {
    left -= tokensAtMost(JSON.stringify(row)) + 1
    return left < 0
  })
  return cut < 0 ? rows.length : Math.max(1, cut)
}

/** A text's part from an offset that fits, ending where a line or a word does, and where to go on. */
export function partOf(
  text: string,
  offset: number,
  budget: number,
  cost: (part: string) => number = tokensAtMost,
): { readonly part: string; readonly next?: number } {
  const rest = text.slice(offset)
  if (cost(rest) <= budget) return { part: rest }
  let [low, high] = [0, rest.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (cost(rest.slice(0, middle)) <= budget) low = middle
    else high = middle
  }
  const line = rest.lastIndexOf('\n', low)
  const word = rest.lastIndexOf(' ', low)
  let at = line > low / 2 ? line + 1 : word > low / 2 ? word + 1 : Math.max(1, low)
  // Not between the halves of a letter.
  if (/[\ud800-\udbff]/.test(rest[at - 1] ?? '')) at += 1
  return { part: rest.slice(0, at), next: offset + at }
}
