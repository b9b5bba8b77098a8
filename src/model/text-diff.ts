import fastDiff from 'fast-diff'
import type { TextEdit } from './text-edit.ts'

/** How many pairs of tokens one call may still compare. What exceeds it is replaced as a whole: correct, only coarser. */
export interface DiffBudget {
  cells: number
}

const CELLS_PER_CALL = 20_000_000
const CELLS_PER_GAP = 4_000_000
const MAX_DEPTH = 8

/**
 * Finds the edits that turn one text into another: changed lines first, then the changed words inside them. Edits begin
 * and end between words (in scripts written without blanks: between characters), so that no letter of a deleted word
 * is used again in a new one, and nothing a person sees as one character is split.
 */
export function diffText(
  before: string,
  after: string,
  budget: DiffBudget = { cells: CELLS_PER_CALL },
): readonly TextEdit[] {
  if (before === after) return []
  const edits: TextEdit[] = []
  const a = lines(before)
  const b = lines(after)
  const aAt = offsets(a)
  const bAt = offsets(b)
  for (const hunk of compare(a, b, budget)) {
    const at = read(aAt, hunk.a0)
    const from = before.slice(at, read(aAt, hunk.a1))
    const to = after.slice(read(bAt, hunk.b0), read(bAt, hunk.b1))
    for (const edit of diffWords(from, to, budget)) edits.push({ ...edit, at: at + edit.at })
  }
  return edits
}

/**
 * Moves edits of a text over other edits of the same text, so that they fit what it is after `over`. What `edits` insert
 * is always inserted, also inside what `over` deletes; what both delete is deleted once. Where both insert at one place
 * the text of `over` comes first; an insertion beside replaced text stays beside it.
 */
export function rebaseEdits(edits: readonly TextEdit[], over: readonly TextEdit[]): readonly TextEdit[] {
  const result: TextEdit[] = []
  let next = 0
  let shift = 0
  for (const edit of edits) {
    for (let o = over[next]; o !== undefined && isBefore(o, edit); o = over[++next]) shift += growth(o)
    const first = over[next]
    const inside = first !== undefined && (first.at < edit.at || (first.at === edit.at && edit.delete > 0))
    push(result, (inside ? first.at + first.insert.length : edit.at) + shift, 0, edit.insert)
    const end = edit.at + edit.delete
    let from = edit.at
    let moved = shift
    for (let i = next, o = first; o !== undefined && o.at < end; o = over[++i]) {
      if (o.at > from) push(result, from + moved, o.at - from, '')
      from = Math.max(from, Math.min(end, o.at + o.delete))
      moved += growth(o)
    }
    if (from < end) push(result, from + moved, end - from, '')
  }
  return result
}

/** Finds the edits that bring what changed from `base` to `disk` into `current`, which may have changed as well. */
export function mergeText(base: string, disk: string, current: string): readonly TextEdit[] {
  return rebaseEdits(diffText(base, disk), diffText(base, current))
}

/** Whether `over` ends before the edit begins. An insertion at the same place does; what replaces the text after it does not. */
function isBefore(over: TextEdit, edit: TextEdit): boolean {
  return over.at + over.delete <= edit.at
}

function growth(edit: TextEdit): number {
  return edit.insert.length - edit.delete
}

/** Appends an edit, joined to the last one where they touch. */
function push(edits: TextEdit[], at: number, deleted: number, insert: string): void {
  if (deleted === 0 && insert === '') return
  const last = edits.at(-1)
  if (last === undefined || last.at + last.delete !== at) edits.push({ at, delete: deleted, insert })
  else edits[edits.length - 1] = { at: last.at, delete: last.delete + deleted, insert: last.insert + insert }
}

/** Tokens `a0..a1` of one text became tokens `b0..b1` of the other. */
interface Hunk {
  readonly a0: number
  readonly a1: number
  readonly b0: number
  readonly b1: number
}

type Tokens = readonly string[]

/** Scripts written without blanks: there, characters are the words. */
const UNSPACED = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Thai}\\p{Script=Lao}'
const KATAKANA = '\\p{Script=Katakana}ー\uff70'
/** What belongs to the character before it. */
const MARK = '\\p{M}\u200c\u200d\uff9e\uff9f\u0e33\u0eb3'
const EMOJI = `\\p{Extended_Pictographic}(?:[\\p{EMod}${MARK}\u{e0020}-\u{e007f}]|(?<=\u200d)\\p{Extended_Pictographic})*`
const TOKEN = new RegExp(
  [
    '\\r\\n|\\n',
    `[^\\S\\r\\n]+[${MARK}]*`,
    `[${UNSPACED}][${MARK}]*`,
    `[${KATAKANA}][${KATAKANA}${MARK}]*`,
    `(?:(?![${UNSPACED}${KATAKANA}])[\\p{L}\\p{N}_])(?:(?![${UNSPACED}${KATAKANA}])[\\p{L}\\p{N}_${MARK}])*`,
    `\\p{RI}\\p{RI}[${MARK}]*`,
    EMOJI,
    `.[${MARK}]*`,
  ].join('|'),
  'gsu',
)
const FILLER = new RegExp(`^(?:[^\\S\\n]+|[${UNSPACED}])$`, 'u')

function lines(text: string): Tokens {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function words(text: string): Tokens {
  return text.match(TOKEN) ?? []
}

function diffWords(before: string, after: string, budget: DiffBudget): readonly TextEdit[] {
  if (before === '' || after === '') return [{ at: 0, delete: before.length, insert: after }]
  const a = words(before)
  const b = words(after)
  const aAt = offsets(a)
  const bAt = offsets(b)
  return withoutChance(compare(a, b, budget), a).map((hunk) => ({
    at: read(aAt, hunk.a0),
    delete: read(aAt, hunk.a1) - read(aAt, hunk.a0),
    insert: after.slice(read(bAt, hunk.b0), read(bAt, hunk.b1)),
  }))
}

/** Where each token begins, and where the last one ends. */
function offsets(tokens: Tokens): readonly number[] {
  const at = [0]
  let sum = 0
  for (const token of tokens) {
    sum += token.length
    at.push(sum)
  }
  return at
}

function read<T>(list: ArrayLike<T>, index: number): T {
  return list[index] as T
}

/**
 * Joins two replacements that only a blank or a lone character keeps apart: that they have it in common is chance, and
 * who deletes the old words would take it from between the new ones.
 */
function withoutChance(hunks: readonly Hunk[], a: Tokens): readonly Hunk[] {
  const result: Hunk[] = []
  for (const hunk of hunks) {
    const last = result.at(-1)
    const joins =
      last !== undefined && replaces(last) && replaces(hunk) && hunk.a0 - last.a1 === 1 && FILLER.test(read(a, last.a1))
    if (joins) result[result.length - 1] = { ...hunk, a0: last.a0, b0: last.b0 }
    else result.push(hunk)
  }
  return result
}

function replaces(hunk: Hunk): boolean {
  return hunk.a1 > hunk.a0 && hunk.b1 > hunk.b0
}

/** The ranges in which two lists of tokens differ, in order; none touches the next. */
function compare(a: Tokens, b: Tokens, budget: DiffBudget): readonly Hunk[] {
  const numbers = new Map<string, number>()
  const intern = (token: string): number => {
    const known = numbers.get(token) ?? numbers.size
    numbers.set(token, known)
    return known
  }
  const hunks: Hunk[] = []
  const all = { a0: 0, a1: a.length, b0: 0, b1: b.length }
  patience({ a: Uint32Array.from(a, intern), b: Uint32Array.from(b, intern), hunks, budget }, all, 0)
  return settle(hunks, a, b)
}

interface Comparison {
  readonly a: Uint32Array
  readonly b: Uint32Array
  readonly hunks: Hunk[]
  readonly budget: DiffBudget
}

/** Anchors on tokens that are there once on both sides, then compares between the anchors. */
function patience(comparison: Comparison, whole: Hunk, depth: number): void {
  const gap = trim(comparison, whole)
  if (gap.a0 === gap.a1 || gap.b0 === gap.b1) {
    addHunk(comparison.hunks, gap)
    return
  }
  const anchors = depth < MAX_DEPTH ? increasing(uniquePairs(comparison, gap)) : []
  if (anchors.length === 0) {
    shortest(comparison, gap)
    return
  }
  let { a0, b0 } = gap
  for (const [i, j] of anchors) {
    patience(comparison, { a0, a1: i, b0, b1: j }, depth + 1)
    a0 = i + 1
    b0 = j + 1
  }
  patience(comparison, { a0, a1: gap.a1, b0, b1: gap.b1 }, depth + 1)
}

/** The range without what both sides begin and end with. */
function trim({ a, b }: Comparison, { a0, a1, b0, b1 }: Hunk): Hunk {
  while (a0 < a1 && b0 < b1 && a[a0] === b[b0]) {
    a0++
    b0++
  }
  while (a0 < a1 && b0 < b1 && a[a1 - 1] === b[b1 - 1]) {
    a1--
    b1--
  }
  return { a0, a1, b0, b1 }
}

type Pair = readonly [a: number, b: number]

/** Places of the tokens that are once in each range, in the order of `a`. */
function uniquePairs({ a, b }: Comparison, { a0, a1, b0, b1 }: Hunk): readonly Pair[] {
  const inA = places(a, a0, a1)
  const inB = places(b, b0, b1)
  const pairs: Pair[] = []
  for (const [token, i] of inA) {
    const j = inB.get(token)
    if (i >= 0 && j !== undefined && j >= 0) pairs.push([i, j])
  }
  return pairs
}

/** Where each token is; -1 for one that is there more than once. In the order of first places. */
function places(tokens: Uint32Array, from: number, to: number): ReadonlyMap<number, number> {
  const places = new Map<number, number>()
  for (let i = from; i < to; i++) {
    const token = read(tokens, i)
    places.set(token, places.has(token) ? -1 : i)
  }
  return places
}

/** The longest chain of pairs that grows on both sides. */
function increasing(pairs: readonly Pair[]): readonly Pair[] {
  const tails: number[] = []
  const previous: number[] = []
  for (const [k, [, place]] of pairs.entries()) {
    let low = 0
    let high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (read(pairs, read(tails, middle))[1] < place) low = middle + 1
      else high = middle
    }
    previous.push(low > 0 ? read(tails, low - 1) : -1)
    tails[low] = k
  }
  const chain: Pair[] = []
  for (let k = tails.at(-1) ?? -1; k >= 0; k = read(previous, k)) chain.push(read(pairs, k))
  return chain.reverse()
}

/** Compares a gap without anchors token by token, or gives it up as replaced when that would take too long. */
function shortest({ a, b, hunks, budget }: Comparison, gap: Hunk): void {
  const cells = (gap.a1 - gap.a0) * (gap.b1 - gap.b0)
  const letters = cells <= CELLS_PER_GAP && cells <= budget.cells ? createAlphabet() : undefined
  const left = letters?.(a.subarray(gap.a0, gap.a1))
  const right = letters?.(b.subarray(gap.b0, gap.b1))
  if (left === undefined || right === undefined) {
    addHunk(hunks, gap)
    return
  }
  budget.cells -= cells
  let { a0, b0 } = gap
  for (const [operation, { length }] of fastDiff(left, right)) {
    const a1 = operation === fastDiff.INSERT ? a0 : a0 + length
    const b1 = operation === fastDiff.DELETE ? b0 : b0 + length
    if (operation !== fastDiff.EQUAL) addHunk(hunks, { a0, a1, b0, b1 })
    a0 = a1
    b0 = b1
  }
}

/** Spells tokens as single UTF-16 units, which is what fast-diff compares; undefined when they run out. Surrogates are passed over: it would join them. */
function createAlphabet(): (tokens: Uint32Array) => string | undefined {
  const letters = new Map<number, number>()
  return (tokens) => {
    let text = ''
    for (const token of tokens) {
      let letter = letters.get(token)
      if (letter === undefined) {
        letter = letters.size + 1
        if (letter >= 0xd800) letter += 0x800
        if (letter > 0xffff) return undefined
        letters.set(token, letter)
      }
      text += String.fromCharCode(letter)
    }
    return text
  }
}

/** Appends a hunk, joined to the last one where they touch. */
function addHunk(hunks: Hunk[], hunk: Hunk): void {
  if (hunk.a0 === hunk.a1 && hunk.b0 === hunk.b1) return
  const last = hunks.at(-1)
  if (last === undefined || last.a1 !== hunk.a0 || last.b1 !== hunk.b0) hunks.push(hunk)
  else hunks[hunks.length - 1] = { ...hunk, a0: last.a0, b0: last.b0 }
}

/**
 * Settles where insertions and deletions stand that could stand in several places: at whole words with the blank after
 * them, and of equal places at the last (of `x x` the second is the new one). Two writers' changes then fit together.
 */
function settle(hunks: readonly Hunk[], a: Tokens, b: Tokens): readonly Hunk[] {
  const result: Hunk[] = []
  for (const [k, hunk] of hunks.entries()) {
    const limit = hunks[k + 1]?.a0 ?? a.length
    addHunk(result, replaces(hunk) ? hunk : bestPlace(hunk, a, b, { from: result.at(-1)?.a1 ?? 0, limit }))
  }
  return result
}

function bestPlace(hunk: Hunk, a: Tokens, b: Tokens, { from, limit }: { from: number; limit: number }): Hunk {
  const inserts = hunk.a0 === hunk.a1
  const tokens = inserts ? b : a
  const score = (at: Hunk): number => {
    const [first, end] = inserts ? [at.b0, at.b1] : [at.a0, at.a1]
    return (endsInBlank(tokens[first - 1]) ? 1 : 0) + (endsInBlank(tokens[end - 1]) ? 1 : 0)
  }
  let place = hunk
  while (place.a1 < limit && tokens[inserts ? place.b0 : place.a0] === tokens[inserts ? place.b1 : place.a1]) {
    place = moved(place, 1)
  }
  let best = place
  while (
    score(best) < 2 &&
    place.a0 > from &&
    tokens[(inserts ? place.b0 : place.a0) - 1] === tokens[(inserts ? place.b1 : place.a1) - 1]
  ) {
    place = moved(place, -1)
    if (score(place) > score(best)) best = place
  }
  return best
}

function endsInBlank(token: string | undefined): boolean {
  return token === undefined || /\s$/.test(token)
}

function moved({ a0, a1, b0, b1 }: Hunk, by: number): Hunk {
  return { a0: a0 + by, a1: a1 + by, b0: b0 + by, b1: b1 + by }
}
