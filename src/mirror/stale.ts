import type { DiffBudget } from '../model/token-diff.ts'
import type { Version } from '../store/mirror-bases.ts'
import {
  addedWords,
  belowFront,
  CELLS_TO_CHOOSE,
  type Distance,
  distanceOf,
  fieldsLost,
  frontOf,
  inWords,
  left,
  proseAt,
  proseOf,
  type TakenOut,
  takenOut,
  wordsOf,
} from './compare.ts'

/** How long after a file was replaced somebody may still save what they had loaded before. */
export const STALE_MS = 120_000
/** How many replaced texts are compared with a save; the others are older still. */
const MAX_CANDIDATES = 50

/** Nobody has read what was written so shortly before they save: a save that shows nothing of it was made without it. */
export const UNREAD_MS = 3000

/** The text that a save was made from [M6]. */
export interface Choice {
  readonly text: string
  /**
   * Set when it is not the base: somebody saved over text that they had not seen. `as-it-was`: a replaced text once more.
   * `unclear`: or they have taken out what they had seen; nobody can say.
   */
  readonly stale?: 'edited' | 'as-it-was' | 'unclear'
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
 * texts of equally close prose. Where it is closer to that of the base, or of a later text, it is measured against that, and
 * the prose alone against the replaced text.
 *
 * Of equals the base, then the newest, but where both explanations are as good, and one loses what nobody may have read, the
 * other: a text that was replaced after `unreadSince` is chosen also when it is not closer, if the save shows nothing of what
 * replaced it (one word was put in the place of another and the save has a third); an earlier one when it is as close, and
 * whoever saved would have taken something out, or have put more in the place of something, if it was the base that they had,
 * or more of what is there now, if it was a later text.
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
  const { hasSeen = showsNext, distance = (ours, saved) => distanceOf(ours, saved, budget) } = how
  const candidates = versions.slice(0, MAX_CANDIDATES)
  if (candidates.length === 0) return { text: base }
  const isOlder = how.hasSeen === undefined ? createIsOlder(disk, base, candidates, budget) : () => true
  const prose = proseOf(disk)
  let choice: Choice = { text: base }
  let least = distance(base, disk)
  /** The front matter that is closest, which need not be that of the closest prose. */
  let front = { text: frontOf(base), cost: least.front }
  let fromBase: TakenOut | undefined
  let baseWords: ReadonlySet<string> | undefined
  // Only what was written without a save in between is unread: a save shows what its maker had.
  let unread = base
  let isUnread = true

  const isCloser = (cost: Distance): boolean =>
    cost.prose === least.prose ? cost.front < least.front : cost.prose < least.prose
  /** Whether what is chosen would have lost words, or more of them to others in their place. */
  const takesMore = (version: Version): boolean => {
    // Nobody has read what was written just now: also words in whose place the save has as many were not taken out.
    const isLost = choice.stale !== undefined || version.replacedAt >= unreadSince
    if (isLost && losses(choice.text) > losses(version.text)) return true
    if (choice.stale) return false
    fromBase ??= takenOut(proseOf(base), prose, budget)
    return fromBase.gone > 0 || fromBase.replaced > takenOut(proseOf(version.text), prose, budget).replaced
  }
  /** How much would be gone of what the base says, if this was what somebody had. */
  const losses = (text: string): number => {
    baseWords ??= wordsOf(proseOf(base))
    return takenOut(proseOf(text), prose, budget, baseWords).lost
  }
  /** As close, and what is chosen would have lost something. */
  const losesLess = (version: Version, cost: Distance): boolean =>
    cost.prose === least.prose &&
    least.prose > 0 &&
    takesMore(version) &&
    showsNothingOf(prose, proseOfBoth(version), budget)
  /** The same of front matter. */
  const losesLessFields = (version: Version, cost: Distance): boolean =>
    cost.front === least.front &&
    cost.front > 0 &&
    cost.prose + least.prose === 0 &&
    fieldsLost(choice.text, disk, base) > fieldsLost(version.text, disk, base)

  /** Of front matter that was written just now, nobody has taken out what the save does not show, whatever its prose is. */
  const adoptFront = (version: Version, cost: Distance): void => {
    const [text, next] = [frontOf(version.text), frontOf(version.next)]
    const isNews = version.replacedAt >= unreadSince && cost.front < front.cost
    if (!isNews || showsNext(frontOf(disk), { ...version, text, next })) return
    front = { text, cost: cost.front }
    least = { prose: least.prose, front: cost.front }
    choice = { text: text + belowFront(choice.text), stale: choice.stale ?? 'unclear' }
  }

  for (const [i, version] of candidates.entries()) {
    if (least.prose + least.front === 0) break
    const cost = distance(version.text, disk)
    isUnread &&= version.next === unread && version.replacedAt >= unreadSince && showsNothingOf(disk, version, budget)
    // Front matter that is closer to another one says nothing of the prose.
    const hasOwnFront = cost.front <= front.cost
    const isUnclear = !isUnread && !isCloser(cost)
    const keepsFields = losesLessFields(version, cost)
    // What the save shows as well of what was written just now, two people have set.
    const isCoincidence = keepsFields && version.replacedAt >= unreadSince
    if (isUnread) unread = version.text
    else if (isUnclear && !keepsFields && !losesLess(version, cost)) {
      adoptFront(version, cost)
      continue
    } else if (!isCoincidence && (hasOwnFront ? hasSeen(disk, version) : hasSeen(prose, proseOfBoth(version)))) continue
    else if (!isOlder(i)) break
    if (hasOwnFront) front = { text: frontOf(version.text), cost: cost.front }
    least = { prose: cost.prose, front: front.cost }
    choice = {
      text: front.text + belowFront(version.text),
      stale: isUnclear ? 'unclear' : least.prose + least.front === 0 ? 'as-it-was' : 'edited',
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
  const [before, after, saved] = [inWords(text), inWords(next), inWords(disk)]
  const added = addedWords(before, after, budget)
  return added.length > 0 && left(added, after, saved, budget) === 0
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
  const after = inWords(text)
  const added = before.map((one) => new Set(addedWords(inWords(one), after, budget)))
  const start = proseAt(after)
  const places = [...(added[0] ?? [])].filter((at) => at >= start && added.every((words) => words.has(at)))
  return places.length > 0 && left(places, after, inWords(disk), budget) * 2 >= places.length
}

const proseOfBoth = (version: Version): Version => ({
  ...version,
  text: proseOf(version.text),
  next: proseOf(version.next),
})

function linesOf(text: string): ReadonlySet<string> {
  return new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  )
}
