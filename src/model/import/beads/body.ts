import { type Issue, textOf } from './issue.ts'

/** The texts of an issue in the order of the body, with their headings; the first needs none. */
const SECTIONS = [
  ['description', undefined],
  ['design', 'Design'],
  ['acceptance_criteria', 'Acceptance criteria'],
  ['notes', 'Notes'],
] as const

/** The body that an issue's texts make. */
export interface Body {
  readonly text: string
  /** Keys of the issue that stand in it as a whole. */
  readonly home: readonly string[]
}

/** Joins the texts, each byte for byte under its heading. */
export function bodyOf(issue: Issue): Body {
  const texts = SECTIONS.filter(([key]) => textOf(issue[key]) !== undefined)
  const sections = texts.map(([key, heading]) => `${heading === undefined ? '' : `## ${heading}\n\n`}${issue[key]}`)
  return {
    text: sections.reduce((above, section) => `${above}${blankLine(above)}${section}`, ''),
    home: texts.map(([key]) => key),
  }
}

/** What lacks of a blank line below a text. */
function blankLine(text: string): string {
  if (text === '' || text.endsWith('\n\n')) return ''
  return text.endsWith('\n') ? '\n' : '\n\n'
}

/** How long each text is in a body, in UTF-16 code units, in the order of the body. */
export type Lengths = Readonly<Record<string, number>>

/**
 * Takes a body apart again: by the lengths that its texts had, where it still is what they make, else at its headings.
 * Joining is not always told apart: a text may end in blank lines, or hold such a heading itself.
 */
export function splitBody(body: string, lengths?: Lengths): Readonly<Record<string, string>> {
  return (lengths && byLengths(body, lengths)) ?? byHeadings(body)
}

/** The lengths that `splitBody` needs to give back the texts of an issue; undefined when it does without. */
export function lengthsOf(issue: Issue, { text, home }: Body): Lengths | undefined {
  const found = splitBody(text)
  const isSame = Object.keys(found).length === home.length && home.every((key) => found[key] === issue[key])
  return isSame ? undefined : Object.fromEntries(home.map((key) => [key, String(issue[key]).length]))
}

function byLengths(body: string, lengths: Lengths): Readonly<Record<string, string>> | undefined {
  const texts: Record<string, string> = {}
  let at = 0
  for (const [key, heading] of SECTIONS) {
    const length = lengths[key]
    if (typeof length !== 'number') continue
    at += blankLine(body.slice(0, at)).length + (heading === undefined ? 0 : `## ${heading}\n\n`.length)
    texts[key] = body.slice(at, at + length)
    at += length
  }
  const isWhole = at === body.length && bodyOf({ id: '', ...texts }).text === body
  return isWhole ? texts : undefined
}

function byHeadings(body: string): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {}
  let rest = body
  for (const [key, heading] of SECTIONS.toReversed()) {
    if (heading === undefined) {
      if (rest !== '') texts[key] = rest
      continue
    }
    const head = `## ${heading}\n\n`
    const start = rest.startsWith(head) ? 0 : rest.lastIndexOf(`\n\n${head}`) + 2
    if (start === 1) continue
    texts[key] = rest.slice(start + head.length)
    rest = rest.slice(0, Math.max(0, start - 2))
  }
  return texts
}
