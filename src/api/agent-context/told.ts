import type { Changed } from '../../store/change-feed.ts'
import type { Vector } from '../../store/row.ts'
import type { OperationContext } from '../operation.ts'
import type { Entry, Section } from './budget.ts'
import { asOne, type ChangeLine, changeLines, changeText, raised, rowsOf, withoutValues } from './changes.ts'
import { currentTitle } from './gather.ts'

/** Changes looked at in one answer; they are put together by record, and a cursor goes on with the rest. */
const MAX_CHANGES = 1000
/** What changes may take of the room: what is addressed to the reader and what it holds need some, too. */
const CHANGES_PART = 0.6

const sessionKind = 'session'
const TITLE = 'Changed since you looked:'

/** What is told of the changes since a cursor. */
export interface Told {
  readonly section: Section
  readonly lines: readonly ChangeLine[]
  /** How far the reader has got with it: just past what is told. */
  readonly upto: Vector
  readonly more: boolean
}

/**
 * The longest beginning of what others changed whose lines fit, so that a cursor goes on exactly after it. A single step
 * that is too long is told in shorter words, so that every answer gets further; one that fits in no words is left.
 *
 * @param room tokens that head, foot and the words about what is cut leave
 */
export function toldSince(
  context: OperationContext,
  since: Vector,
  room: number,
  count: (text: string) => number,
): Told {
  const { project, session, actor } = context
  const own = session === undefined ? { notActor: actor.name } : { notSession: session }
  const page = project.changedSince(since, { ...own, limit: MAX_CHANGES })
  // That the reader's session began is no news to it.
  const isNews = ({ kind, id, what }: Changed): boolean =>
    !(kind === sessionKind && id === session && what === 'created')
  const rows = rowsOf(page.items.filter(isNews))
  const titles = new Map<string, string | undefined>()
  const titleOf = ({ kind, id }: ChangeLine): string | undefined => {
    if (!titles.has(id)) titles.set(id, currentTitle(context, kind, id))
    return titles.get(id)
  }
  const costs = new Map<string, number>()
  const costOfText = (text: string): number => {
    const cost = costs.get(text) ?? count(`${text}\n`)
    costs.set(text, cost)
    return cost
  }
  const entryOf = (line: ChangeLine): Entry => ({
    text: `- ${changeText(line, titleOf(line))}`,
    item: { ...line, title: titleOf(line) ?? '' },
    // A line that stands for many is about none of them alone.
    ...(line.more === undefined && { about: line.id }),
  })
  const briefEntryOf = (line: ChangeLine): Entry => ({ ...entryOf(line), text: `- ${changeText(line, undefined)}` })
  const costOf = (entries: readonly Entry[]): number =>
    entries.reduce((sum, { text }) => sum + costOfText(text), costOfText(TITLE))
  const tell = (
    told: readonly (readonly Changed[])[],
    lines: readonly ChangeLine[],
    entries: readonly Entry[],
  ): Told => {
    const isAll = told.length === rows.length
    return {
      lines,
      upto: isAll ? page.upto : raised(since, told),
      more: page.more || !isAll,
      section: { name: 'changes', title: TITLE, ask: 'again with the new cursor', isWhole: true, entries },
    }
  }
  const tellRows = (length: number): Told => {
    const lines = changeLines(rows.slice(0, length))
    return tell(rows.slice(0, length), lines, lines.map(entryOf))
  }

  const fits = (length: number): boolean =>
    costOf(changeLines(rows.slice(0, length)).map(entryOf)) <= room * CHANGES_PART
  if (rows.length === 0 || fits(rows.length)) return tellRows(rows.length)
  let [low, high] = [0, rows.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  if (low > 0) return tellRows(low)
  const first = rows[0] as readonly Changed[]
  const lines = changeLines([first])
  const shorter = [lines.map(entryOf), lines.map(withoutValues).map(briefEntryOf), asOne(first).map(briefEntryOf)]
  const entries = shorter.find((one) => costOf(one) <= room)
  return entries ? tell([first], lines, entries) : tell([], [], [])
}
