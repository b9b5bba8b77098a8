import { isEntry, MAX_ENTRY_LENGTH } from '../../entry.ts'
import type { Json } from '../../record.ts'
import type { ImportedComment } from '../imported.ts'
import { type Issue, isEmpty, listOf, membersOf, textOf } from './issue.ts'

/** Where an issue's comments go. */
export interface Comments {
  readonly comments: readonly ImportedComment[]
  /** Those that say more than an author, a time and a text, or cannot be read. */
  readonly rest: readonly Json[]
}

/** Reads the comments of an issue. Their numbers are made anew where they are needed: by order. */
export function commentsOf(issue: Issue): Comments {
  const comments: ImportedComment[] = []
  const rest: Json[] = []
  for (const raw of listOf(issue.comments)) {
    const { text, author, created_at: created, issue_id: of = issue.id, ...more } = membersOf(raw)
    const body = textOf(text)?.replace(/\r\n?/g, '\n')
    const at = Date.parse(String(created))
    const by = textOf(author)?.replace(/\s+/g, ' ').trim() || 'somebody'
    const fits = isEntry({ id: '0', at: Number.isNaN(at) ? 0 : at, by, text: body ?? '' })
    if (body === undefined || body.length > MAX_ENTRY_LENGTH || !fits) {
      rest.push(raw)
      continue
    }
    comments.push({ text: body, ...(!Number.isNaN(at) && { at }), by })
    const isWhole = of === issue.id && Object.keys(more).every((key) => key === 'id' || isEmpty(more[key]))
    if (!isWhole || Number.isNaN(at)) rest.push(raw)
  }
  return { comments, rest }
}
