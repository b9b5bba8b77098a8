import { OrchError } from '../base/error.ts'
import type { RecordKind } from '../model/kind.ts'
import type { SqlValue } from './database.ts'
import type { Sql } from './filter-sql.ts'
import type { SqlRecord } from './record-index.ts'

/** The order of a list. */
export interface Sort {
  readonly name: string
  readonly column: string
  readonly direction: 'ASC' | 'DESC'
  /** For the default order the column alone is unique and indexed. */
  readonly key: string
}

/** Throws `invalid_input` for what is no field that can be sorted by. */
export function sortOf(kind: RecordKind, sort: string | undefined): Sort {
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

/** The order, of equals by id. */
export function orderSql({ column, direction }: Sort): string {
  return `ORDER BY ${column} ${direction}, id ${direction}`
}

/** A cursor is the sort it belongs to and the last row's id; the row's place is looked up, so it survives changes around it. */
export function encodeCursor(sort: Sort, row: SqlRecord): string {
  return Buffer.from(JSON.stringify([sort.name, row.id, row[sort.key] ?? null])).toString('base64url')
}

/** What comes after a place in the order. Throws `invalid_input` on what is no cursor of this list. */
export function cursorCondition(sort: Sort, cursor: string): Sql {
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
