import { unreachable } from '../base/assert.ts'
import type { DocRecord } from '../doc/read.ts'
import { entriesOf } from '../model/comments.ts'
import type { Entry } from '../model/entry.ts'
import type { Field } from '../model/field.ts'
import type { RecordId } from '../model/id.ts'
import { emptyValue, type KeyedKind, type RecordKind, textsOf, type Value, type Values } from '../model/kind.ts'
import { pathKey } from '../model/layout.ts'
import type { Json } from '../model/record.ts'
import { issuesOf } from '../model/validate.ts'
import type { Database, SqlValue } from './database.ts'
import { setTable } from './index-tables.ts'
import { holdingMark, lastTouch, type Touch } from './life.ts'
import type { KeyedValue, RowHead, StoredRecord } from './project.ts'
import { createSearchIndex } from './search-index.ts'

/** The SQL tables that answer every read. Derived: equal to what the document and the rows' heads say. */
export interface RecordIndex {
  /** Notes that a row edited these keys. */
  touch(keys: readonly string[], row: Pick<RowHead, 'replica' | 'seq' | 'at' | 'actor'>): void
  /** Takes a record as it now is; returns the ids of other records whose path changed by it. */
  put(kind: RecordKind, record: DocRecord): readonly RecordId[]
  get(kind: RecordKind, id: RecordId): StoredRecord | undefined
  /** Takes a record of a kind that is not declared here. */
  putUndeclared(id: string, root: string): void
  putKey(kind: KeyedKind, key: string, value: Json | undefined): void
  keys(kind: KeyedKind): ReadonlyMap<string, KeyedValue>
  getKey(kind: KeyedKind, key: string): KeyedValue | undefined
  pathOf(kind: RecordKind, id: RecordId): string | undefined
}

/** A record as its table row. */
export type SqlRecord = Readonly<Record<string, SqlValue>>

export function createRecordIndex(db: Database): RecordIndex {
  const search = createSearchIndex(db)
  const touchesOf = (key: string): readonly Touch[] =>
    db.all<Touch>('SELECT replica, seq, at, actor FROM touches WHERE key = ?', key)

  /** Gives each living record of one wanted name its path: the lowest id has the plain one. Returns whose path changed. */
  const settlePaths = (kind: RecordKind, key: string): readonly RecordId[] => {
    const sharing = db.all<{ id: RecordId; file: string; path: string | null; deletedAt: number | null }>(
      `SELECT id, file, path, deletedAt FROM ${kind.table} WHERE path_key = ? ORDER BY id`,
      key,
    )
    const living = sharing.filter((one) => one.deletedAt === null)
    return sharing.flatMap((one) => {
      const place = living.indexOf(one)
      const path = place < 0 ? null : `${kind.folder}/${place === 0 ? one.file : withSuffix(one.file, one.id)}`
      if (path === one.path) return []
      db.run(`UPDATE ${kind.table} SET path = ? WHERE id = ?`, path, one.id)
      return [one.id]
    })
  }

  return {
    touch(keys, row) {
      for (const key of keys) {
        db.run(
          `INSERT INTO touches (key, replica, seq, at, actor) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET seq = excluded.seq, at = excluded.at, actor = excluded.actor WHERE excluded.seq > seq`,
          key,
          row.replica,
          row.seq,
          row.at,
          row.actor,
        )
      }
    },

    put(kind, record) {
      const touches = touchesOf(record.id)
      const deletion = holdingMark(record.deletes, touches)
      const touched = lastTouch(touches)
      const before = db.get<{ path_key: string }>(`SELECT path_key FROM ${kind.table} WHERE id = ?`, record.id)
      const key = pathKey(record.file)
      const search_n = search.put(kind, record.id, record.values, deletion !== undefined)
      // These two stay as they are.
      const row: Record<string, SqlValue> = { search_n, id: record.id }
      for (const [name, field] of Object.entries(kind.fields)) row[name] = toSql(field, record.values[name])
      Object.assign(row, {
        file: record.file,
        path_key: key,
        front: record.front,
        extra: JSON.stringify(record.extra),
        sort_key: sortKey(kind, record),
        updatedAt: touched?.at ?? 0,
        updatedBy: touched?.actor ?? '',
        deletedAt: deletion?.at ?? null,
        deletedBy: deletion?.by ?? null,
      })
      const names = Object.keys(row)
      db.run(
        `INSERT INTO ${kind.table} (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map(() => '?').join(', ')})
         ON CONFLICT (id) DO UPDATE SET ${names
           .slice(2)
           .map((name) => `"${name}" = excluded."${name}"`)
           .join(', ')}`,
        ...Object.values(row),
      )
      db.run(
        'INSERT INTO ids (id, kind, deleted) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET deleted = excluded.deleted',
        record.id,
        kind.name,
        deletion ? 1 : 0,
      )
      for (const [name, field] of Object.entries(kind.fields)) {
        if (field.merge === 'set') putSet(db, setTable(kind, name), record.id, textsOf(record.values[name]))
        if (field.merge === 'entries') putEntries(db, setTable(kind, name), record.id, entriesOf(record.values[name]))
      }
      putUndeclaredFields(db, kind, record)
      putAliases(db, record.id, textsOf(record.values.aliases))
      const moved = new Set(settlePaths(kind, key))
      if (before && before.path_key !== key) for (const id of settlePaths(kind, before.path_key)) moved.add(id)
      moved.delete(record.id)
      return [...moved]
    },

    get(kind, id) {
      const row = db.get<SqlRecord>(`SELECT * FROM ${kind.table} WHERE id = ?`, id)
      return row && fromSqlRecord(kind, row)
    },

    putUndeclared(id, root) {
      db.run("INSERT OR IGNORE INTO undeclared (id, root, field) VALUES (?, ?, '')", id, root)
    },

    putKey(kind, key, value) {
      if (value === undefined) {
        db.run(`DELETE FROM ${kind.table} WHERE key = ?`, key)
        return
      }
      const touched = lastTouch(touchesOf(`${kind.name}/${key}`))
      db.run(
        `INSERT INTO ${kind.table} (key, value, updatedAt, updatedBy) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET value = excluded.value, updatedAt = excluded.updatedAt, updatedBy = excluded.updatedBy`,
        key,
        JSON.stringify(value),
        touched?.at ?? 0,
        touched?.actor ?? '',
      )
    },
    keys: (kind) =>
      new Map(db.all<SqlKey>(`SELECT * FROM ${kind.table} ORDER BY key`).map((row) => [row.key, fromSqlKey(row)])),
    getKey(kind, key) {
      const row = db.get<SqlKey>(`SELECT * FROM ${kind.table} WHERE key = ?`, key)
      return row && fromSqlKey(row)
    },
    pathOf: (kind, id) =>
      db.get<{ path: string | null }>(`SELECT path FROM ${kind.table} WHERE id = ?`, id)?.path ?? undefined,
  }
}

interface SqlKey {
  readonly key: string
  readonly value: string
  readonly updatedAt: number
  readonly updatedBy: string
}

const fromSqlKey = (row: SqlKey): KeyedValue => ({
  key: row.key,
  value: JSON.parse(row.value) as Json,
  updatedAt: row.updatedAt,
  updatedBy: row.updatedBy,
})

interface Shape {
  readonly fields: readonly (readonly [string, Field])[]
  /** A copy of it takes one piece of memory, where values put in one by one would move it again and again. */
  readonly empty: Readonly<Record<string, Value>>
  /** Looked for when it is asked for: few ask, and it costs as much as all the rest. */
  readonly issues: PropertyDescriptor
}

const shapes = new WeakMap<RecordKind, Shape>()

function shapeOf(kind: RecordKind): Shape {
  const known = shapes.get(kind)
  if (known) return known
  const fields = Object.entries(kind.fields)
  const shape: Shape = {
    fields,
    empty: Object.fromEntries(fields.map(([name]) => [name, null])),
    issues: {
      get(this: StoredRecord) {
        return issuesOf(kind, this)
      },
      enumerable: true,
      configurable: true,
    },
  }
  shapes.set(kind, shape)
  return shape
}

/** A table row as the record it shows. */
export function fromSqlRecord(kind: RecordKind, row: SqlRecord): StoredRecord {
  const { fields, empty, issues } = shapeOf(kind)
  const values: Record<string, Value> = { ...empty }
  for (const [name, field] of fields) values[name] = fromSql(field, row[name] ?? null)
  const extra = JSON.parse(String(row.extra)) as Record<string, string>
  const record = {
    id: String(row.id) as RecordId,
    kind: kind.name,
    values,
    extra,
    front: String(row.front),
    file: String(row.file),
    ...(typeof row.path === 'string' && { path: row.path }),
    updatedAt: Number(row.updatedAt),
    updatedBy: String(row.updatedBy),
    ...(row.deletedAt === null || row.deletedAt === undefined
      ? {}
      : { deletedAt: Number(row.deletedAt), deletedBy: String(row.deletedBy) }),
  }
  // One getter for all: a literal makes one of its own for each record, and with it a hidden class, which keeps the record
  // until all of the heap is collected.
  return Object.defineProperty(record, 'issues', issues) as StoredRecord
}

/** Some fields of a table row. */
export function someFromSql(kind: RecordKind, row: SqlRecord, names: readonly string[]): Values {
  return Object.fromEntries(
    names.flatMap((name) => {
      const field = kind.fields[name]
      return field ? [[name, fromSql(field, row[name] ?? null)]] : []
    }),
  )
}

function toSql(field: Field, value: Value | undefined): SqlValue {
  const present = value ?? emptyValue(field)
  switch (field.merge) {
    case 'register':
    case 'prose':
    case 'counter':
      return typeof present === 'object' ? null : present
    case 'set':
    case 'entries':
      return JSON.stringify(present)
    default:
      return unreachable(field.merge)
  }
}

function fromSql(field: Field, value: SqlValue): Value {
  switch (field.merge) {
    case 'register':
    case 'prose':
    case 'counter':
      return typeof value === 'string' || typeof value === 'number' ? value : emptyValue(field)
    case 'set':
      return typeof value === 'string' ? (JSON.parse(value) as string[]) : emptyValue(field)
    case 'entries':
      return typeof value === 'string' ? (JSON.parse(value) as Entry[]) : emptyValue(field)
    default:
      return unreachable(field.merge)
  }
}

function putSet(db: Database, table: string, id: string, members: readonly string[]): void {
  db.run(`DELETE FROM ${table} WHERE id = ?`, id)
  for (const member of members) db.run(`INSERT INTO ${table} (id, value) VALUES (?, ?)`, id, member)
}

function putEntries(db: Database, table: string, id: string, entries: readonly Entry[]): void {
  db.run(`DELETE FROM ${table} WHERE id = ?`, id)
  for (const { id: entry, at, by, text } of entries) {
    db.run(`INSERT INTO ${table} (id, entry, at, "by", text) VALUES (?, ?, ?, ?, ?)`, id, entry, at, by, text)
  }
}

function putUndeclaredFields(db: Database, { plural }: RecordKind, { id, undeclared }: DocRecord): void {
  db.run('DELETE FROM undeclared WHERE id = ? AND root = ?', id, plural)
  for (const field of undeclared) {
    db.run('INSERT INTO undeclared (id, root, field) VALUES (?, ?, ?)', id, plural, field)
  }
}

function putAliases(db: Database, id: string, aliases: readonly string[]): void {
  db.run('DELETE FROM aliases WHERE id = ?', id)
  for (const alias of aliases) {
    db.run('INSERT OR IGNORE INTO aliases (alias, id) VALUES (?, ?)', alias.toLowerCase(), id)
  }
}

/** The order of lists: by the kind's choice fields named in `order`, then by creation, then by id. */
function sortKey(kind: RecordKind, record: DocRecord): string {
  const ranks = kind.order.map((name) => {
    const field = kind.fields[name]
    const value = record.values[name]
    if (field?.value.type !== 'choice') return String(value ?? '').toLowerCase()
    const rank = field.value.choices.indexOf(String(value))
    return String(rank < 0 ? 99 : rank).padStart(2, '0')
  })
  return [...ranks, record.values.createdAt ?? '', record.id].join(' ')
}

/** `guide.md` -> `guide~p-7f3k9q2m.md`: where a second record asks for the same name. */
function withSuffix(file: string, id: string): string {
  return file.replace(/(\.md)?$/, (ending) => `~${id}${ending}`)
}
