import { diffText } from '../model/text-diff.ts'
import type { TextEdit } from '../model/text-edit.ts'
import type { DiffBudget } from '../model/token-diff.ts'
import type { Version } from '../store/mirror-bases.ts'

/** How long after a file was replaced somebody may still save what they had loaded before. */
export const STALE_MS = 120_000
/** How many replaced texts are compared with a save; the others are older still. */
export const MAX_CANDIDATES = 50

/** Nobody has read what was written so shortly before they save: a save that shows nothing of it was made without it. */
export const UNREAD_MS = 3000

/** How many pairs of words may be compared to choose. What exceeds it counts as changed. */
const CELLS_TO_CHOOSE = 8_000_000

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
 */
export function chooseBase(
  disk: string,
  base: string,
  versions: readonly Version[],
  unreadSince = Number.POSITIVE_INFINITY,
  how: Comparison = {},
): Choice {
  let choice: Choice = { text: base }
  // One budget for all: a large text that was written anew must not keep everything waiting.
  const budget = { cells: CELLS_TO_CHOOSE }
  const { hasSeen = showsNext, distance = (ours, saved) => editedCharacters(ours, saved, budget) } = how
  let least = distance(base, disk)
  // Only what was written without a save in between is unread: a save shows what its maker had.
  let unread = base
  let isUnread = true
  for (const version of versions.slice(0, MAX_CANDIDATES)) {
    if (least === 0) break
    const cost = distance(version.text, disk)
    isUnread &&= version.next === unread && version.replacedAt >= unreadSince && showsNothingOf(disk, version, budget)
    if (isUnread) unread = version.text
    if (!isUnread && (cost >= least || hasSeen(disk, version))) continue
    least = cost
    choice = { text: version.text, stale: cost === 0 ? 'as-it-was' : 'edited' }
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
  const gone = diffText(next, disk, budget)
  let shift = 0
  let isAny = false
  for (const { at, delete: deleted, insert } of diffText(text, next, budget)) {
    const start = at + shift
    shift += insert.length - deleted
    for (const { index } of insert.matchAll(/\S+/g)) {
      isAny = true
      const from = start + index
      if (!gone.some((edit) => edit.at <= from && from < edit.at + edit.delete)) return false
    }
  }
  return isAny
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

function editedCharacters(a: string, b: string, budget: DiffBudget): number {
  return diffText(a, b, budget).reduce((sum: number, edit: TextEdit) => sum + edit.delete + edit.insert.length, 0)
}
