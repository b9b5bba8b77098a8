import { type BigIntStats, statSync } from 'node:fs'
import { constants, DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { type Keyring, noKeys } from '../base/keys.ts'
import { type DatabaseKey, type Driver, keyOfFile, openCiphered, type Statement } from './cipher.ts'

export type SqlValue = string | number | bigint | Uint8Array | null

/** PORT: one SQLite database. Synchronous: a call that returned has happened, and a transaction that returned is on disk. */
export interface Database {
  exec(sql: string): void
  run(sql: string, ...params: readonly SqlValue[]): void
  get<T>(sql: string, ...params: readonly SqlValue[]): T | undefined
  all<T>(sql: string, ...params: readonly SqlValue[]): T[]
  /**
   * Runs `work` in one transaction. Throws what `work` threw, with nothing changed. Inside another it is a part of that
   * one, which may go on when the part has thrown.
   */
  transaction<T>(work: () => T): T
  close(): void
}

/** SQLite's default, 2 MiB, is read anew for each list that is sorted by a field. */
const CACHE_KIB = 32 * 1024

/**
 * Opens a database file, or `:memory:`. WAL; a commit returns only when it is on disk (the binding's default is weaker, so
 * it is set at every open). One that begins as encrypted is opened with its key, a new one is encrypted where that is
 * wanted. `mayCommit` throws what refuses a commit. Throws `key_missing`, `key_wrong`, `not_encrypted` and
 * `cipher_missing` before anything is written.
 */
export function openDatabase(
  file: string,
  keyring: Keyring = noKeys,
  mayCommit: () => void = () => undefined,
): Database {
  const key = keyOfFile(file, keyring)
  const db = key
    ? openCiphered(file, key, { isReadOnly: false })
    : new DatabaseSync(file, { timeout: 5000, enableForeignKeyConstraints: true, defensive: true })
  try {
    db.exec(
      `PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-${CACHE_KIB}`,
    )
  } catch (error) {
    db.close()
    throw error
  }
  if (file === ':memory:') return wrap(db)
  const checkFiles = createFileCheck([file, `${file}-wal`])
  return wrap(db, () => {
    checkFiles()
    mayCommit()
  })
}

/**
 * Looks whether files are still the ones that were there at the first look. SQLite writes on into files that were removed
 * or replaced, without a word: what is committed then is gone with the process. Throws when one is another, or none.
 */
function createFileCheck(files: readonly string[]): () => void {
  const known = new Map<string, BigIntStats>()
  return () => {
    for (const file of files) {
      const before = known.get(file)
      const now = statSync(file, { bigint: true, throwIfNoEntry: false })
      if (before && (now?.ino !== before.ino || now.dev !== before.dev)) {
        throw new Error(`the database was ${now ? 'replaced' : 'removed'} while it was in use: ${file}`)
      }
      if (!before && now) known.set(file, now)
    }
  }
}

/**
 * Opens a file that is nothing but a lock, and holds it until closed; undefined when another process does. The kernel
 * frees it when the process ends, however it ends.
 */
export function openExclusive(file: string): { close(): void } | undefined {
  const db = new DatabaseSync(file, { timeout: 0 })
  try {
    db.exec('PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db.close()
    if (isBusy(error)) return undefined
    throw error
  }
}

/** SQLITE_BUSY: somebody else holds the file's lock. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}

/** Opens a database that another thread writes, to read only. Throws as `openDatabase` does. */
export function openDatabaseReadOnly(file: string, keyring: Keyring = noKeys): Database {
  const key = keyOfFile(file, keyring)
  return wrap(
    key ? openCiphered(file, key, { isReadOnly: true }) : new DatabaseSync(file, { timeout: 5000, readOnly: true }),
  )
}

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

/**
 * Closes a database so that all of it is in its one file, which may then be moved. A plain close leaves a log beside the
 * file: the binding keeps prepared statements, and with them the connection, until they are collected. Throws when
 * another connection is open.
 */
export function closeWhole(db: Database): void {
  const isWhole = db.get<{ journal_mode: string }>('PRAGMA journal_mode=DELETE')?.journal_mode === 'delete'
  db.close()
  if (!isWhole) throw new Error('the database is open elsewhere')
}

/** More than the fixed statements of all parts together. */
const STATEMENTS_KEPT = 250

/** What makes or changes tables: a statement prepared before may have other columns now. */
const SCHEMA_CHANGE = /\b(?:create|drop|alter)\b/i

interface Prepared {
  readonly statement: Statement
  /** An empty row, from the first answer on: a copy of it takes one piece of memory. */
  empty: Record<string, SqlValue>
  columns: readonly string[]
}

/**
 * The binding's rows are arrays: of objects it makes each key of each row anew, and each is a hash table, which costs half
 * as much again and leaves four times the garbage.
 */
function rowOf<T>(prepared: Prepared, values: readonly SqlValue[]): T {
  if (prepared.columns.length !== values.length) {
    prepared.columns = prepared.statement.columns().map(({ name }) => String(name))
    prepared.empty = Object.fromEntries(prepared.columns.map((name) => [name, null]))
  }
  const { columns, empty } = prepared
  const row = { ...empty }
  for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i] as SqlValue
  return row as T
}

function wrap(db: Driver, check: () => void = () => undefined): Database {
  check()
  /** Those used last come last. */
  const statements = new Map<string, Prepared>()
  const prepared = (sql: string): Prepared => {
    const known = statements.get(sql) ?? prepareAnew(db, sql)
    statements.delete(sql)
    statements.set(sql, known)
    // Each holds kilobytes, and a list's SQL is another for each number of values that it asks for.
    if (statements.size > STATEMENTS_KEPT) statements.delete(statements.keys().next().value ?? '')
    return known
  }
  const prepare = (sql: string): Statement => prepared(sql).statement
  let depth = 0
  /** Why a part could not be taken back; then all of its transaction is. */
  let spoilt: unknown

  const part = <T>(work: () => T): T => {
    prepare('SAVEPOINT part').run()
    try {
      const result = work()
      prepare('RELEASE part').run()
      return result
    } catch (error) {
      try {
        db.exec('ROLLBACK TO part; RELEASE part')
      } catch (unexpected) {
        spoilt = unexpected
      }
      throw error
    }
  }

  return {
    exec(sql) {
      if (SCHEMA_CHANGE.test(sql)) statements.clear()
      db.exec(sql)
    },
    run: (sql, ...params) => {
      prepare(sql).run(...params)
    },
    get(sql, ...params) {
      const found = prepared(sql)
      const values = found.statement.get(...params) as readonly SqlValue[] | undefined
      return values && rowOf(found, values)
    },
    all(sql, ...params) {
      const found = prepared(sql)
      const rows = found.statement.all(...params) as unknown as readonly (readonly SqlValue[])[]
      return rows.map((values) => rowOf(found, values))
    },
    transaction(work) {
      if (depth > 0) return part(work)
      db.exec('BEGIN IMMEDIATE')
      depth++
      spoilt = undefined
      try {
        const result = work()
        if (spoilt !== undefined) throw spoilt
        check()
        db.exec('COMMIT')
        return result
      } catch (error) {
        rollback(db)
        throw error
      } finally {
        depth--
      }
    },
    close: () => db.close(),
  }
}

function prepareAnew(db: Driver, sql: string): Prepared {
  const statement = db.prepare(sql)
  statement.setReturnArrays(true)
  return { statement, columns: [], empty: {} }
}

function rollback(db: Driver): void {
  try {
    db.exec('ROLLBACK')
  } catch {
    // SQLite has rolled back by itself after a full disk or an I/O error; the first error is the one to report.
  }
}
