import { entriesField } from '../model/comments.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Database, SqlValue } from './database.ts'
import { setTable } from './index-tables.ts'
import type { Found } from './project.ts'

/** How much is shown around a word, in UTF-16 code units. */
const AROUND = 60

interface Hit {
  readonly id: RecordId
  readonly title: string | null
  readonly body: string
  readonly comments: string | null
  readonly rank: number
  readonly updatedAt: number
}

/**
 * Finds living records of all kinds that hold every word, in any case: in the title first, then in the text, then in
 * what was said about it; of equals the one that changed last.
 */
export function searchRecords(
  db: Database,
  kinds: readonly RecordKind[],
  text: string,
  limit: number,
): { readonly items: readonly Found[]; readonly total: number } {
  const words = text.split(/\s+/).filter(Boolean)
  if (words.length === 0) return { items: [], total: 0 }
  let total = 0
  const hits = kinds.flatMap((kind) => {
    const { where, inTitle, inBody, comments, params } = conditions(kind, words)
    total += db.get<{ n: number }>(`SELECT count(*) AS n FROM ${kind.plural} WHERE ${where}`, ...params)?.n ?? 0
    return db
      .all<Hit>(
        `SELECT id, "${kind.title}" AS title, "${kind.body}" AS body, ${comments} AS comments, updatedAt,
           CASE WHEN ${inTitle} THEN 0 WHEN ${inBody} THEN 1 ELSE 2 END AS rank
         FROM ${kind.plural} WHERE ${where} ORDER BY rank, updatedAt DESC, id LIMIT ?`,
        ...params,
        limit,
      )
      .map((hit) => ({ ...hit, kind }))
  })
  const items = hits
    .sort((a, b) => a.rank - b.rank || b.updatedAt - a.updatedAt || (a.id < b.id ? -1 : 1))
    .slice(0, limit)
    .map(({ kind, id, ...hit }) => ({ kind: kind.name, id, ...placeOf(kind, hit, words) }))
  return { items, total }
}

/** SQL in which `?1`, `?2`, ... are the words as patterns. */
function conditions(kind: RecordKind, words: readonly string[]) {
  const field = entriesField(kind)
  const comments =
    field === undefined
      ? 'NULL'
      : `(SELECT group_concat(text, char(10)) FROM ${setTable(kind, field)} AS said WHERE said.id = ${kind.plural}.id)`
  const every = (of: (word: string) => string): string => words.map((_, i) => of(`?${i + 1}`)).join(' AND ')
  const like = (column: string, word: string): string => `${column} LIKE ${word} ESCAPE '\\'`
  const isSaid = (word: string): string =>
    field === undefined
      ? '0'
      : `EXISTS (SELECT 1 FROM ${setTable(kind, field)} AS said WHERE said.id = ${kind.plural}.id AND ${like('said.text', word)})`
  const inTitle = (word: string): string => like(`coalesce("${kind.title}", '')`, word)
  const inBody = (word: string): string => `(${inTitle(word)} OR ${like(`"${kind.body}"`, word)})`
  const params: readonly SqlValue[] = words.map((word) => `%${word.replace(/[\\%_]/g, (special) => `\\${special}`)}%`)
  return {
    where: `deletedAt IS NULL AND ${every((word) => `(${like('id', word)} OR ${inBody(word)} OR ${isSaid(word)})`)}`,
    inTitle: every(inTitle),
    inBody: every(inBody),
    comments,
    params,
  }
}

/** Where the words are, and what stands around the first of them. */
function placeOf(
  kind: RecordKind,
  { title, body, comments, rank }: Pick<Hit, 'title' | 'body' | 'comments' | 'rank'>,
  words: readonly string[],
): Pick<Found, 'title' | 'where' | 'snippet'> {
  const places = [
    [kind.title, title ?? ''],
    [kind.body, body],
    [entriesField(kind) ?? '', comments ?? ''],
  ] as const
  const from = places[rank] ?? places[0]
  const [where, text] = [from, ...places].find(([, one]) => indexOf(one, words) >= 0) ?? ['id', '']
  return { title: title ?? '', where, snippet: where === kind.title ? '' : snippetOf(text, indexOf(text, words)) }
}

function indexOf(text: string, words: readonly string[]): number {
  const lower = text.toLowerCase()
  const found = words.map((word) => lower.indexOf(word.toLowerCase())).filter((at) => at >= 0)
  return found.length === 0 ? -1 : Math.min(...found)
}

function snippetOf(text: string, at: number): string {
  const [start, end] = [Math.max(0, at - AROUND), at + 2 * AROUND]
  // Half a character at either end is none.
  const piece = text.slice(start, end).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, '')
  const shown = piece.replace(/\s+/g, ' ').trim()
  return `${start > 0 ? '…' : ''}${shown}${end < text.length ? '…' : ''}`
}
