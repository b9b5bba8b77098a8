/** The words of a half-typed command line, without their quotes; the last is the one at its end, maybe empty. */
export function shellWords(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [piece] of line.matchAll(PIECE)) {
    if (/^\s/.test(piece)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + unquoted(piece)
  }
  return [...words, word ?? '']
}

/** Whether a line ends inside quotes. */
export function endsInQuotes(line: string): boolean {
  const last = [...line.matchAll(PIECE)].at(-1)?.[0] ?? ''
  return /^['"]/.test(last) && (last.length === 1 || !last.endsWith(last.charAt(0)))
}

/** A word as it is typed, so that a shell takes it for one word. */
export function quoted(word: string): string {
  return word.replace(/[^\p{L}\p{N}_./:=@%+,-]/gu, '\\$&')
}

const PIECE = /\s+|'[^']*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|\\?$)|\\.|[^\s'"\\]+|\\$/gs

function unquoted(piece: string): string {
  switch (piece.charAt(0)) {
    case "'":
      return piece.replace(/^'|'$/g, '')
    case '"':
      return piece.replace(/^"|"$/g, '').replace(/\\(["\\$`])/g, '$1')
    case '\\':
      return piece.slice(1)
    default:
      return piece
  }
}
