/**
 * A text without these signs at its end. No pattern: one for the end of a text is tried anew at each of those signs, and
 * takes minutes where very many stand in the middle.
 */
export function withoutLast(text: string, signs: string): string {
  let end = text.length
  while (end > 0 && signs.includes(text[end - 1] as string)) end--
  return text.slice(0, end)
}

export function withoutLastNewlines(text: string): string {
  return withoutLast(text, '\n')
}

export function withoutOuterNewlines(text: string): string {
  let start = 0
  while (text[start] === '\n') start++
  return withoutLastNewlines(text.slice(start))
}
