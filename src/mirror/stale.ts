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

/** What a changed field counts beside changed characters. */
const FIELD_COST = 12

/** The text that a save was made from [M6]. */
export interface Choice {
  readonly text: string
  /** Set when it is not the base: somebody saved over text that they had not seen. */
  readonly stale?: 'edited' | 'as-it-was'
}

/** How texts are compared, where not by their characters and lines. */
export interface Comparison {
  /** Whether a save shows what replaced a version. */
  readonly hasSeen?: (saved: string, version: Version) => boolean
  /** How much was changed from a text of ours to what was saved. */
  readonly distance?: (ours: string, saved: string) => number
}

/**
 * Chooses what a save is compared with: the base, or a recently replaced text that it is closer to, unless the save
 * shows what replaced that. Of equals the base, then the newest. A text that was replaced after `unreadSince` is chosen
 * also when it is not closer, if the save shows nothing of what replaced it: where one word was put in the place of
 * another and the save has a third, both explanations are as good, and only this one loses nothing.
 *
 * Two people soon write the same into front matter: a save may be closer to one text only because of that. When its prose is
 * that of the base, to the letter, it was not made from another prose, nor from a front matter of which it shows most of what
 * was added since. When it is that of a replaced text, or closer to that and only the front matter is that of the base, it
 * is measured against that prose, and against the front matter of the base.
 */
export function chooseBase(
  disk: string,
  base: string,
  versions: readonly Version[],
  unreadSince = Number.POSITIVE_INFINITY,
  how: Comparison = {},
): Choice {
  let choice: Choice = { text: base }
  const prose = proseOf(disk)
  const hasProse = !isJson(disk)
  const hasBaseProse = hasProse && proseOf(base) === prose
  const front = base.slice(0, proseAt(base))
  const hasBaseFront = front !== '' && front === disk.slice(0, proseAt(disk))
  let older: Version | undefined
  // One budget for all: a large text that was written anew must not keep everything waiting.
  const budget = { cells: CELLS_TO_CHOOSE }
  const { hasSeen = showsNext, distance = (ours, saved) => changed(ours, saved, budget) } = how
  let least = distance(base, disk)
  let leastProse = hasBaseFront ? editedCharacters(proseOf(base), prose, budget) : Number.POSITIVE_INFINITY
  // Only what was written without a save in between is unread: a save shows what its maker had.
  let unread = base
  let isUnread = true
  const candidates = versions.slice(0, MAX_CANDIDATES)
  const isOlder = how.hasSeen === undefined ? createIsOlder(disk, base, candidates, budget) : () => true
  for (const [i, version] of candidates.entries()) {
    if (least === 0) break
    if (hasBaseProse && (proseOf(version.text) !== prose || showsNext(disk, { ...version, next: base }))) continue
    const cost = distance(version.text, disk)
    const isSame = proseOf(version.text) === prose
    if (hasProse && (isSame || hasBaseFront) && leastProse > 0) {
      const proseCost = isSame ? 0 : editedCharacters(proseOf(version.text), prose, budget)
      // What front matter shows of it says nothing here, either.
      const hasSeenProse = how.hasSeen?.(disk, version) ?? showsNext(prose, proseOfBoth(version))
      if (proseCost < leastProse && !hasSeenProse && isOlder(i)) {
        leastProse = proseCost
        older = version
      }
    }
    isUnread &&= version.next === unread && version.replacedAt >= unreadSince && showsNothingOf(disk, version, budget)
    if (isUnread) unread = version.text
    if (!isUnread && (cost >= least || hasSeen(disk, version))) continue
    if (!isUnread && !isOlder(i)) break
    least = cost
    choice = { text: version.text, stale: cost === 0 ? 'as-it-was' : 'edited' }
  }
  if (choice.stale || !older || hasBaseProse) return choice
  const stale = leastProse === 0 ? 'as-it-was' : 'edited'
  return { text: front + older.text.slice(proseAt(older.text)), stale }
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

/** The prose of a file without the blank lines around it, which say nothing. */
function proseOf(text: string): string {
  return withoutOuterNewlines(text.slice(proseAt(text)).replace(/^\n---\n/, ''))
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

/**
 * How far one text is from another: by the characters changed in its prose, and by the lines of its front matter. How long a
 * value there is says nothing of how likely it is that somebody changed it.
 */
function changed(a: string, b: string, budget: DiffBudget): number {
  const [fieldsA, fieldsB] = [fieldsOf(a), fieldsOf(b)]
  const names = new Set([...fieldsA.keys(), ...fieldsB.keys()])
  const differing = [...names].filter((name) => fieldsA.get(name) !== fieldsB.get(name))
  return differing.length * FIELD_COST + editedCharacters(proseOf(a), proseOf(b), budget)
}

/** Each field with its value; of a list each member by itself, as two people add to one. What is empty says nothing. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  let name = ''
  for (const line of text.slice(0, proseAt(text)).split('\n')) {
    const [, key, value = line.replace('-', '')] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? []
    const list = /^\[(.*)\]$/.exec(value)?.[1]
    name = key ?? name
    if (key !== undefined && list === undefined && value !== '') fields.set(name, value)
    const members = key === undefined ? [value] : (list ?? '').split(',')
    for (const member of members.map((one) => one.trim())) if (member !== '') fields.set(`${name}: ${member}`, member)
  }
  return fields
}

/** How much was changed from one text to another. */
export function editedCharacters(a: string, b: string, budget: DiffBudget): number {
  return diffText(a, b, budget).reduce((sum: number, edit: TextEdit) => sum + edit.delete + edit.insert.length, 0)
}
