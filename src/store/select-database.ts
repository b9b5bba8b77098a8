import { constants, DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { type DatabaseKey, type Driver, openCiphered } from './cipher.ts'
import type { SqlValue } from './database.ts'

/** What one SELECT may take of memory, and one value of it, in bytes. */
const MAX_SELECT_BYTES = 256 * 1024 * 1024
const MAX_VALUE_BYTES = 8 * 1024 * 1024

/**
 * Opens a database for the SQL of people: SELECTs on named tables and views, and nothing else. Only in a process of its
 * own: the limit of memory holds for all of it.
 */
export function openDatabaseForSelects(options: {
  readonly databaseFile: string
  /** Of an encrypted database. Its binding cannot hold anybody back: the tables are copied into memory, and asked there. */
  readonly key?: DatabaseKey | undefined
  readonly tables: readonly string[]
  readonly views: Readonly<Record<string, string>>
}): {
  /** Throws what SQLite says: also for more than one statement, and for what may not be done. */
  query(sql: string): { readonly columns: readonly string[]; readonly values: Iterable<readonly unknown[]> }
  close(): void
} {
  const limited = {
    timeout: 5000,
    allowExtension: false,
    limits: { length: MAX_VALUE_BYTES, sqlLength: 100_000, attach: 0 },
  }
  const db = new DatabaseSync(options.key ? ':memory:' : options.databaseFile, { ...limited, readOnly: !options.key })
  const copied = options.key
    ? copyTables(openCiphered(options.databaseFile, options.key, { isReadOnly: true }), db, options.tables)
    : 0
  db.exec(`PRAGMA hard_heap_limit=${MAX_SELECT_BYTES + copied}; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF`)
  for (const [name, select] of Object.entries(options.views)) db.exec(`CREATE TEMP VIEW ${name} AS ${select}`)
  const readable = new Set([...options.tables, ...Object.keys(options.views)].map((name) => name.toLowerCase()))
  // What else there is may not be read; other names are those that the query gives to its own parts.
  const hidden = new Set(
    (db.prepare('SELECT name FROM sqlite_schema').all() as { name: string }[])
      .map(({ name }) => name.toLowerCase())
      .filter((name) => !readable.has(name)),
  )
  const { SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE, SQLITE_OK, SQLITE_DENY } = constants
  db.setAuthorizer((action, table, name) => {
    if (action === SQLITE_SELECT || action === SQLITE_RECURSIVE) return SQLITE_OK
    // The names of tables and what is in them are no secret, and `SELECT sql FROM sqlite_schema` is how one learns of them.
    if (action === SQLITE_READ) {
      return hidden.has(String(table).toLowerCase()) || INTERNAL.test(String(table)) ? SQLITE_DENY : SQLITE_OK
    }
    if (action === SQLITE_FUNCTION) return /^load_extension$|^fts/i.test(String(name)) ? SQLITE_DENY : SQLITE_OK
    return SQLITE_DENY
  })
  return {
    query(sql) {
      // The binding runs the first of several, without a word about the others.
      const rest = sql.replace(/;(?:\s|--[^\n]*(?:\n|$))*$/, '')
      if (rest.includes(';') && !isOne(db, rest)) throw new Error('it is more than one statement')
      const statement = db.prepare(sql)
      const columns = statement.columns().map(({ name }) => String(name))
      statement.setReturnArrays(true)
      return { columns, values: statement.iterate() as Iterable<readonly unknown[]> }
    },
    close: () => db.close(),
  }
}

/** Copies tables as they are at one moment, and closes where they came from. Resolves to the bytes that they take. */
function copyTables(from: Driver, to: DatabaseSyncInstance, tables: readonly string[]): number {
  from.exec('BEGIN')
  const read = (sql: string, ...params: readonly SqlValue[]): readonly SqlValue[][] =>
    from.prepare(sql).all(...params) as SqlValue[][]
  for (const table of tables) {
    const [made] = read("SELECT sql FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)", table)
    if (!made) continue
    to.exec(String(made[0]))
    const names = read('SELECT name FROM pragma_table_info(?)', table).map(([name]) => `"${name}"`)
    const put = to.prepare(`INSERT INTO "${table}" (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
    to.exec('BEGIN')
    for (const row of read(`SELECT ${names.join(', ')} FROM "${table}"`)) put.run(...row)
    to.exec('COMMIT')
  }
  from.exec('COMMIT')
  from.close()
  const { bytes } = to
    .prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size')
    .get() as { bytes: number }
  return bytes
}

/** Whether this is one SELECT: only that can stand in brackets. */
function isOne(db: DatabaseSyncInstance, sql: string): boolean {
  try {
    db.prepare(`SELECT 1 FROM (\n${sql}\n)`)
    return true
  } catch {
    return false
  }
}

/** SQLite's own tables, its schema aside. */
const INTERNAL = /^(?:pragma_|dbstat|bytecode|tables_used|sqlite_(?!(?:temp_)?(?:master|schema)$))/i
