import fastDiff from 'fast-diff'

/** How many pairs of tokens one call may still compare. What exceeds it is replaced as a whole: correct, only coarser. */
export interface DiffBudget {
  cells: number
}

const CELLS_PER_GAP = 4_000_000
const MAX_DEPTH = 8

export type Tokens = readonly string[]

/** Tokens `a0..a1` of one text became tokens `b0..b1` of the other. */
export interface Hunk {
  readonly a0: number
  readonly a1: number
  readonly b0: number
  readonly b1: number
}

/**
 * Finds the ranges in which two lists of tokens differ, in order; none touches the next. Anchors on tokens that are there
 * once on both sides (patience diff), and compares token by token only between the anchors and within the budget.
 */
export function compareTokens(a: Tokens, b: Tokens, budget: DiffBudget): readonly Hunk[] {
  const numbers = new Map<string, number>()
  const says: boolean[] = []
  const intern = (token: string): number => {
    const known = numbers.get(token)
    if (known !== undefined) return known
    numbers.set(token, says.length)
    return says.push(SAYS.test(token)) - 1
  }
  const hunks: Hunk[] = []
  const all = { a0: 0, a1: a.length, b0: 0, b1: b.length }
  patience({ a: Uint32Array.from(a, intern), b: Uint32Array.from(b, intern), says, hunks, budget }, all, 0)
  return settle(hunks, a, b)
}

/** A token that means something by itself. That a lone blank or comma is on both sides is chance. */
const SAYS = /[\p{L}\p{N}\p{Extended_Pictographic}\p{RI}]/u

interface Comparison {
  readonly a: Uint32Array
  readonly b: Uint32Array
  /** By token: whether it may be an anchor. */
  readonly says: readonly boolean[]
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

/** Places of the tokens that say something and are once in each range, in the order of `a`. */
function uniquePairs({ a, b, says }: Comparison, { a0, a1, b0, b1 }: Hunk): readonly Pair[] {
  const inA = places(a, a0, a1)
  const inB = places(b, b0, b1)
  const pairs: Pair[] = []
  for (const [token, i] of inA) {
    const j = inB.get(token)
    if (i >= 0 && j !== undefined && j >= 0 && says[token]) pairs.push([i, j])
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

/** Whether a hunk both deletes and inserts. */
export function replaces(hunk: Hunk): boolean {
  return hunk.a1 > hunk.a0 && hunk.b1 > hunk.b0
}

function read<T>(list: ArrayLike<T>, index: number): T {
  return list[index] as T
}
