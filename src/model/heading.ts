export interface Heading {
  /** 1 to 6. */
  readonly level: number
  readonly text: string
}

/**
 * Reads a line as a heading of Markdown: `## Title ##`. Without a pattern for the blanks and signs at its end: those that
 * come to mind take minutes for a line of some thousand blanks.
 */
export function headingOf(line: string): Heading | undefined {
  const [, signs] = /^(#{1,6})(?=\s|$)/.exec(line) ?? []
  if (signs === undefined) return undefined
  const text = line.slice(signs.length).trim()
  let end = text.length
  while (text[end - 1] === '#') end--
  // Signs that a word ends with belong to it: C#.
  const isClosed = end === 0 || /\s/.test(text[end - 1] ?? '')
  return { level: signs.length, text: isClosed ? text.slice(0, end).trimEnd() : text }
}
