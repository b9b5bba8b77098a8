import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { matchExpression, searchTerms, type Term } from '../model/search-words.ts'
import type { Database, SqlValue } from './database.ts'
import type { Sql } from './filter-sql.ts'
import { logEntryOf, type SqlEntry } from './log-index.ts'
import type { Found } from './project.ts'
import { fromSqlRecord, type SqlRecord } from './record-index.ts'
import { textsOfEntry, textsOfRecord } from './search-index.ts'

export interface SearchQuery {
  readonly text: string
  /** Only of these kinds; `log` for the work log. */
  readonly kinds?: readonly string[] | undefined
  readonly limit: number
}

/** How much is shown around a word, in UTF-16 code units. */
const AROUND = 60
/** What a word counts for in a title, in a text, and in what was said about it. */
const WEIGHTS = '20.0, 4.0, 1.0'

/**
 * Finds living records and entries of the work log that hold every word or the beginning of one, in any case, and every
 * phrase in quotes; the best first (BM25, a title counting most), of equals the newest.
 */
export function searchRecords(
  db: Database,
  kinds: Kinds,
  { text, kinds: wanted, limit }: SearchQuery,
): { readonly items: readonly Found[]; readonly total: number } {
  const terms = searchTerms(text)
  const only = `deleted = 0${wanted ? ' AND kind IN (SELECT value FROM json_each(?))' : ''}`
  const params: readonly SqlValue[] = wanted ? [JSON.stringify(wanted)] : []
  if (terms.length === 0) return { items: [], total: 0 }
  const match = matchSql(terms, text)
  const total = db.get<{ n: number }>(
    `SELECT count(*) AS n FROM (${match.sql}) AS found CROSS JOIN search_docs ON search_docs.n = found.n WHERE ${only}`,
    ...match.params,
    ...params,
  )?.n
  const named = db.all<Hit>(
    `SELECT id, kind FROM search_docs WHERE id >= ? AND id < ? AND ${only} ORDER BY id LIMIT ?`,
    ...idRange(text),
    ...params,
    limit,
  )
  const best = rankedSql(terms, only, params, (total ?? 0) > RANKED)
  const ranked = db.all<Hit>(
    `SELECT id, kind FROM (${best.sql}) GROUP BY n ORDER BY min(score), n DESC LIMIT ?`,
    ...best.params,
    limit,
  )
  const hits = new Map([...named, ...ranked].map(({ id, kind }) => [id, kind]))
  const items = [...hits].slice(0, limit).flatMap(([id, kind]) => found(db, kinds, kind, id, terms) ?? [])
  return { items, total: total ?? 0 }
}

interface Hit {
  readonly id: RecordId
  readonly kind: string
}

/** What is ranked costs some microseconds each: of words that more hold than so many, the newest, and those with them in the title. */
const RANKED = 1_000

/** What is found, with how well it fits: less is better. */
function rankedSql(terms: readonly Term[], only: string, params: readonly SqlValue[], isMany: boolean): Sql {
  const expression = matchExpression(terms)
  const newest = `SELECT id, kind, n, bm25(search_text, ${WEIGHTS}) AS score FROM search_text JOIN search_docs ON n = search_text.rowid
    WHERE search_text MATCH ? AND ${only} ORDER BY search_text.rowid DESC LIMIT ${RANKED}`
  const found = { sql: newest, params: [expression, ...params] }
  if (!isMany) return found
  return {
    sql: `SELECT * FROM (${newest}) UNION ALL SELECT * FROM (${newest})`,
    params: [...found.params, `{title} : (${expression})`, ...params],
  }
}

/** The numbers (`search_docs.n`) of what holds the words of a text. What may be the beginning of an id finds that, too. */
export function matchSql(terms: readonly Term[], text: string): Sql {
  const holding = 'SELECT rowid AS n FROM search_text WHERE search_text MATCH ?'
  const range = idRange(text)
  return range[0] === ''
    ? { sql: holding, params: [matchExpression(terms)] }
    : {
        sql: `${holding} UNION SELECT n FROM search_docs WHERE id >= ? AND id < ?`,
        params: [matchExpression(terms), ...range],
      }
}

/** Whether more records and entries hold these words than one would look up one by one. */
export function isCommon(db: Database, terms: readonly Term[]): boolean {
  const sql = `SELECT count(*) AS n FROM (SELECT 1 FROM search_text WHERE search_text MATCH ? LIMIT ${COMMON})`
  return db.get<{ n: number }>(sql, matchExpression(terms))?.n === COMMON
}

const COMMON = 1_000

/** Ids that begin with a text; none for what cannot be the beginning of one. */
function idRange(text: string): readonly [string, string] {
  const typed = text.trim().toLowerCase()
  return /^[a-z]-[0-9a-z]{2,8}$/.test(typed) ? [typed, `${typed}~`] : ['', '']
}

function found(db: Database, kinds: Kinds, kindName: string, id: RecordId, terms: readonly Term[]): Found | undefined {
  if (kindName === 'log') {
    const row = db.get<SqlEntry>(`SELECT * FROM ${kinds.log.table} WHERE id = ?`, id)
    if (!row) return undefined
    const { title, body } = textsOfEntry(logEntryOf(row))
    return {
      kind: kindName,
      id,
      title,
      ...placeOf(
        [
          ['action', title],
          ['details', body],
        ],
        terms,
      ),
    }
  }
  const kind = kinds.record(kindName)
  const row = kind && db.get<SqlRecord>(`SELECT * FROM ${kind.table} WHERE id = ?`, id)
  if (!kind || !row) return undefined
  const { title, body, said } = textsOfRecord(kind, fromSqlRecord(kind, row).values)
  return { kind: kindName, id, title, ...placeOf(placesOf(kind, title, body, said), terms) }
}

function placesOf(kind: RecordKind, title: string, body: string, said: string): readonly Place[] {
  const comments = Object.entries(kind.fields).find(([, { merge }]) => merge === 'entries')?.[0]
  return [
    [kind.title, title],
    [kind.body, body],
    [comments ?? 'fields', said],
  ]
}

type Place = readonly [name: string, text: string]

/** Where the first of the words is, and what stands around it; of a title nothing, it is shown anyway. */
function placeOf(places: readonly Place[], terms: readonly Term[]): Pick<Found, 'where' | 'snippet'> {
  for (const [i, [where, text]] of places.entries()) {
    const at = indexOf(text, terms)
    if (at >= 0) return { where, snippet: i === 0 ? '' : snippetOf(text, at) }
  }
  return { where: 'id', snippet: '' }
}

function indexOf(text: string, terms: readonly Term[]): number {
  const lower = text.toLowerCase()
  const places = terms.flatMap(({ text: typed, words }) => {
    const at = lower.indexOf(typed.toLowerCase())
    return at >= 0 ? at : lower.indexOf(words[0]?.toLowerCase() ?? typed)
  })
  const known = places.filter((at) => at >= 0)
  return known.length === 0 ? -1 : Math.min(...known)
}

function snippetOf(text: string, at: number): string {
  const [start, end] = [Math.max(0, at - AROUND), at + 2 * AROUND]
  // Half a character at either end is none.
  const piece = text.slice(start, end).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, '')
  const shown = piece.replace(/\s+/g, ' ').trim()
  return `${start > 0 ? '…' : ''}${shown}${end < text.length ? '…' : ''}`
}
