/** Largest front matter that is read, in UTF-16 code units. */
export const MAX_FRONT_MATTER = 256 * 1024
const MAX_DEPTH = 64

/**
 * Says why a YAML text must not reach the parser, and where; undefined when it may. The parser is not safe on deep
 * nesting (it exhausts the stack, or memory in a way that cannot be caught) nor on keys that are collections. Looks at
 * each character once. Brackets inside text count too: a text with more than 64 unclosed ones is refused.
 */
export function guardYaml(text: string): { readonly reason: string; readonly at: number } | undefined {
  if (text.length > MAX_FRONT_MATTER) {
    return { reason: `is ${text.length} characters; the limit is ${MAX_FRONT_MATTER}`, at: 0 }
  }
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    if (at === 0 || text[at - 1] === '\n') {
      const start = guardIndent(text, at)
      if (typeof start !== 'number') return start
      at = start
    }
    const c = text[at]
    if (c === '[' || c === '{') depth++
    else if ((c === ']' || c === '}') && depth > 0) depth--
    if (depth > MAX_DEPTH) return { reason: 'is nested too deeply', at }
  }
  return undefined
}

/** Passes over what a line begins with: blanks, and the dashes of nested lists. */
function guardIndent(text: string, lineStart: number): number | { readonly reason: string; readonly at: number } {
  let at = lineStart
  let indent = 0
  for (; ; at++, indent++) {
    if (indent > MAX_DEPTH * 4) return { reason: 'is nested too deeply', at }
    const c = text[at]
    if (c === ' ') continue
    const ends = text[at + 1] === ' ' || text[at + 1] === '\n' || text[at + 1] === undefined
    if (c === '?' && ends) return { reason: 'has a key that is not plain text (`? `)', at }
    if (c !== '-' || !ends) return at
    indent++
  }
}
