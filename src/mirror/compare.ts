import { withoutOuterNewlines } from '../base/trim.ts'
import { diffText } from '../model/text-diff.ts'
import type { TextEdit } from '../model/text-edit.ts'
import type { DiffBudget } from '../model/token-diff.ts'

/** How many pairs of words may be compared to choose. What exceeds it counts as changed. */
export const CELLS_TO_CHOOSE = 8_000_000

/** Larger texts than that, in UTF-16 code units, both together, are not compared by their words alone. */
const LARGE = 40_000

/** Of longer ones in the place of others, in UTF-16 code units, it is not asked which words they have in common. */
const MAX_IN_PLACE = 500

const SPACE = 32

/**
 * How far a text is from another: by the signs changed in its prose, and by the fields of its front matter. How long a value
 * there is says nothing of how likely it is that somebody changed it.
 */
export interface Distance {
  readonly prose: number
  readonly front: number
}

/** Where the prose of a file begins: below the front matter, in which two people soon write the same. JSON has none. */
export function proseAt(text: string): number {
  if (isJson(text)) return text.length
  return text.startsWith('---\n') ? Math.max(0, text.indexOf('\n---\n', 3)) : 0
}

function isJson(text: string): boolean {
  return text.startsWith('{')
}

export function frontOf(text: string): string {
  return text.slice(0, proseAt(text))
}

export function belowFront(text: string): string {
  return text.slice(proseAt(text))
}

/** The prose of a file without the blank lines around it, which say nothing. */
export function proseOf(text: string): string {
  return withoutOuterNewlines(belowFront(text).replace(/^\n---\n/, ''))
}

/** A file with its prose as one word in each line: blanks between them are all alike, and would be taken for common. */
export function inWords(text: string): string {
  if (text.length > LARGE / 2) return text
  const front = frontOf(text)
  return `${front === '' ? '' : `${front}\n---\n`}${inLines(proseOf(text))}\n`
}

/** Where in `after` the words stand that were added to `before`. */
export function addedWords(before: string, after: string, budget: DiffBudget): readonly number[] {
  let shift = 0
  return diffText(before, after, budget).flatMap(({ at, delete: deleted, insert }) => {
    const start = at + shift
    shift += insert.length - deleted
    return [...insert.matchAll(/\S+/g)].map(({ index }) => start + index)
  })
}

/** How many of the words at these places of a text are left in another one, perhaps longer or shorter. */
export function left(places: readonly number[], text: string, other: string, budget: DiffBudget): number {
  const edits = diffText(text, other, budget)
  const isLeft = (place: number): boolean => {
    const edit = edits.find(({ at, delete: deleted }) => at <= place && place < at + deleted)
    if (!edit) return true
    const [word = ''] = /^\S+/.exec(text.slice(place, edit.at + edit.delete)) ?? []
    return keptInWords(word, edit.insert) > 0
  }
  return places.filter(isLeft).length
}

/**
 * What two texts have in common: the base for texts whose history is not known, so that a merge keeps all that either
 * has.
 */
export function commonText(a: string, b: string): string {
  let common = ''
  let from = 0
  for (const edit of diffText(a, b)) {
    common += a.slice(from, edit.at)
    from = edit.at + edit.delete
  }
  return common + a.slice(from)
}

/** How far a text of ours is from what was saved. */
export function distanceOf(a: string, b: string, budget: DiffBudget): Distance {
  const [fieldsA, fieldsB] = [fieldsOf(a), fieldsOf(b)]
  const names = new Set([...fieldsA.keys(), ...fieldsB.keys()])
  const front = [...names].filter((name) => fieldsA.get(name) !== fieldsB.get(name)).length
  return { prose: editedSigns(proseOf(a), proseOf(b), budget), front }
}

/** How many fields, or members of lists, of a text are gone in a save, and are still there in another text. */
export function fieldsLost(text: string, saved: string, there: string): number {
  const [after, still] = [fieldsOf(saved), fieldsOf(there)]
  return [...fieldsOf(text)].filter(([name, value]) => !after.has(name) && still.get(name) === value).length
}

/** Each field with its value; of a list each member by itself, as two people add to one. What is empty says nothing. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  let name = ''
  for (const line of frontOf(text).split('\n')) {
    const [, key, value = line.replace('-', '')] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? []
    const list = /^\[(.*)\]$/.exec(value)?.[1]
    name = key ?? name
    if (key !== undefined && list === undefined && value !== '') fields.set(name, value)
    const members = key === undefined ? [value] : (list ?? '').split(',')
    for (const member of members.map((one) => one.trim())) if (member !== '') fields.set(`${name}: ${member}`, member)
  }
  return fields
}

/**
 * How much was changed from one text to another, in UTF-16 code units, blanks aside: they say little. What is left of a
 * word that was made longer or shorter counts as unchanged.
 */
export function editedSigns(a: string, b: string, budget: DiffBudget): number {
  const [from, to] = comparable(a, b)
  return diffText(from, to, budget).reduce((sum: number, { at, delete: deleted, insert }: TextEdit) => {
    const both = signs(from, at, at + deleted) + signs(insert, 0, insert.length)
    return sum + both - 2 * keptInWords(from.slice(at, at + deleted), insert)
  }, 0)
}

/** How much of some words is the beginning or the end of other ones in their place, or the other way round. */
function keptInWords(before: string, after: string): number {
  if (before === '' || after === '' || before.length + after.length > MAX_IN_PLACE) return 0
  let kept = 0
  const left = new Set(wordsOf(before))
  for (const word of wordsOf(after)) {
    const other = [...left].find((one) => isPartOf(one, word) || isPartOf(word, one))
    if (other === undefined) continue
    left.delete(other)
    kept += Math.min(word.length, other.length)
  }
  return kept
}

function isPartOf(part: string, word: string): boolean {
  return word.startsWith(part) || word.endsWith(part)
}

/**
 * Two texts as their words, one in each line: blank lines are all alike, and would be taken for what they have in common.
 * Large ones as they are, which takes a third of the time.
 */
function comparable(a: string, b: string): readonly [string, string] {
  return a.length + b.length > LARGE ? [a, b] : [inLines(a), inLines(b)]
}

function inLines(text: string): string {
  return text.trim().split(/\s+/).join('\n')
}

export interface TakenOut {
  /** Signs in whose place nothing is. */
  readonly gone: number
  /** Signs in whose place others are. */
  readonly replaced: number
  /** Of both together, those of words that are counted. */
  readonly lost: number
}

/** How much of a text is gone in another one. */
export function takenOut(a: string, b: string, budget: DiffBudget, counted: ReadonlySet<string> = new Set()): TakenOut {
  let [gone, replaced, lost] = [0, 0, 0]
  const [from, to] = comparable(a, b)
  for (const { at, delete: deleted, insert } of diffText(from, to, budget)) {
    const taken = signs(from, at, at + deleted)
    if (signs(insert, 0, insert.length) === 0) gone += taken
    else replaced += taken
    for (const word of wordsOf(from.slice(at, at + deleted))) if (counted.has(word)) lost += word.length
  }
  return { gone, replaced, lost }
}

export function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ''))
}

function signs(text: string, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at++) if (text.charCodeAt(at) > SPACE) count++
  return count
}
