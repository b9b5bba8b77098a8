import { unreachable } from '../base/assert.ts'
import { shortHash } from '../base/hash.ts'
import type { Field } from '../model/field.ts'
import type { KeyedKind, Kind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { logTables } from './log-index.ts'
import { ROW_KEYS_TABLES } from './row-keys.ts'
import { SEARCH_TABLES } from './search-index.ts'

/** Raise it when the way rows become index rows changes without the tables changing: every index is then rebuilt. */
const INDEX_FORMAT = 2

/** Columns every table of records has before its long ones: what a list asks for is read without walking through texts. */
const SHORT_COLUMNS = [
  'sort_key TEXT NOT NULL',
  'updatedAt INTEGER NOT NULL',
  'updatedBy TEXT NOT NULL',
  'deletedAt INTEGER',
  'deletedBy TEXT',
  'path TEXT',
  'path_key TEXT NOT NULL',
  'file TEXT NOT NULL',
] as const
const LONG_COLUMNS = ['extra TEXT NOT NULL', 'front TEXT NOT NULL'] as const

/** The SQL that makes the index tables of all kinds: the tables follow the declarations. */
export function indexTables(kinds: Kinds): readonly string[] {
  return planOf(kinds).sql
}

interface Plan {
  readonly sql: readonly string[]
  readonly names: readonly string[]
  readonly stamp: string
}

/** Kinds never change once they are made, and are many lines of SQL. */
const plans = new WeakMap<Kinds, Plan>()

function planOf(kinds: Kinds): Plan {
  const known = plans.get(kinds)
  if (known) return known
  const sql = [...SHARED, ...SEARCH_TABLES, ...kinds.all.flatMap(tablesOf)]
  const names = sql.flatMap((one) => /^CREATE (?:VIRTUAL )?TABLE (\w+)/.exec(one)?.[1] ?? [])
  const stamp = `${INDEX_FORMAT}-${shortHash(`${sql.join('\n')}\n${JSON.stringify(kinds.all)}`)}`
  const plan = { sql, names, stamp }
  plans.set(kinds, plan)
  return plan
}

function tablesOf(kind: Kind): readonly string[] {
  switch (kind.shape) {
    case 'records':
      return recordTables(kind)
    case 'keys':
      return keyedTables(kind)
    case 'log':
      return logTables(kind)
  }
}

/** Names that `indexTables` makes, for dropping before a rebuild. */
export function indexTableNames(kinds: Kinds): readonly string[] {
  return planOf(kinds).names
}

/** Changes whenever the tables, the code that fills them, or what a project declares changes. */
export function indexStamp(kinds: Kinds): string {
  return planOf(kinds).stamp
}

const SHARED = [
  'CREATE TABLE touches (key TEXT NOT NULL, replica TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (key, replica)) WITHOUT ROWID',
  'CREATE TABLE ids (id TEXT PRIMARY KEY, kind TEXT NOT NULL, deleted INTEGER NOT NULL) WITHOUT ROWID',
  // What is here and is not declared: a record (field '') or a stored field of one, by root type.
  'CREATE TABLE undeclared (id TEXT NOT NULL, root TEXT NOT NULL, field TEXT NOT NULL, PRIMARY KEY (id, root, field)) WITHOUT ROWID',
  'CREATE TABLE aliases (alias TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (alias, id)) WITHOUT ROWID',
  ...ROW_KEYS_TABLES,
]

/**
 * What a time is compared by: it is kept as it was written, with any offset from UTC, and `julianday` reads them all. What
 * another program wrote may be anything; "now" would be refused by the index, and with it the row.
 */
export function instantSql(column: string): string {
  return `CASE WHEN ${column} GLOB '[0-9]*' THEN julianday(${column}) END`
}

/** The table of one field of sets or entries: what is in it, by record. */
export function setTable(kind: RecordKind, field: string): string {
  return `${kind.own ? kind.table : kind.name}_${field}`
}

function recordTables(kind: RecordKind): readonly string[] {
  const table = kind.table
  const columns = (isLong: boolean): readonly string[] =>
    Object.entries(kind.fields)
      .filter(([, { merge }]) => (merge !== 'register' && merge !== 'counter') === isLong)
      .map(([name, field]) => `"${name}" ${columnType(field)}`)
  const sets = Object.entries(kind.fields).filter(([, field]) => field.merge === 'set')
  const indexed = Object.entries(kind.fields).filter(([, field]) => field.indexed && field.merge === 'register')
  const entries = Object.entries(kind.fields).filter(([, field]) => field.merge === 'entries')
  // deletedAt is always empty where it is indexed, and SQLite looks it up unless it is there.
  const covered = ['id', 'deletedAt', ...indexed.map(([name]) => `"${name}"`)]
  return [
    // Its number is that of its texts in the full text index: what is found there is found here without looking up ids.
    `CREATE TABLE ${table} (search_n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ${[...columns(false), ...SHORT_COLUMNS, ...columns(true), ...LONG_COLUMNS].join(', ')})`,
    // The order of lists. It and the indexes below hold all indexed fields: a list that asks for several of them is
    // found and counted without reading the table.
    `CREATE INDEX ${table}_sort ON ${table} (${['sort_key', ...covered].join(', ')}) WHERE deletedAt IS NULL`,
    `CREATE INDEX ${table}_updated ON ${table} (updatedAt, id) WHERE deletedAt IS NULL`,
    `CREATE INDEX ${table}_path ON ${table} (path_key)`,
    // In the order of lists: one page of those with a value is read, however many there are.
    ...indexed.map(([name, { value }]) => {
      const key = value.type === 'time' ? instantSql(`"${name}"`) : `"${name}"`
      const columns = [key, 'sort_key', ...covered.filter((column) => column !== key)]
      return `CREATE INDEX ${table}_${name} ON ${table} (${columns.join(', ')}) WHERE deletedAt IS NULL`
    }),
    ...Object.keys(kind.stamps).map(
      (name) => `CREATE INDEX ${table}_by_${name} ON ${table} (coalesce("${name}", ''), id) WHERE deletedAt IS NULL`,
    ),
    ...sets.flatMap(([name]) => [
      `CREATE TABLE ${setTable(kind, name)} (id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (id, value)) WITHOUT ROWID`,
      `CREATE INDEX ${setTable(kind, name)}_value ON ${setTable(kind, name)} (value)`,
    ]),
    ...entries.map(
      ([name]) =>
        `CREATE TABLE ${setTable(kind, name)} (id TEXT NOT NULL, entry TEXT NOT NULL, at INTEGER NOT NULL, "by" TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id, entry)) WITHOUT ROWID`,
    ),
  ]
}

function columnType(field: Field): string {
  switch (field.merge) {
    case 'register':
      return field.value.type === 'number' ? 'REAL' : 'TEXT'
    case 'prose':
    case 'set':
    case 'entries':
      return 'TEXT NOT NULL'
    case 'counter':
      return 'REAL NOT NULL'
    default:
      return unreachable(field.merge)
  }
}

function keyedTables(kind: KeyedKind): readonly string[] {
  return [
    `CREATE TABLE ${kind.table} (key TEXT PRIMARY KEY, value TEXT NOT NULL, updatedAt INTEGER NOT NULL, updatedBy TEXT NOT NULL) WITHOUT ROWID`,
  ]
}
