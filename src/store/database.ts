import { type BigIntStats, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import { type Keyring, noKeys } from '../base/keys.ts'
import { type Driver, keyOfFile, openCiphered, type Statement } from './cipher.ts'

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
  /**
   * As `transaction`, but a power cut may take it back, with all others of this kind since the last `transaction` that
   * wrote something: never one without those after it. A process that dies takes nothing back. It spares the thread the
   * wait for the disk (elsewhere: asynchronous commit).
   */
  relaxed<T>(work: () => T): T
  /** Resolves when all that was committed before is on disk; the thread does not wait for it. Rejects when the disk fails. */
  synced(): Promise<void>
  close(): void
}

/** How long is waited for who has the file locked. */
const BUSY_MS = 5000

/** SQLite's default, 2 MiB, is read anew for each list that is sorted by a field. */
const CACHE_KIB = 32 * 1024

/**
 * Pages that the log grows by before it is copied into the database, in the turn of the commit that does it. By SQLite's
 * default, 1000, the longest commit of thousands took 4.2 ms of CPU, by this one 2.4 ms, and all together the same.
 */
const CHECKPOINT_PAGES = 250

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
  syncFile: (file: string) => Promise<void> = toDisk,
): Database {
  const key = keyOfFile(file, keyring)
  const db = key
    ? openCiphered(file, key, { isReadOnly: false })
    : new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: true, defensive: true })
  try {
    db.exec(
      `PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-${CACHE_KIB}; PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`,
    )
  } catch (error) {
    db.close()
    throw error
  }
  if (file === ':memory:') return wrap(db)
  const checkFiles = createFileCheck([file, `${file}-wal`])
  const check = (): void => {
    checkFiles()
    mayCommit()
  }
  return wrap(db, check, () => syncFile(`${file}-wal`))
}

/** What was written to a file, by whomever, is on disk when it resolves. */
async function toDisk(path: string): Promise<void> {
  const file = await open(path, 'r+')
  await file.sync().finally(() => file.close())
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

function wrap(
  db: Driver,
  check: () => void = () => undefined,
  sync: () => Promise<void> = () => Promise.resolve(),
): Database {
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
  /** Relaxed commits so far, and those of them that are known to be on disk. */
  let [relaxed, onDisk] = [0, 0]
  /** The disk refused to bring relaxed commits to disk: it may have dropped them, and what comes after them in the log is then no use. */
  let isInDoubt = false
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

  /** Copies the whole log into the database, after which nothing depends on it. */
  const settleDoubt = (): void => {
    if (!isInDoubt) return
    db.exec('PRAGMA busy_timeout=0')
    const [isBusy] = prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as readonly SqlValue[]
    db.exec(`PRAGMA busy_timeout=${BUSY_MS}`)
    if (isBusy !== 0) throw new Error('the disk failed, and what was written then cannot be made good yet')
    isInDoubt = false
    onDisk = relaxed
  }
  const commit = (): void => {
    try {
      db.exec('COMMIT')
    } catch (error) {
      isInDoubt ||= onDisk < relaxed
      throw error
    }
  }
  const transaction = <T>(work: () => T): T => {
    if (depth > 0) return part(work)
    settleDoubt()
    db.exec('BEGIN IMMEDIATE')
    depth++
    spoilt = undefined
    try {
      const result = work()
      if (spoilt !== undefined) throw spoilt
      check()
      commit()
      return result
    } catch (error) {
      rollback(db)
      throw error
    } finally {
      depth--
    }
  }

  return {
    exec(sql) {
      if (SCHEMA_CHANGE.test(sql)) statements.clear()
      db.exec(sql)
    },
    run: (sql, ...params) => {
      if (depth === 0) settleDoubt()
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
    transaction,
    relaxed(work) {
      if (depth > 0) return part(work)
      db.exec('PRAGMA synchronous=NORMAL')
      try {
        const result = transaction(work)
        relaxed++
        return result
      } finally {
        db.exec('PRAGMA synchronous=FULL')
      }
    },
    async synced() {
      const upto = relaxed
      if (onDisk >= upto) return
      try {
        await sync()
        onDisk = Math.max(onDisk, upto)
      } catch (error) {
        isInDoubt = true
        throw error
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
