import { unreachable } from '../base/assert.ts'
import type { Clause, Filter, Place, Than } from '../model/filter.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Relation } from '../model/relation.ts'
import type { SqlValue } from './database.ts'
import { instantSql, setTable } from './index-tables.ts'

export interface Sql {
  readonly sql: string
  readonly params: readonly SqlValue[]
}

/**
 * A filter as a condition on the rows of a kind's table that are known as `row`. It is never NULL, so that it can be
 * negated; names come from declarations, values are parameters.
 */
export function filterSql(kind: RecordKind, filter: Filter, row: string, depth = 0): Sql {
  if (filter.length === 0) return { sql: '1', params: [] }
  const isByMember = filter.some(isOfMembers)
  return joined(
    filter.map((clause) => clauseSql(kind, clause, row, depth, isByMember)),
    ' AND ',
  )
}

/** Fewer records have a member in one of their sets than one of the few values that a choice has. */
function isOfMembers(clause: Clause): boolean {
  if (clause.type === 'all') return true
  return clause.type === 'in' && clause.place.field?.merge === 'set' && !clause.values.includes(null)
}

function clauseSql(kind: RecordKind, clause: Clause, row: string, depth: number, isByMember: boolean): Sql {
  switch (clause.type) {
    case 'or': {
      if (clause.of.length === 0) return { sql: '0', params: [] }
      const { sql, params } = joined(
        clause.of.map((part) => filterSql(kind, part, row, depth)),
        ' OR ',
      )
      return { sql: `(${sql})`, params }
    }
    case 'not': {
      const { sql, params } = filterSql(kind, clause.of, row, depth)
      return { sql: `NOT (${sql})`, params }
    }
    case 'in':
      return clause.place.field?.merge === 'set'
        ? memberSql(kind, clause.place, clause.values, row)
        : valueSql(clause.place, clause.values, row, isByMember && clause.place.field?.value.type === 'choice')
    case 'all':
      return joined(
        clause.values.map((value) => memberSql(kind, clause.place, [value], row)),
        ' AND ',
      )
    case 'range':
      return rangeSql(clause.place, clause.than, clause.value, row)
    case 'holds':
      return holdsSql(kind, clause, row)
    case 'missing': {
      const { sql, params } = missingSql(kind, clause.place, row)
      return { sql: clause.isMissing ? sql : `NOT (${sql})`, params }
    }
    case 'related':
      return relatedSql(clause.relation, clause.quantifier, clause.of, row, depth)
    default:
      return unreachable(clause)
  }
}

function valueSql({ name }: Place, values: readonly SqlValue[], row: string, isFoundOtherwise: boolean): Sql {
  // A plus keeps SQLite from looking the value up in its index.
  const column = `${isFoundOtherwise ? '+' : ''}${columnOf(row, name)}`
  const given = values.filter((value) => value !== null)
  const parts: string[] = []
  const isLong = given.length > MANY_VALUES
  const among = isLong ? 'SELECT value FROM json_each(?)' : given.map(() => '?').join(', ')
  // A comparison with a column that may be empty is NULL there: IS NOT NULL makes it false, and leaves its index usable.
  if (given.length > 0) parts.push(`(${column} IN (${among}) AND ${column} IS NOT NULL)`)
  if (given.length < values.length) parts.push(`${column} IS NULL`)
  const params = isLong ? [JSON.stringify(given)] : given
  return { sql: parts.length > 0 ? `(${parts.join(' OR ')})` : '0', params }
}

/** More are one parameter: SQLite has a limit, and each number of them would be a statement of its own. */
const MANY_VALUES = 50

function memberSql(kind: RecordKind, { name }: Place, values: readonly SqlValue[], row: string): Sql {
  const table = setTable(kind, name)
  const given = values.filter((value) => value !== null)
  const parts: string[] = []
  if (given.length > 0) {
    parts.push(`${row}.id IN (SELECT id FROM ${table} WHERE value IN (${given.map(() => '?').join(', ')}))`)
  }
  if (given.length < values.length) parts.push(`NOT EXISTS (SELECT 1 FROM ${table} AS s WHERE s.id = ${row}.id)`)
  return { sql: parts.length > 0 ? `(${parts.join(' OR ')})` : '0', params: given }
}

const OPERATORS: Readonly<Record<Than, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' }

function rangeSql({ name, as }: Place, than: Than, value: string | number, row: string): Sql {
  const column = columnOf(row, name)
  const key = as === 'time' ? instantSql(column) : column
  // False, and not NULL, where the column is empty; and an index can still be used.
  return {
    sql: `(${key} ${OPERATORS[than]} ${as === 'time' ? 'julianday(?)' : '?'} AND ${key} IS NOT NULL)`,
    params: [value],
  }
}

function holdsSql(kind: RecordKind, { place, text, where }: Clause & { type: 'holds' }, row: string): Sql {
  const pattern = `${where === 'anywhere' ? '%' : ''}${text.replace(/[\\%_]/g, (special) => `\\${special}`)}%`
  const like = (column: string): string => `coalesce(${column} LIKE ? ESCAPE '\\', 0)`
  if (place.field?.merge === 'set' || place.field?.merge === 'entries') {
    const column = place.field.merge === 'set' ? 'value' : 'text'
    const table = setTable(kind, place.name)
    return {
      sql: `EXISTS (SELECT 1 FROM ${table} AS s WHERE s.id = ${row}.id AND ${like(`s.${column}`)})`,
      params: [pattern],
    }
  }
  return { sql: like(columnOf(row, place.name)), params: [pattern] }
}

function missingSql(kind: RecordKind, { name, field }: Place, row: string): Sql {
  const column = columnOf(row, name)
  const merge = field?.merge
  switch (merge) {
    case 'set':
    case 'entries':
      return { sql: `NOT EXISTS (SELECT 1 FROM ${setTable(kind, name)} AS s WHERE s.id = ${row}.id)`, params: [] }
    case 'prose':
      return { sql: `trim(${column}) = ''`, params: [] }
    case 'counter':
      return { sql: `${column} = 0`, params: [] }
    case 'register':
    case undefined:
      return { sql: `${column} IS NULL`, params: [] }
    default:
      return unreachable(merge)
  }
}

/** A record that is deleted stands in nobody's way: relations lead to living ones only. */
function relatedSql(
  relation: Relation,
  quantifier: 'some' | 'every' | 'none',
  of: Filter,
  row: string,
  depth: number,
): Sql {
  const other = `t${depth + 1}`
  const inner = filterSql(relation.target, of, other, depth + 1)
  const wanted = quantifier === 'every' ? `NOT (${inner.sql})` : inner.sql
  const sql = `EXISTS (SELECT 1 FROM ${relationJoin(relation, row, other)} AND ${other}.deletedAt IS NULL AND ${wanted})`
  return { sql: quantifier === 'some' ? sql : `NOT ${sql}`, params: inner.params }
}

/** The rows a relation leads to from one row: what stands after FROM, with the beginning of its WHERE. */
export function relationJoin({ owner, target, field, direction }: Relation, row: string, other: string): string {
  const isSet = owner.fields[field]?.merge === 'set'
  const set = setTable(owner, field)
  if (direction === 'forward') {
    return isSet
      ? `${set} AS s JOIN ${target.table} AS ${other} ON ${other}.id = s.value WHERE s.id = ${row}.id`
      : `${target.table} AS ${other} WHERE ${other}.id = ${columnOf(row, field)}`
  }
  return isSet
    ? `${set} AS s JOIN ${target.table} AS ${other} ON ${other}.id = s.id WHERE s.value = ${row}.id`
    : `${target.table} AS ${other} WHERE ${columnOf(other, field)} = ${row}.id`
}

function columnOf(row: string, name: string): string {
  return `${row}."${name}"`
}

function joined(parts: readonly Sql[], between: string): Sql {
  return { sql: parts.map(({ sql }) => sql).join(between), params: parts.flatMap(({ params }) => params) }
}
