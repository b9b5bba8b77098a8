import type { RecordId } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import { matchExpression, searchTerms, type Term } from '../model/search-words.ts'
import type { Database, SqlValue } from './database.ts'
import type { Sql } from './filter-sql.ts'
import type { Found } from './project.ts'
import { shownHits } from './search-found.ts'
import { COUNTED, matchSql, textMatch } from './text-match.ts'

export interface SearchQuery {
  readonly text: string
  /** Only of these kinds; `log` for the work log. */
  readonly kinds?: readonly string[] | undefined
  readonly limit: number
}

/** What a word counts for in a title, in a text, and in what was said about it. */
const WEIGHTS = '20.0, 4.0, 1.0'

/** What a search found: `total` of them, or, where `isAtLeast`, that many and more. */
export interface SearchResult {
  readonly items: readonly Found[]
  readonly total: number
  readonly isAtLeast: boolean
}

/**
 * Finds living records and entries of the work log that hold every word or the beginning of one, in any case, and every
 * phrase in quotes; the best first (BM25, a title counting most), of equals the newest.
 */
export function searchRecords(db: Database, kinds: Kinds, { text, kinds: wanted, limit }: SearchQuery): SearchResult {
  const match = textMatch(db, text)
  if (match.terms.length === 0) return { items: [], total: 0, isAtLeast: false }
  const only = `deleted = 0${wanted ? ' AND kind IN (SELECT value FROM json_each(?))' : ''}`
  const params: readonly SqlValue[] = wanted ? [JSON.stringify(wanted)] : []
  const count = countOf(db, matchSql(match), { only, params, isAll: wanted === undefined })
  const isMany = count > COUNTED
  const ranked = isMany ? RANKED_OF_MANY : COUNTED
  const named = match.ids
    ? db.all<Hit>(
        `SELECT n, id, kind FROM search_docs WHERE id >= ? AND id < ? AND ${only} ORDER BY id LIMIT ?`,
        ...match.ids,
        ...params,
        limit,
      )
    : []
  const hits = new Map(named.map((hit) => [hit.n, hit]))
  for (const expression of rankings(match.terms, isMany)) {
    if (hits.size >= limit) break
    for (const hit of db.all<Hit>(bestSql(only), expression, ...params, ranked, limit)) hits.set(hit.n, hit)
  }
  return {
    items: shownHits(db, kinds, [...hits.values()].slice(0, limit), searchTerms(text)),
    total: Math.min(count, COUNTED),
    isAtLeast: isMany,
  }
}

interface Hit {
  readonly n: number
  readonly id: RecordId
  readonly kind: string
}

/** What is ranked costs microseconds each: of words that more hold than are counted, the newest, those with them in the title first. */
const RANKED_OF_MANY = 500

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
    WHERE search_text MATCH ? AND ${only} ORDER BY search_text.rowid DESC LIMIT ?`
  return `SELECT best.n AS n, id, kind FROM (SELECT n, score FROM (${newest}) ORDER BY score, n DESC LIMIT ?) AS best
    CROSS JOIN search_docs ON search_docs.n = best.n ORDER BY best.score, best.n DESC`
}

/** How many are found, up to one more than are counted. Where all are wanted and none is deleted, the full text index alone knows. */
function countOf(
  db: Database,
  { sql, params }: Sql,
  wanted: { readonly only: string; readonly params: readonly SqlValue[]; readonly isAll: boolean },
): number {
  const isAny = wanted.isAll && db.get('SELECT 1 FROM search_docs WHERE deleted = 1 LIMIT 1') === undefined
  const [from, more] = isAny
    ? [`(${sql})`, []]
    : [`(${sql}) AS found CROSS JOIN search_docs ON search_docs.n = found.n WHERE ${wanted.only}`, wanted.params]
  const counted = `SELECT count(*) AS n FROM (SELECT 1 FROM ${from} LIMIT ${COUNTED + 1})`
  return db.get<{ n: number }>(counted, ...params, ...more)?.n ?? 0
}
