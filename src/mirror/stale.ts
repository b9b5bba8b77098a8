import { withoutOuterNewlines } from '../base/trim.ts'
import { diffText } from '../model/text-diff.ts'
import type { TextEdit } from '../model/text-edit.ts'
import type { DiffBudget } from '../model/token-diff.ts'
import type { Version } from '../store/mirror-bases.ts'

/** How long after a file was replaced somebody may still save what they had loaded before. */
export const STALE_MS = 120_000
/** How many replaced texts are compared with a save; the others are older still. */
const MAX_CANDIDATES = 50

/** Nobody has read what was written so shortly before they save: a save that shows nothing of it was made without it. */
export const UNREAD_MS = 3000

/** How many pairs of words may be compared to choose. What exceeds it counts as changed. */
export const CELLS_TO_CHOOSE = 8_000_000

/** The text that a save was made from [M6]. */
export interface Choice {
  readonly text: string
  /**
   * Set when it is not the base: somebody saved over text that they had not seen. `as-it-was`: a replaced text once more.
   * `unclear`: or they have taken out what they had seen; nobody can say.
   */
  readonly stale?: 'edited' | 'as-it-was' | 'unclear'
}

/**
 * How far a text is from another: by the signs changed in its prose, and by the fields of its front matter. How long a value
 * there is says nothing of how likely it is that somebody changed it.
 */
export interface Distance {
  readonly prose: number
  readonly front: number
}

/** How texts are compared, where not by their characters and lines. */
export interface Comparison {
  /** Whether a save shows what replaced a version. */
  readonly hasSeen?: (saved: string, version: Version) => boolean
  /** How much was changed from a text of ours to what was saved. */
  readonly distance?: (ours: string, saved: string) => Distance
}

/**
 * Chooses what a save is compared with: the base, or a recently replaced text that it is closer to, unless the save
 * shows what replaced that. Prose counts first: two people soon write the same into front matter, which decides only between
 * texts of equally close prose. Where it is closer to that of the base, it is measured against that, and the prose alone
 * against the replaced text.
 *
 * Of equals the base, then the newest, but where both explanations are as good, and one loses what nobody may have read, the
 * other: a text that was replaced after `unreadSince` is chosen also when it is not closer, if the save shows nothing of what
 * replaced it (one word was put in the place of another and the save has a third); an earlier one when it is as close, and
 * whoever saved would have taken something out, or have put more in the place of something, if it was the base that they had.
 */
export function chooseBase(
  disk: string,
  base: string,
  versions: readonly Version[],
  unreadSince = Number.POSITIVE_INFINITY,
  how: Comparison = {},
): Choice {
  // One budget for all: a large text that was written anew must not keep everything waiting.
  const budget = { cells: CELLS_TO_CHOOSE }
  const { hasSeen = showsNext, distance = (ours, saved) => changed(ours, saved, budget) } = how
  const candidates = versions.slice(0, MAX_CANDIDATES)
  const isOlder = how.hasSeen === undefined ? createIsOlder(disk, base, candidates, budget) : () => true
  const prose = proseOf(disk)
  let choice: Choice = { text: base }
  let least = distance(base, disk)
  const baseFront = least.front
  const fromBase = takenOut(proseOf(base), prose, budget)
  const lacksFields = least.front > 0 && least.prose === 0 && addsNoField(base, disk)
  // Only what was written without a save in between is unread: a save shows what its maker had.
  let unread = base
  let isUnread = true

  const isCloser = (cost: Distance): boolean =>
    cost.prose === least.prose ? cost.front < least.front : cost.prose < least.prose
  /** Whether the base would have lost words, or more of them to others in their place. */
  const takesMore = (version: Version): boolean =>
    fromBase.gone > 0 || fromBase.replaced > takenOut(proseOf(version.text), prose, budget).replaced
  /** As close, and the base would have lost something. */
  const isAsClose = (version: Version, cost: Distance): boolean =>
    choice.stale === undefined &&
    cost.prose === least.prose &&
    ((least.prose > 0 && takesMore(version) && showsNothingOf(prose, proseOfBoth(version), budget)) ||
      (lacksFields && cost.front === least.front && !addsNoField(version.text, disk)))

  for (const [i, version] of candidates.entries()) {
    if (least.prose + least.front === 0) break
    const cost = distance(version.text, disk)
    isUnread &&= version.next === unread && version.replacedAt >= unreadSince && showsNothingOf(disk, version, budget)
    // Front matter that is closer to that of the base says nothing of the prose.
    const hasOwnFront = cost.front <= baseFront
    const isUnclear = !isUnread && !isCloser(cost)
    if (isUnread) unread = version.text
    else if (isUnclear && !isAsClose(version, cost)) continue
    else if (hasOwnFront ? hasSeen(disk, version) : hasSeen(prose, proseOfBoth(version))) continue
    else if (!isOlder(i)) break
    least = cost
    choice = {
      text: hasOwnFront ? version.text : frontOf(base) + belowFront(version.text),
      stale: isUnclear ? 'unclear' : cost.prose + Math.min(cost.front, baseFront) === 0 ? 'as-it-was' : 'edited',
    }
  }
  return choice
}

/** Whether whoever saved a text had seen what replaced a version: most of the lines that are new in it are there. */
function showsNext(disk: string, { text, next }: Version): boolean {
  const [before, after, saved] = [linesOf(text), linesOf(next), linesOf(disk)]
  const added = [...after].filter((line) => !before.has(line))
  if (added.length > 0) return added.filter((line) => saved.has(line)).length * 2 >= added.length
  const gone = [...before].filter((line) => !after.has(line))
  return gone.length > 0 && !gone.some((line) => saved.has(line))
}

/** Whether nothing that a version was replaced with is left in a text, though there was something. */
function showsNothingOf(disk: string, { text, next }: Version, budget: DiffBudget): boolean {
  const added = addedWords(text, next, budget)
  return added.length > 0 && left(added, next, disk, budget) === 0
}

/**
 * Whether a text shows nothing of what came after the i-th version: of what that and newer ones were replaced with, and
 * what people saved in between. Whoever shows it had not loaded that version, or these words would be there twice. Words of
 * a save that was set aside say nothing: whoever made it has them from themselves.
 */
function createIsOlder(
  disk: string,
  base: string,
  versions: readonly Version[],
  budget: DiffBudget,
): (i: number) => boolean {
  let next = 0
  let later = base
  // What was removed has no next text, either, but stood in its place.
  const placed = new Set([base, ...versions.map((version) => version.next)])
  const aside = versions.filter(({ text, next: to }) => to === '' && !placed.has(text)).map(({ text }) => text)
  const isNewerThan = ({ text, next }: Version): boolean => {
    const hasSaves = next !== later && text !== later
    const own = [text, ...aside]
    return shows(disk, next, own, budget) || (hasSaves && shows(disk, later, [...own, next], budget))
  }
  return (i) => {
    for (; next <= i; next++) {
      const version = versions[next]
      // Of one that was set aside it is not known what came next.
      if (!version || version.next === '') continue
      if (isNewerThan(version)) return false
      later = version.text
    }
    return true
  }
}

/** Whether a text shows most of the words of another one's prose that are in none of the texts before that. */
function shows(disk: string, text: string, before: readonly string[], budget: DiffBudget): boolean {
  const added = before.map((one) => new Set(addedWords(one, text, budget)))
  const start = proseAt(text)
  const places = [...(added[0] ?? [])].filter((at) => at >= start && added.every((words) => words.has(at)))
  return places.length > 0 && left(places, text, disk, budget) * 2 >= places.length
}

/** Where the prose of a file begins: below the front matter, in which two people soon write the same. JSON has none. */
function proseAt(text: string): number {
  if (isJson(text)) return text.length
  return text.startsWith('---\n') ? Math.max(0, text.indexOf('\n---\n', 3)) : 0
}

function isJson(text: string): boolean {
  return text.startsWith('{')
}

function frontOf(text: string): string {
  return text.slice(0, proseAt(text))
}

function belowFront(text: string): string {
  return text.slice(proseAt(text))
}

/** The prose of a file without the blank lines around it, which say nothing. */
function proseOf(text: string): string {
  return withoutOuterNewlines(belowFront(text).replace(/^\n---\n/, ''))
}

const proseOfBoth = (version: Version): Version => ({
  ...version,
  text: proseOf(version.text),
  next: proseOf(version.next),
})

/** Where in `after` the words stand that were added to `before`. */
function addedWords(before: string, after: string, budget: DiffBudget): readonly number[] {
  let shift = 0
  return diffText(before, after, budget).flatMap(({ at, delete: deleted, insert }) => {
    const start = at + shift
    shift += insert.length - deleted
    return [...insert.matchAll(/\S+/g)].map(({ index }) => start + index)
  })
}

/** How many of the words at these places of a text are left in another one. */
function left(places: readonly number[], text: string, other: string, budget: DiffBudget): number {
  const gone = diffText(text, other, budget)
  return places.filter((place) => !gone.some((edit) => edit.at <= place && place < edit.at + edit.delete)).length
}

function linesOf(text: string): ReadonlySet<string> {
  return new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  )
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

function changed(a: string, b: string, budget: DiffBudget): Distance {
  const [fieldsA, fieldsB] = [fieldsOf(a), fieldsOf(b)]
  const names = new Set([...fieldsA.keys(), ...fieldsB.keys()])
  const front = [...names].filter((name) => fieldsA.get(name) !== fieldsB.get(name)).length
  return { prose: editedSigns(proseOf(a), proseOf(b), budget), front }
}

/** Whether a save has nothing in its front matter that a text has not. */
function addsNoField(text: string, saved: string): boolean {
  const before = fieldsOf(text)
  return [...fieldsOf(saved)].every(([name, value]) => before.get(name) === value)
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

/** How much was changed from one text to another, in UTF-16 code units, blanks aside: they say little. */
export function editedSigns(a: string, b: string, budget: DiffBudget): number {
  const [from, to] = comparable(a, b)
  return diffText(from, to, budget).reduce(
    (sum: number, edit: TextEdit) =>
      sum + signs(from, edit.at, edit.at + edit.delete) + signs(edit.insert, 0, edit.insert.length),
    0,
  )
}

/**
 * Two texts as their words, one in each line: blank lines are all alike, and would be taken for what they have in common.
 * Large ones as they are, which takes a third of the time.
 */
function comparable(a: string, b: string): readonly [string, string] {
  const wordsOf = (text: string): string => text.trim().split(/\s+/).join('\n')
  return a.length + b.length > LARGE ? [a, b] : [wordsOf(a), wordsOf(b)]
}

/** In UTF-16 code units, both together. */
const LARGE = 40_000

/** How much of a text is gone in another one, and how much has other signs in its place. */
function takenOut(a: string, b: string, budget: DiffBudget): { readonly gone: number; readonly replaced: number } {
  let [gone, replaced] = [0, 0]
  const [from, to] = comparable(a, b)
  for (const { at, delete: deleted, insert } of diffText(from, to, budget)) {
    const taken = signs(from, at, at + deleted)
    if (signs(insert, 0, insert.length) === 0) gone += taken
    else replaced += taken
  }
  return { gone, replaced }
}

function signs(text: string, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at++) if (text.charCodeAt(at) > SPACE) count++
  return count
}

const SPACE = 32
