/**
 * How many tokens a text is at most, without a tokenizer: one is 120 ms and 90 MB, and every agent has a process of its own.
 * Cuts a text as the encoding o200k does before it merges, and counts for each piece what pieces of that kind cost when
 * they are none of its words. Against o200k, on prose in nine languages, code, ids and JSON, it is 0 to 60 % too high.
 */
export function tokensAtMost(text: string): number {
  let tokens = 0
  for (const [piece] of text.matchAll(PIECES)) tokens += costOf(piece)
  return Math.ceil(tokens)
}

/** A run this long is no word: a key, a hash, coded bytes. */
const PIECES = /[A-Za-z0-9+/]{40,}={0,2}|[\p{L}\p{M}]+|\d+|\s+|[^\s\p{L}\p{M}\d]+/gu

function costOf(piece: string): number {
  if (/^[A-Za-z0-9+/]{40}/.test(piece)) return piece.length / 1.43
  if (/^[A-Za-z]+$/.test(piece)) return wordCost(piece)
  if (/^\d/.test(piece)) return Math.ceil(piece.length / 3)
  if (/^\s/.test(piece)) return piece === ' ' ? 0 : 1 + piece.length / 40
  if (isAscii(piece)) return piece.length <= 4 ? 1.15 : 1 + piece.length / 4
  return wideCost(piece)
}

/** A word of a language is one token, or two; letters without sense are a token for every two. */
function wordCost(word: string): number {
  const { length } = word
  // Capitals begin words, or they are all of one.
  const humps = word.match(/[a-z](?=[A-Z])/g)?.length ?? 0
  if (length <= 3) return 1.05 + humps * 0.9
  const vowels = word.match(/[aeiouy]/gi)?.length ?? 0
  if (vowels < length / 5 || humps > length / 5) return length / 1.7
  return (length <= 7 ? 1.3 : length / 5.2) + humps * 0.6
}

function wideCost(piece: string): number {
  let cost = 0.5
  for (const letter of piece) {
    const code = letter.codePointAt(0) ?? 0
    // Latin, Greek, Cyrillic; Hebrew to Thai; Kana, Han and Hangul; what lies beyond (emoji).
    cost += code < 0x590 ? 0.3 : code < 0x1100 ? 0.6 : code < 0x10000 ? 0.9 : 2.2
  }
  return cost
}

function isAscii(text: string): boolean {
  return text.charCodeAt(0) < 128 && !/[^\0-\x7f]/.test(text)
}
