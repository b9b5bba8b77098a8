import { must } from '../base/assert.ts'
import { OrchError } from '../base/error.ts'
import { placeOf } from '../model/filter.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Database, SqlValue } from './database.ts'
import { filterSql, type Sql } from './filter-sql.ts'
import { setTable } from './index-tables.ts'
import { cursorCondition, encodeCursor, orderSql, type Sort, sortOf } from './list-order.ts'
import type { Brief, Group, Page, Query } from './project.ts'
import { fromSqlRecord, type SqlRecord, someFromSql } from './record-index.ts'
import { atLeast, gather, holding, isCommon, type TextMatch, textMatch } from './text-match.ts'

/** Answers a list: filtered, sorted, one page. Throws `invalid_input` on a field or cursor that does not exist. */
export function listRecords(db: Database, kind: RecordKind, query: Query): Page {
  const sort = sortOf(kind, query.sort)
  const { rows, total, isAtLeast } = rowsOf(db, kind, query, sort, '*')
  const items = rows.slice(0, query.limit)
  const last = items.at(-1)
  return {
    items: items.map((row) => fromSqlRecord(kind, row)),
    cursors: () => items.map((row) => encodeCursor(sort, row)),
    total,
    isAtLeast,
    next: rows.length > query.limit && last ? encodeCursor(sort, last) : undefined,
  }
}

/** The same with nothing but some fields of each record. */
export function listBriefs(
  db: Database,
  kind: RecordKind,
  query: Query,
  fields: readonly string[],
): { readonly items: readonly Brief[]; readonly total: number } {
  const known = fields.filter((name) => kind.fields[name])
  const columns = ['id', ...known].map((name) => `"${name}"`).join(', ')
  const { rows, total } = rowsOf(db, kind, query, sortOf(kind, query.sort), columns)
  const items = rows.slice(0, query.limit)
  return {
    items: items.map((row) => ({ id: String(row.id) as RecordId, values: someFromSql(kind, row, known) })),
    total,
  }
}

/** A page of rows and one more, where there is one; and how many match in all, or at least. */
interface Rows {
  readonly rows: readonly SqlRecord[]
  readonly total: number
  readonly isAtLeast: boolean
}

function rowsOf(db: Database, kind: RecordKind, query: Query, sort: Sort, columns: string): Rows {
  const match = matchOf(db, query)
  if (match?.isQuick && !query.isExact && isCommon(db, match)) {
    const common = commonRows(db, kind, query, sort, columns, match)
    if (common) return common
  }
  const text = textOf(db, match)
  const few = fewOf(db, kind, query, text)
  const total = few ? few.total : countOf(db, kind, query, text)
  if (total === 0 || query.limit === 0) return { rows: [], total, isAtLeast: false }
  const numbers = numbersSql(kind, query, sort, text, few)
  return {
    rows: rowsIn(db, kind, columns, sort, numbers.sql, ...numbers.params, query.limit + 1),
    total,
    isAtLeast: false,
  }
}

/**
 * The same for words that very many records hold, where it takes longest to find them all: the list is walked without
 * them, and each record asked for the words, until the page is full. Undefined where too few of the first ones hold them.
 */
function commonRows(
  db: Database,
  kind: RecordKind,
  query: Query,
  sort: Sort,
  columns: string,
  match: TextMatch,
): Rows | undefined {
  const { text: _, ...others } = query
  const least = (): number => atLeast(db, kind.table, match, conditions(kind, others, 'walk', undefined))
  if (query.limit === 0) return { rows: [], total: least(), isAtLeast: true }
  const { sql, params } = numbersSql(kind, others, sort, undefined, fewOf(db, kind, others, undefined))
  const asked = 2 * query.limit + 100
  const numbers = db.all<{ search_n: number }>(sql, ...params, asked).map(({ search_n }) => search_n)
  const held = holding(db, match, numbers, query.limit + 1)
  const isLast = held.length <= query.limit
  if (isLast && numbers.length === asked) return undefined
  const rows = rowsIn(db, kind, columns, sort, 'SELECT value FROM json_each(?)', JSON.stringify(held))
  if (isLast && query.after === undefined) return { rows, total: rows.length, isAtLeast: false }
  return { rows, total: Math.max(rows.length, least()), isAtLeast: true }
}

/** The numbers of a page, in its order; its last parameter is how many. */
function numbersSql(
  kind: RecordKind,
  query: Query,
  sort: Sort,
  text: FoundText | undefined,
  few: Matches | undefined,
): Sql {
  const { from, where } = pageFrom(kind, query, text, few?.numbers)
  const after = query.after === undefined ? undefined : cursorCondition(sort, query.after)
  return {
    sql: `SELECT search_n FROM ${from} WHERE ${where.sql}${after ? ` AND ${after.sql}` : ''} ${orderSql(sort)} LIMIT ?`,
    params: [...where.params, ...(after?.params ?? [])],
  }
}

/** Rows by their numbers, in order. Only numbers are sorted before: with their texts, all records would be carried through. */
function rowsIn(
  db: Database,
  kind: RecordKind,
  columns: string,
  sort: Sort,
  numbers: string,
  ...params: readonly SqlValue[]
): readonly SqlRecord[] {
  const sql = `SELECT ${columns} FROM ${kind.table} WHERE search_n IN (${numbers}) ${orderSql(sort)}`
  return db.all<SqlRecord>(sql, ...params)
}

/** How many match; where they are few, their numbers as a JSON list. */
interface Matches {
  readonly total: number
  readonly numbers: string
}

/** What matches, where it is few and would have to be sorted. */
function fewOf(db: Database, kind: RecordKind, query: Query, text: FoundText | undefined): Matches | undefined {
  if (query.limit === 0 || isInOrderOfIndex(query) || text?.isCommon) return undefined
  const { sql, params } = conditions(kind, query, 'find', text)
  const few = must(
    db.get<Matches>(
      `SELECT count(*) AS total, json_group_array(n) AS numbers
       FROM (SELECT search_n AS n FROM ${kind.table} WHERE ${sql} LIMIT ${FEW_MATCHES + 1})`,
      ...params,
    ),
    'a sum has a row',
  )
  return few.total <= FEW_MATCHES ? few : undefined
}

function countOf(db: Database, kind: RecordKind, query: Query, text: FoundText | undefined): number {
  const { sql, params } = conditions(kind, query, 'find', text)
  return db.get<{ n: number }>(`SELECT count(*) AS n FROM ${kind.table} WHERE ${sql}`, ...params)?.n ?? 0
}

/** Few matches are sorted. Many: the order of the list is walked until the page is full. */
function pageFrom(
  kind: RecordKind,
  query: Query,
  text: FoundText | undefined,
  numbers: string | undefined,
): { readonly from: string; readonly where: Sql } {
  const { table } = kind
  if (numbers !== undefined) {
    return { from: table, where: { sql: 'search_n IN (SELECT value FROM json_each(?))', params: [numbers] } }
  }
  if (isInOrderOfIndex(query) || !isWalkable(query)) {
    return { from: table, where: conditions(kind, query, 'find', text) }
  }
  const from = isDefaultOrder(query) ? `${table} INDEXED BY ${table}_sort` : table
  return { from, where: conditions(kind, query, 'walk', text) }
}

/** The order of lists, of living records: there is an index of just that. */
function isDefaultOrder({ sort, deleted = 'no' }: Query): boolean {
  return sort === undefined && deleted === 'no'
}

/** There is an index of this order. In others, what matches is sorted, all of it. */
function isWalkable(query: Query): boolean {
  return isDefaultOrder(query) || /^-?(?:updatedAt|id)$/.test(query.sort ?? '')
}

/** One value of one field, in the default order: its index has them in that order. */
function isInOrderOfIndex(query: Query): boolean {
  const { where = {}, text, filter = [] } = query
  const values = Object.values(where)
  const isPlain = isDefaultOrder(query) && text === undefined && filter.length === 0
  return isPlain && values.length === 1 && values[0]?.length === 1
}

/** Up to so many matches, sorting them costs less than walking all records in order. */
const FEW_MATCHES = 500

/** Which values a field has among the records that a query is about, and how often; the most frequent first. */
export function groupRecords(
  db: Database,
  kind: RecordKind,
  query: Omit<Query, 'limit'>,
  name: string,
): readonly Group[] {
  const { field } = placeOf({ kinds: [] }, kind, name)
  if (field?.merge === 'prose' || field?.merge === 'entries' || field?.value.type === 'json') {
    throw new OrchError('invalid_input', { field: 'groupBy', reason: `${name} is a text: there is one of each` })
  }
  const { sql, params } = conditions(kind, query, 'find', textOf(db, matchOf(db, query)))
  const from =
    field?.merge === 'set'
      ? `${kind.table} LEFT JOIN ${setTable(kind, name)} AS s ON s.id = ${kind.table}.id`
      : kind.table
  const value = field?.merge === 'set' ? 's.value' : `${kind.table}."${name}"`
  return db.all<Group>(
    `SELECT ${value} AS value, count(*) AS count FROM ${from} WHERE ${sql} GROUP BY 1 ORDER BY count DESC, value LIMIT ${MAX_GROUPS}`,
    ...params,
  )
}

const MAX_GROUPS = 1000

/** How matches are found. `find`: by the index that leaves the fewest; `walk`: record by record, in the order of the list. */
type How = 'find' | 'walk'

function conditions(
  kind: RecordKind,
  { where = {}, deleted = 'no', filter = [] }: Omit<Query, 'limit'>,
  how: How,
  text: FoundText | undefined,
): Sql {
  const parts: Sql[] = [deletedCondition(deleted)]
  for (const [name, values] of Object.entries(where)) parts.push(fieldCondition(kind, name, values, how))
  if (text) {
    // A plus keeps SQLite from looking up each of what is found; it looks for each record among them instead.
    parts.push({ sql: `${how === 'walk' || text.isCommon ? '+' : ''}search_n IN (${text.sql})`, params: [] })
  }
  if (filter.length > 0) parts.push(filterSql(kind, filter, kind.table))
  return { sql: parts.map((part) => part.sql).join(' AND '), params: parts.flatMap((part) => part.params) }
}

/** What holds the words of a query. */
interface FoundText {
  readonly sql: string
  /** More than one would look up one by one. */
  readonly isCommon: boolean
}

const COMMON = 1_000

function matchOf(db: Database, { text = '' }: Omit<Query, 'limit'>): TextMatch | undefined {
  return text.trim() === '' ? undefined : textMatch(db, text)
}

function textOf(db: Database, match: TextMatch | undefined): FoundText | undefined {
  if (!match) return undefined
  const { sql, count } = gather(db, match)
  return { sql, isCommon: count >= COMMON }
}

function deletedCondition(deleted: NonNullable<Query['deleted']>): Sql {
  switch (deleted) {
    case 'no':
      return { sql: 'deletedAt IS NULL', params: [] }
    case 'only':
      return { sql: 'deletedAt IS NOT NULL', params: [] }
    case 'all':
      return { sql: '1', params: [] }
  }
}

function fieldCondition(kind: RecordKind, name: string, values: readonly (string | null)[], how: How): Sql {
  const field = kind.fields[name]
  if (!field || field.merge === 'prose' || field.merge === 'entries') {
    throw new OrchError('invalid_input', { field: name, reason: `${kind.plural} cannot be filtered by it` })
  }
  const texts = values.filter((value) => value !== null)
  const marks = texts.map(() => '?').join(', ')
  const parts: string[] = []
  if (field.merge === 'set') {
    const table = setTable(kind, name)
    if (texts.length) parts.push(`${kind.table}.id IN (SELECT id FROM ${table} WHERE value IN (${marks}))`)
    if (texts.length < values.length) parts.push(`${kind.table}.id NOT IN (SELECT id FROM ${table})`)
  } else {
    // A plus keeps SQLite from looking the value up in its index.
    const column = `${how === 'walk' ? '+' : ''}"${name}"`
    if (texts.length) parts.push(`${column} IN (${marks})`)
    if (texts.length < values.length) parts.push(`${column} IS NULL`)
  }
  return { sql: parts.length ? `(${parts.join(' OR ')})` : '0', params: texts }
}
