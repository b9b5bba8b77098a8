import type { Json } from '../../record.ts'
import { type Issue, isEmpty, listOf, membersOf, textOf } from './issue.ts'

/** The texts of an issue in the order of the body, with their headings; the first needs none. */
const SECTIONS = [
  ['description', undefined],
  ['design', 'Design'],
  ['acceptance_criteria', 'Acceptance criteria'],
  ['notes', 'Notes'],
] as const

/** The body that an issue's texts and comments make, and what it leaves. */
export interface Body {
  readonly text: string
  /** Keys of the issue that stand in it as a whole. */
  readonly home: readonly string[]
  /** Comments that say more than an author, a time and a text. */
  readonly rest: readonly Json[]
  readonly dropped: readonly string[]
}

/** Joins the texts, each byte for byte under its heading, then the comments under theirs. */
export function bodyOf(issue: Issue): Body {
  const texts = SECTIONS.filter(([key]) => textOf(issue[key]) !== undefined)
  const sections = texts.map(([key, heading]) => `${heading === undefined ? '' : `## ${heading}\n\n`}${issue[key]}`)
  const comments = listOf(issue.comments).map((raw) => readComment(issue, raw))
  const shown = comments.flatMap(({ entry }) => entry ?? [])
  if (shown.length > 0) sections.push('## Comments', ...shown)
  return {
    text: sections.reduce((above, section) => `${above}${blankLine(above)}${section}`, ''),
    home: [...texts.map(([key]) => key), 'comments'],
    rest: comments.flatMap(({ isWhole, raw }) => (isWhole ? [] : [raw])),
    dropped: comments.some(({ raw }) => 'id' in membersOf(raw)) ? ['comments.id'] : [],
  }
}

/** What lacks of a blank line below a text. */
function blankLine(text: string): string {
  if (text === '' || text.endsWith('\n\n')) return ''
  return text.endsWith('\n') ? '\n' : '\n\n'
}

interface Comment {
  readonly raw: Json
  readonly entry: string | undefined
  /** Whether the entry says all that stands there, but its number. */
  readonly isWhole: boolean
}

function readComment(issue: Issue, raw: Json): Comment {
  const { text, author, created_at: at, issue_id: of = issue.id, ...rest } = membersOf(raw)
  const body = textOf(text)
  if (body === undefined) return { raw, entry: undefined, isWhole: false }
  const head = [author, at].flatMap((one) => textOf(one)?.replace(/\s+/g, ' ').trim() ?? []).join(', ')
  const isWhole = of === issue.id && Object.keys(rest).every((key) => key === 'id' || isEmpty(rest[key]))
  return { raw, entry: `### ${head || 'somebody'}\n\n${body}`, isWhole }
}
