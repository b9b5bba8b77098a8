import type { TextEdit } from './text-edit.ts'
import { compareTokens, type DiffBudget, type Hunk, replaces, type Tokens } from './token-diff.ts'

const CELLS_PER_CALL = 8_000_000

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
  for (const hunk of compareTokens(a, b, budget)) {
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

/**
 * Finds the edits that bring what changed from `base` to `disk` into `current`, which may have changed as well. The last
 * line is compared as if it had an end, like every other: else who takes it out takes the end of the line before, and what
 * somebody put between the two is glued to that.
 */
export function mergeText(base: string, disk: string, current: string): readonly TextEdit[] {
  // Two who begin one empty text write lines of their own; everywhere else a line end is part of what one of them inserts.
  const begun = base === '' && disk !== '' && current !== '' && !current.endsWith('\n') && !disk.startsWith('\n')
  if (begun) return [{ at: current.length, delete: 0, insert: `\n${disk}` }]
  const edits = rebaseEdits(diffText(`${base}\n`, `${disk}\n`), diffText(`${base}\n`, `${current}\n`))
  return withoutLastEnd(edits, current)
}

/** Edits of a text and one more line end, as edits of the text alone. */
function withoutLastEnd(edits: readonly TextEdit[], text: string): readonly TextEdit[] {
  const last = edits.at(-1)
  if (last === undefined || last.at + last.delete <= text.length) return edits
  const { at, delete: deleted, insert } = last
  const rest = edits.slice(0, -1)
  const kept = insert.endsWith('\n') ? insert.slice(0, -1) : insert
  if (at > text.length) return [...rest, { at: text.length, delete: 0, insert: `\n${kept}` }]
  // The line before ends the text now.
  if (insert === '' && text[at - 1] === '\n') return [...rest, { at: at - 1, delete: deleted, insert }]
  return deleted === 1 && kept === '' ? rest : [...rest, { at, delete: deleted - 1, insert: kept }]
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
  return withoutChance(compareTokens(a, b, budget), a).map((hunk) => ({
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

function read<T>(list: ArrayLike<T>, index: number): T {
  return list[index] as T
}
