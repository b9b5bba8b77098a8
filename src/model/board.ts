import { headingOf } from './heading.ts'
import { diffText } from './text-diff.ts'

/** One line of a board: a task, or a new one. */
export interface BoardLine {
  readonly title: string
  /** Undefined while it has none. */
  readonly id: string | undefined
  /** The id was given to it, and is not in the file yet. */
  readonly isUnseen: boolean
  readonly isTicked: boolean
  /** Of the heading it stands under; undefined where that names none. */
  readonly status: string | undefined
  /** In the file, from 1. */
  readonly line: number
}

export interface BoardProblem {
  readonly reason: string
  readonly line: number
  readonly column: number
}

export interface ParsedBoard {
  readonly lines: readonly BoardLine[]
  /** Lines that are no tasks, other than headings of statuses and blank ones. */
  readonly others: readonly { readonly text: string; readonly line: number }[]
}

/** What may stand under which heading. */
export interface BoardStatuses {
  readonly choices: readonly string[]
  readonly synonyms: Readonly<Record<string, string>>
  /** Those of a task that is over: its box is ticked. */
  readonly closed: readonly string[]
  /** Of a new task. */
  readonly first: string
  /** Of a task whose box is ticked. */
  readonly done: string
}

export interface BoardList {
  readonly status: string
  readonly tasks: readonly { readonly id: string; readonly title: string }[]
  /** How many are not shown. */
  readonly more: number
}

const BOX = /^\s*[-*+]\s+\[([ xX])\](?=\s|$)/
const ID = /\((\+?)(t-[0-9a-z]{8})\)$/
const MARKERS = /^(?:<{7}(?: |$)|={7}$|>{7}(?: |$))/

const INTRO = [
  '# Board',
  '',
  'Tick a box to complete a task, move a line to another heading to change its status, edit a title, or add a line',
  '`- [ ] Title`. What you save is merged, also while others write. A line that you take out comes back: to be rid of a',
  'task, move it under Cancelled. LOCAL.md says what could not be read here.',
]

/** Renders a board: a heading for each status, a checklist below it. */
export function renderBoard(lists: readonly BoardList[], statuses: BoardStatuses): string {
  const sections = lists.map(({ status, tasks, more }) => {
    const box = statuses.closed.includes(status) ? '[x]' : '[ ]'
    const lines = tasks.map(({ id, title }) => `- ${box} ${boardTitle(title)} (${id})`)
    return [
      `## ${titleOf(status)}`,
      ...(lines.length > 0 ? [lines.join('\n')] : []),
      ...(more > 0 ? [`_${more} more: \`orch task list --status ${status}\`._`] : []),
    ].join('\n\n')
  })
  return `${[INTRO.join('\n'), ...sections].join('\n\n')}\n`
}

/** Reads a board. What cannot be told is among `others`. */
export function parseBoard(text: string, statuses: BoardStatuses): ParsedBoard {
  const lines: BoardLine[] = []
  const others: { text: string; line: number }[] = []
  let status: string | undefined
  for (const [i, row] of text.split('\n').entries()) {
    const line = i + 1
    const heading = headingOf(row)
    const isList = heading?.level === 2
    if (isList) status = statusNamed(heading.text, statuses)
    const task = taskOf(row)
    if (task) lines.push({ ...task, status, line })
    else if (row.trim() !== '' && !(isList && status !== undefined)) {
      others.push({ text: row.trim(), line })
    }
  }
  return { lines, others }
}

/** `- [x] Title (t-7f3k9q2m)`; piece by piece, so that no line takes long. */
function taskOf(row: string): Pick<BoardLine, 'title' | 'id' | 'isUnseen' | 'isTicked'> | undefined {
  const [whole, box] = BOX.exec(row) ?? []
  if (whole === undefined) return undefined
  const rest = row.slice(whole.length).trimEnd()
  const [shown = '', plus, id] = ID.exec(rest) ?? []
  const before = rest.slice(0, rest.length - shown.length)
  // An id stands apart from the title.
  const isApart = id !== undefined && /\s$/.test(before)
  const title = (isApart ? before : rest).trim()
  if (title === '' && !isApart) return undefined
  return { title, id: isApart ? id : undefined, isUnseen: isApart && plus === '+', isTicked: box !== ' ' }
}

/** Why a board cannot be read at all; undefined when it can. */
export function boardMarkers(text: string): BoardProblem | undefined {
  const line = text.split('\n').findIndex((row) => MARKERS.test(row))
  return line < 0 ? undefined : { reason: 'holds merge markers (<<<<<<< ======= >>>>>>>)', line: line + 1, column: 1 }
}

/** The text with the ids of lines that have none in it, marked as not in the file. */
export function withUnseenIds(text: string, ids: ReadonlyMap<number, string>): string {
  return text
    .split('\n')
    .map((row, i) => {
      const id = ids.get(i + 1)
      return id === undefined ? row : `${row.trimEnd()} (+${id})`
    })
    .join('\n')
}

/** As it stands in the file. */
export function withoutUnseenIds(text: string): string {
  return text.replace(/ \(\+t-[0-9a-z]{8}\)$/gm, '')
}

/** A title as a board shows it: on one line. */
export function boardTitle(title: string): string {
  return title.replace(/\s+/g, ' ').trim()
}

/** `in_progress` -> `In progress` */
function titleOf(status: string): string {
  const words = status.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function statusNamed(heading: string, { choices, synonyms }: BoardStatuses): string | undefined {
  const word = heading.toLowerCase().trim()
  const name = word.replace(/[\s-]+/g, '_')
  return choices.find((choice) => choice.toLowerCase() === name) ?? synonyms[word] ?? synonyms[name]
}

/** What a person did to a board. */
export interface BoardEdits {
  readonly changed: readonly {
    readonly id: string
    readonly from: BoardLine
    readonly to: BoardLine
    /** The status it is to have; undefined where that was not changed. */
    readonly status: string | undefined
  }[]
  readonly created: readonly { readonly title: string; readonly status: string; readonly line: number }[]
  /** Ids of lines that were written by hand or given before, and have an id that is not in the file. */
  readonly unseen: ReadonlyMap<number, string>
  /** Tasks whose line is gone. */
  readonly missing: readonly string[]
  /** Lines about tasks that were not on the board. */
  readonly foreign: readonly BoardLine[]
  readonly problems: readonly BoardProblem[]
}

/**
 * Finds what a person changed from `base` to `disk`. `known` are the lines orch itself writes beside tasks; `given` lines
 * that were given an id lately, which whoever saved this may not know yet.
 */
export function boardEdits(
  base: ParsedBoard,
  disk: ParsedBoard,
  statuses: BoardStatuses,
  { known, given = [] }: { readonly known: ReadonlySet<string>; readonly given?: readonly BoardLine[] },
): BoardEdits {
  const onDisk = new Set(disk.lines.map(({ id }) => id))
  const unseenHere = base.lines.filter(({ isUnseen }) => isUnseen)
  const waiting = firstOfEach([...unseenHere, ...given]).filter(({ id }) => !onDisk.has(id))
  const fresh = disk.lines.filter(({ id }) => id === undefined)
  const pairs = pairUp(waiting, unseenHere, fresh)
  const named = new Map<string, BoardLine[]>()
  for (const one of disk.lines) {
    const id = one.id ?? pairs.get(one)?.id
    if (id !== undefined) named.set(id, [...(named.get(id) ?? []), one])
  }
  const twice = [...named].flatMap(([id, [, again]]) => (again ? [{ id, line: again.line }] : []))
  const before = firstOfEach([...base.lines, ...pairs.values()].filter(({ id }) => id !== undefined))
  const changed: BoardEdits['changed'][number][] = []
  const missing: string[] = []
  for (const from of before) {
    const id = from.id ?? ''
    const [to, again] = named.get(id) ?? []
    if (again) continue
    if (!to) {
      missing.push(id)
      continue
    }
    const status = statusOf(from, to, statuses)
    if (status !== undefined || to.title !== from.title) changed.push({ id, from, to, status })
  }
  const ids = new Set(before.map(({ id }) => id))
  return {
    changed,
    created: fresh
      .filter((one) => !pairs.has(one))
      .map(({ title, isTicked, status, line }) => ({ title, line, status: statusOfNew(isTicked, status, statuses) })),
    unseen: new Map([...pairs].map(([{ line }, { id = '' }]) => [line, id])),
    missing,
    foreign: [...named].flatMap(([id, [first]]) => (first && !ids.has(id) ? [first] : [])),
    problems: [
      ...disk.others
        .filter(({ text }) => !known.has(text))
        .map(({ text, line }) => ({ reason: reasonFor(text), line, column: 1 })),
      ...twice.map(({ id, line }) => ({ reason: `names ${id} a second time`, line, column: 1 })),
    ].sort((a, b) => a.line - b.line),
  }
}

/** How much a person changed from one board to another, wherever its lines stand: 0 when nothing. */
export function boardDistance(base: ParsedBoard, disk: ParsedBoard, statuses: BoardStatuses): number {
  const { changed, created, missing, foreign } = boardEdits(base, disk, statuses, { known: new Set() })
  const titles = changed.map(({ from, to }) =>
    diffText(from.title, to.title).reduce((sum, edit) => sum + edit.delete + edit.insert.length, 0),
  )
  const moved = changed.filter(({ status }) => status !== undefined).length
  const added = [...created, ...foreign].reduce((sum, { title }) => sum + title.length, 0)
  return titles.reduce((sum, one) => sum + one, 0) + added + LINE_COST * (moved + missing.length + created.length)
}

/** What a line that came, went or moved counts, beside the characters of a title. */
const LINE_COST = 4

function firstOfEach(lines: readonly BoardLine[]): readonly BoardLine[] {
  const found = new Map<string | undefined, BoardLine>()
  for (const one of lines) if (!found.has(one.id)) found.set(one.id, one)
  return [...found.values()]
}

function reasonFor(text: string): string {
  const heading = headingOf(text)
  if (heading?.level === 2) return `there is no status "${heading.text}"`
  return /^[-*+]\s+\[.\]$/.test(text)
    ? 'a task without a title'
    : 'is no line of the board: tasks are lines like `- [ ] Title`'
}

/** The same status twice is no change; a box that is ticked or not decides over the heading. */
function statusOf(from: BoardLine, to: BoardLine, { closed, done, first }: BoardStatuses): string | undefined {
  const isClosed = (status: string | undefined): boolean => status !== undefined && closed.includes(status)
  const isMoved = to.status !== undefined && to.status !== from.status
  if (to.isTicked && !from.isTicked) return isClosed(to.status) ? to.status : done
  if (isMoved) return to.status
  if (!from.isTicked || to.isTicked) return undefined
  return isClosed(to.status) ? first : (to.status ?? first)
}

function statusOfNew(isTicked: boolean, status: string | undefined, { closed, done, first }: BoardStatuses): string {
  if (isTicked) return status !== undefined && closed.includes(status) ? status : done
  return status ?? first
}

/**
 * Finds which lines without an id are those that were given one: equal titles in their order first, then titles that one
 * of both holds wholly, then, of what the base has, what stands in the same place.
 */
function pairUp(
  waiting: readonly BoardLine[],
  here: readonly BoardLine[],
  fresh: readonly BoardLine[],
): ReadonlyMap<BoardLine, BoardLine> {
  const pairs = new Map<BoardLine, BoardLine>()
  const taken = new Set<BoardLine>()
  const pairBy = (isSame: (line: BoardLine, one: BoardLine) => boolean): void => {
    for (const one of fresh) {
      const same = pairs.has(one) ? undefined : waiting.find((line) => !taken.has(line) && isSame(line, one))
      if (!same) continue
      pairs.set(one, same)
      taken.add(same)
    }
  }
  pairBy((line, one) => line.title === one.title)
  pairBy((line, one) => isGrown(line.title, one.title))
  for (const [i, one] of fresh.entries()) {
    if (pairs.has(one)) continue
    const before = fresh.slice(0, i).findLast((line) => pairs.has(line))
    const next = here[before ? here.indexOf(pairs.get(before) as BoardLine) + 1 : 0]
    if (!next || taken.has(next) || !waiting.includes(next) || next.status !== one.status) continue
    pairs.set(one, next)
    taken.add(next)
  }
  return pairs
}

/** Whether one of two titles is the other one with more in it. */
function isGrown(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  const words = new Set(long.split(/\s+/))
  return long.startsWith(short) || short.split(/\s+/).every((word) => words.has(word))
}
