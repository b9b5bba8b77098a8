import { must } from '../base/assert.ts'
import { OrchError } from '../base/error.ts'
import { placeOf } from '../model/filter.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Database, SqlValue } from './database.ts'
import { filterSql, type Sql } from './filter-sql.ts'
import { setTable } from './index-tables.ts'
import type { Brief, Group, Page, Query } from './project.ts'
import { fromSqlRecord, type SqlRecord, someFromSql } from './record-index.ts'
import { gatherText } from './search.ts'

/** Answers a list: filtered, sorted, one page. Throws `invalid_input` on a field or cursor that does not exist. */
export function listRecords(db: Database, kind: RecordKind, query: Query): Page {
  const sort = sortOf(kind, query.sort)
  const { rows, total } = rowsOf(db, kind, query, sort, '*')
  const items = rows.slice(0, query.limit)
  const last = items.at(-1)
  return {
    items: items.map((row) => fromSqlRecord(kind, row)),
    cursors: () => items.map((row) => encodeCursor(sort, row)),
    total,
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

/** A page of rows and one more, where there is one; and how many match in all. */
function rowsOf(
  db: Database,
  kind: RecordKind,
  query: Query,
  sort: Sort,
  columns: string,
): { readonly rows: readonly SqlRecord[]; readonly total: number } {
  const after = query.after === undefined ? undefined : cursorCondition(sort, query.after)
  const text = textOf(db, query)
  const { total, numbers } = matchesOf(db, kind, query, text)
  if (total === 0 || query.limit === 0) return { rows: [], total }
  const { from, where } = pageFrom(kind, query, text, numbers)
  const order = `ORDER BY ${sort.column} ${sort.direction}, id ${sort.direction}`
  // Only numbers are sorted: with their texts, all records would be carried through.
  const rows = db.all<SqlRecord>(
    `SELECT ${columns} FROM ${kind.table} WHERE search_n IN (SELECT search_n FROM ${from} WHERE ${where.sql}${after ? ` AND ${after.sql}` : ''} ${order} LIMIT ?)
     ${order}`,
    ...where.params,
    ...(after?.params ?? []),
    query.limit + 1,
  )
  return { rows, total }
}

/** How many match; where they are few, their numbers as a JSON list. */
interface Matches {
  readonly total: number
  readonly numbers?: string
}

function matchesOf(db: Database, kind: RecordKind, query: Query, text: FoundText | undefined): Matches {
  const { sql, params } = conditions(kind, query, 'find', text)
  if (query.limit > 0 && !isInOrderOfIndex(query) && !text?.isCommon) {
    const { total, numbers } = must(
      db.get<{ total: number; numbers: string }>(
        `SELECT count(*) AS total, json_group_array(n) AS numbers
         FROM (SELECT search_n AS n FROM ${kind.table} WHERE ${sql} LIMIT ${FEW_MATCHES + 1})`,
        ...params,
      ),
      'a sum has a row',
    )
    if (total <= FEW_MATCHES) return { total, numbers }
  }
  return { total: db.get<{ n: number }>(`SELECT count(*) AS n FROM ${kind.table} WHERE ${sql}`, ...params)?.n ?? 0 }
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
  const { sql, params } = conditions(kind, query, 'find', textOf(db, query))
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

function textOf(db: Database, { text = '' }: Omit<Query, 'limit'>): FoundText | undefined {
  if (text.trim() === '') return undefined
  const { sql, count } = gatherText(db, text)
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

interface Sort {
  readonly name: string
  readonly column: string
  readonly direction: 'ASC' | 'DESC'
  /** For the default order the column alone is unique and indexed. */
  readonly key: string
}

function sortOf(kind: RecordKind, sort: string | undefined): Sort {
  if (sort === undefined) return { name: '', column: 'sort_key', direction: 'ASC', key: 'sort_key' }
  const name = sort.replace(/^-/, '')
  const direction = sort.startsWith('-') ? 'DESC' : 'ASC'
  const field = kind.fields[name]
  const known = name === 'id' || name === 'updatedAt' || field?.merge === 'register' || field?.merge === 'counter'
  if (!known) {
    throw new OrchError('invalid_input', {
      field: 'sort',
      reason: `"${name}" is not one of: id, updatedAt, ${Object.keys(kind.fields).join(', ')}`,
    })
  }
  if (field?.value.type === 'choice') {
    const ranks = field.value.choices.map((choice, rank) => `WHEN '${choice.replace(/'/g, "''")}' THEN ${rank}`)
    return { name: sort, column: `(CASE "${name}" ${ranks.join(' ')} ELSE 99 END)`, direction, key: name }
  }
  if (name === 'updatedAt' || name === 'id') return { name: sort, column: `"${name}"`, direction, key: name }
  const empty = field === undefined || field.value.type === 'number' ? '0' : "''"
  return { name: sort, column: `coalesce("${name}", ${empty})`, direction, key: name }
}

/** A cursor is the sort it belongs to and the last row's id; the row's place is looked up, so it survives changes around it. */
function encodeCursor(sort: Sort, row: SqlRecord): string {
  return Buffer.from(JSON.stringify([sort.name, row.id, row[sort.key] ?? null])).toString('base64url')
}

function cursorCondition(sort: Sort, cursor: string): Sql {
  const decoded = decodeCursor(cursor)
  if (!decoded || decoded[0] !== sort.name) {
    throw new OrchError('invalid_input', { field: 'after', reason: 'this is not a cursor of this list' })
  }
  const [, id, value] = decoded
  const place = sort.column.replace(/"\w+"|\bsort_key\b/, '?')
  const than = sort.direction === 'ASC' ? '>' : '<'
  return { sql: `(${sort.column}, id) ${than} (${place}, ?)`, params: [value, id] }
}

function decodeCursor(cursor: string): readonly [string, string, SqlValue] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (!Array.isArray(value) || typeof value[0] !== 'string' || typeof value[1] !== 'string') return undefined
    const key: unknown = value[2]
    if (key !== null && typeof key !== 'string' && typeof key !== 'number') return undefined
    return [value[0], value[1], key]
  } catch {
    return undefined
  }
}
