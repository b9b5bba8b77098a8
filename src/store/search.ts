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
  const total = totalOf(db, matchSql(terms, text), { only, params, isAll: wanted === undefined })
  const named = db.all<Hit>(
    `SELECT id, kind FROM search_docs WHERE id >= ? AND id < ? AND ${only} ORDER BY id LIMIT ?`,
    ...idRange(text),
    ...params,
    limit,
  )
  const best = (expression: string): readonly Hit[] => db.all<Hit>(bestSql(only), expression, ...params, limit)
  const hits = new Map(named.map(({ id, kind }) => [id, kind]))
  for (const expression of rankings(terms, total > RANKED)) {
    if (hits.size >= limit) break
    for (const { id, kind } of best(expression)) hits.set(id, kind)
  }
  const items = [...hits].slice(0, limit).flatMap(([id, kind]) => found(db, kinds, kind, id, terms) ?? [])
  return { items, total }
}

interface Hit {
  readonly id: RecordId
  readonly kind: string
}

/** What is ranked costs some microseconds each: of words that more hold than so many, the newest, those with them in the title first. */
const RANKED = 1_000

/** What to rank, one after the other until there are enough: of very many those with the words in their titles, whole ones first. */
function rankings(terms: readonly Term[], isMany: boolean): readonly string[] {
  const expression = matchExpression(terms)
  if (!isMany) return [expression]
  const whole = matchExpression(terms.map((term) => ({ ...term, isBeginning: false })))
  return [...new Set([whole, expression].map((one) => `{title} : (${one})`)), expression]
}

/** The best of the newest that an expression finds: less is better. Nothing but numbers is put in order. */
function bestSql(only: string): string {
  const newest = `SELECT search_docs.n AS n, bm25(search_text, ${WEIGHTS}) AS score
    FROM search_text JOIN search_docs ON search_docs.n = search_text.rowid
    WHERE search_text MATCH ? AND ${only} ORDER BY search_text.rowid DESC LIMIT ${RANKED}`
  return `SELECT id, kind FROM (SELECT n, score FROM (${newest}) ORDER BY score, n DESC LIMIT ?) AS best
    CROSS JOIN search_docs ON search_docs.n = best.n ORDER BY best.score, best.n DESC`
}

/** How many are found. Where all are wanted and none is deleted, the full text index alone knows. */
function totalOf(
  db: Database,
  { sql, params }: Sql,
  wanted: { readonly only: string; readonly params: readonly SqlValue[]; readonly isAll: boolean },
): number {
  const isAny = wanted.isAll && db.get('SELECT 1 FROM search_docs WHERE deleted = 1 LIMIT 1') === undefined
  const found = isAny
    ? db.get<{ n: number }>(`SELECT count(*) AS n FROM (${sql})`, ...params)
    : db.get<{ n: number }>(
        `SELECT count(*) AS n FROM (${sql}) AS found CROSS JOIN search_docs ON search_docs.n = found.n WHERE ${wanted.only}`,
        ...params,
        ...wanted.params,
      )
  return found?.n ?? 0
}

/** The numbers (`search_docs.n`) of what holds the words of a text. What may be the beginning of an id finds that, too. */
function matchSql(terms: readonly Term[], text: string): Sql {
  const holding = 'SELECT rowid AS n FROM search_text WHERE search_text MATCH ?'
  const range = idRange(text)
  return range[0] === ''
    ? { sql: holding, params: [matchExpression(terms)] }
    : {
        sql: `${holding} UNION SELECT n FROM search_docs WHERE id >= ? AND id < ?`,
        params: [matchExpression(terms), ...range],
      }
}

/**
 * Gathers the numbers of what holds the words of a text, in a table of this connection alone: they are found once, however
 * often a list then asks for them. Gives what stands for them in its SQL, and how many there are; until the next call.
 */
export function gatherText(db: Database, text: string): { readonly sql: string; readonly count: number } {
  const terms = searchTerms(text)
  if (terms.length === 0) return { sql: 'SELECT 0 WHERE 0', count: 0 }
  db.run('CREATE TEMP TABLE IF NOT EXISTS text_found (n INTEGER PRIMARY KEY)')
  db.run('DELETE FROM temp.text_found')
  const { sql, params } = matchSql(terms, text)
  db.run(`INSERT INTO temp.text_found ${sql}`, ...params)
  return {
    sql: 'SELECT n FROM temp.text_found',
    count: db.get<{ n: number }>('SELECT count(*) AS n FROM temp.text_found')?.n ?? 0,
  }
}

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
