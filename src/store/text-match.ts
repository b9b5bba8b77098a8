import { must } from '../base/assert.ts'
import { matchExpression, searchTerms, type Term } from '../model/search-words.ts'
import type { Database } from './database.ts'
import type { Sql } from './filter-sql.ts'
import { TOKENIZER } from './search-index.ts'

/** How many hold the words of a text is counted up to here: to go through more costs milliseconds, and nobody reads them. */
export const COUNTED = 1_000

/** The words of a text, as the full text index is asked for them. */
export interface TextMatch {
  /** What to rank. A beginning of only one word that there is is that word. */
  readonly terms: readonly Term[]
  /** Finds them, in the query language of FTS5. */
  readonly expression: string
  /** Ids that begin with the text, when it can be the beginning of one: from, to. */
  readonly ids: readonly [string, string] | undefined
  /** Whether one record is asked for in microseconds. */
  readonly isQuick: boolean
}

/**
 * Reads a text. Before its first answer FTS5 reads and merges all lists of the words that begin with a beginning, however few
 * answers are wanted; lists of whole words it reads as far as it must. So beginnings are asked for as the words that there are.
 * A text without words finds nothing.
 */
export function textMatch(db: Database, text: string): TextMatch {
  const typed = searchTerms(text)
  const found = typed.map((term): readonly Term[] => {
    const words = term.isBeginning ? wordsBeginning(db, term.words.at(-1) ?? '') : undefined
    return words?.map((word) => ({ ...term, words: [...term.words.slice(0, -1), word], isBeginning: false })) ?? [term]
  })
  const ids = idRange(text)
  return {
    terms: typed.map((term, i) => (found[i]?.length === 1 ? (found[i][0] ?? term) : term)),
    expression: found
      .map(
        (terms, i) =>
          `(${(terms.length > 0 ? terms : [typed[i] as Term]).map((one) => matchExpression([one])).join(' OR ')})`,
      )
      .join(' AND '),
    ids,
    isQuick: ids === undefined && found.flat().every(({ isBeginning }) => !isBeginning),
  }
}

/** More are not put one after the other: merging their lists once is less work. */
const MAX_WORDS = 16

/** The words of the index that begin so, found by leaping from one to the next. Undefined where there are too many. */
function wordsBeginning(db: Database, typed: string): readonly string[] | undefined {
  const begin = tokenOf(db, typed)
  if (begin === undefined) return undefined
  db.run('CREATE VIRTUAL TABLE IF NOT EXISTS temp.search_words USING fts5vocab(main, search_text, instance)')
  const end = `${begin}\u{10ffff}`
  const next = (from: string): string =>
    `SELECT term FROM temp.search_words WHERE term >= ${from} AND term < ? ORDER BY term LIMIT 1`
  const words = db.all<{ word: string }>(
    `WITH RECURSIVE words(word) AS (
       SELECT (${next('?')}) UNION ALL
       SELECT (${next('word || char(1)')}) FROM words WHERE word IS NOT NULL LIMIT ${MAX_WORDS + 1})
     SELECT word FROM words WHERE word IS NOT NULL`,
    begin,
    end,
    end,
  )
  return words.length > MAX_WORDS ? undefined : words.map(({ word }) => word)
}

/** A word as the index writes it, which only its tokenizer knows: it is asked by a table of one text. Undefined when that are several. */
function tokenOf(db: Database, word: string): string | undefined {
  if (/^[a-z0-9]+$/i.test(word)) return word.toLowerCase()
  db.run(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.typed_text USING fts5 (text, tokenize = "${TOKENIZER}")`)
  db.run('CREATE VIRTUAL TABLE IF NOT EXISTS temp.typed_words USING fts5vocab(temp, typed_text, instance)')
  db.run('DELETE FROM temp.typed_text')
  db.run('INSERT INTO temp.typed_text (text) VALUES (?)', word)
  const tokens = db.all<{ term: string }>('SELECT term FROM temp.typed_words LIMIT 2')
  return tokens.length === 1 ? tokens[0]?.term : undefined
}

/** The numbers (`search_docs.n`) of what holds the words of a text. What may be the beginning of an id finds that, too. */
export function matchSql({ expression, ids }: TextMatch): Sql {
  const holding = 'SELECT rowid AS n FROM search_text WHERE search_text MATCH ?'
  return ids === undefined
    ? { sql: holding, params: [expression] }
    : { sql: `${holding} UNION SELECT n FROM search_docs WHERE id >= ? AND id < ?`, params: [expression, ...ids] }
}

/** Whether more hold the words than are counted. */
export function isCommon(db: Database, match: TextMatch): boolean {
  const { sql, params } = matchSql(match)
  return db.get(`SELECT 1 FROM (${sql}) LIMIT 1 OFFSET ${COUNTED}`, ...params) !== undefined
}

/** How many of the newest that hold the words are in a table and fulfil conditions of it: so many at least hold them and do. */
export function atLeast(db: Database, table: string, { expression }: TextMatch, conditions: Sql): number {
  const newest = `SELECT rowid AS n FROM search_text WHERE search_text MATCH ? ORDER BY rowid DESC LIMIT ${COUNTED}`
  const count = `SELECT count(*) AS n FROM (${newest}) AS newest CROSS JOIN ${table} ON search_n = newest.n WHERE ${conditions.sql}`
  return db.get<{ n: number }>(count, expression, ...conditions.params)?.n ?? 0
}

/** Looks for the words in one record after the other, by their numbers, until there are enough. */
export function holding(
  db: Database,
  { expression }: TextMatch,
  numbers: readonly number[],
  limit: number,
): readonly number[] {
  const held: number[] = []
  for (const n of numbers) {
    if (held.length >= limit) break
    if (db.get('SELECT 1 FROM search_text WHERE search_text MATCH ? AND rowid = ?', expression, n)) held.push(n)
  }
  return held
}

/**
 * Gathers the numbers of what holds the words, in a table of this connection alone: they are found once, however often a
 * list then asks for them. Gives what stands for them in its SQL, and how many there are; until the next call.
 */
export function gather(db: Database, match: TextMatch): { readonly sql: string; readonly count: number } {
  db.run('CREATE TEMP TABLE IF NOT EXISTS text_found (n INTEGER PRIMARY KEY)')
  db.run('DELETE FROM temp.text_found')
  const { sql, params } = matchSql(match)
  db.run(`INSERT INTO temp.text_found ${sql}`, ...params)
  const { n } = must(db.get<{ n: number }>('SELECT count(*) AS n FROM temp.text_found'), 'a sum has a row')
  return { sql: 'SELECT n FROM temp.text_found', count: n }
}

/** Ids that begin with a text; none for what cannot be the beginning of one. */
function idRange(text: string): readonly [string, string] | undefined {
  const typed = text.trim().toLowerCase()
  return /^[a-z]-[0-9a-z]{2,8}$/.test(typed) ? [typed, `${typed}~`] : undefined
}
