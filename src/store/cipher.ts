import { closeSync, openSync, readSync } from 'node:fs'
// Bundles have a `createRequire` of their own.
import { createRequire as requireFrom } from 'node:module'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Key, Keyring } from '../base/keys.ts'
import { keyNamed } from '../base/sealed.ts'
import type { SqlValue } from './database.ts'

/** What is needed of a binding of SQLite: the part of node:sqlite's API that all databases are used by. */
export interface Driver {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

export interface Statement {
  run(...params: readonly SqlValue[]): unknown
  get(...params: readonly SqlValue[]): unknown
  all(...params: readonly SqlValue[]): unknown[]
  columns(): readonly { readonly name: unknown }[]
  /** Rows are arrays of values from now on. */
  setReturnArrays(isOn: boolean): void
}

/** SQLite with SQLite3MultipleCiphers. Whoever wants the database encrypted installs it: it has to be compiled where no binary is ready. */
export const CIPHER_PACKAGE = 'better-sqlite3-multiple-ciphers'
export const CIPHER_VERSION = '12'

/** Each page by a key of its own, with a tag: what was changed on the disk is noticed. */
const CIPHER = 'chacha20'
const PLAIN = Buffer.from('SQLite format 3\0', 'latin1')
/** The first 8 of the 16 bytes that stand for the salt, which a key that is none of a password has no use for; its id is the rest. */
const MARK = Buffer.from('orch-enc', 'latin1')

/** How a database file begins: with nothing, as SQLite's own, as one that a key of ours encrypts, or otherwise. */
export type FileKind = 'none' | 'plain' | 'other' | { readonly keyId: string }

/** Reads how a database file begins; throws what the disk says, but for a file that is not there. */
export function kindOfFile(file: string): FileKind {
  const head = headOf(file)
  if (head.length === 0) return 'none'
  if (head.equals(PLAIN)) return 'plain'
  return head.subarray(0, MARK.length).equals(MARK) ? { keyId: head.subarray(MARK.length).toString('hex') } : 'other'
}

/**
 * The key a database file is to be opened with; undefined for one that is plain. Throws `key_missing`, `key_wrong`, and
 * `not_encrypted` for a plain one where it should be none. Writes nothing.
 */
export function keyOfFile(file: string, { keys, database }: Keyring): Key | undefined {
  if (file === ':memory:') return undefined
  const kind = kindOfFile(file)
  if (kind === 'none') return database ? keys[0] : undefined
  if (kind === 'plain' && database) throw new OrchError('not_encrypted', { path: file })
  return typeof kind === 'object' ? keyNamed(keys, kind.keyId, file) : undefined
}

/** The parts of better-sqlite3's API that are used. */
interface Binding {
  exec(sql: string): unknown
  prepare(sql: string): {
    readonly reader: boolean
    run(...params: readonly unknown[]): unknown
    get(...params: readonly unknown[]): unknown
    all(...params: readonly unknown[]): unknown[]
    raw(isOn: boolean): unknown
    columns(): readonly { readonly name: string }[]
  }
  pragma(sql: string): unknown
  close(): void
}
type BindingClass = new (file: string, options: { readonly timeout: number; readonly readonly: boolean }) => Binding

/** Whether an encrypted database can be opened here. */
export function hasCipher(): boolean {
  try {
    loadBinding()
    return true
  } catch {
    return false
  }
}

/** What of a key a database is opened with. */
export type DatabaseKey = Pick<Key, 'id' | 'database'>

/** Opens an encrypted database, or makes one of an empty file. Throws `cipher_missing`, and what SQLite says. */
export function openCiphered(file: string, key: DatabaseKey, options: { readonly isReadOnly: boolean }): Driver {
  const isNew = kindOfFile(file) === 'none'
  const db = openBinding(file, options.isReadOnly)
  db.pragma(`cipher='${CIPHER}'`)
  db.pragma(`key='raw:${hex(key.database)}${isNew ? saltOf(key) : ''}'`)
  return adapted(db)
}

/**
 * Encrypts a database by another key, or by none, in place: only of a copy that nobody else has open, and that is thrown
 * away when this throws.
 */
export function rekey(file: string, from: DatabaseKey | undefined, to: DatabaseKey | undefined): void {
  const db = openBinding(file, false)
  try {
    db.pragma(`cipher='${CIPHER}'`)
    if (from) db.pragma(`key='raw:${hex(from.database)}'`)
    // A journal would hold the pages as they were.
    db.pragma('journal_mode=OFF')
    db.pragma('temp_store=MEMORY')
    db.pragma(to ? `rekey='raw:${hex(to.database)}${saltOf(to)}'` : "rekey=''")
  } finally {
    db.close()
  }
}

function openBinding(file: string, isReadOnly: boolean): Binding {
  let Database: BindingClass
  try {
    Database = loadBinding()
  } catch (error) {
    const data = { package: CIPHER_PACKAGE, version: CIPHER_VERSION, reason: reasonOf(error) }
    throw new OrchError('cipher_missing', data, error)
  }
  return named(() => new Database(file, { timeout: 5000, readonly: isReadOnly }))
}

/** Loads it with the first database that needs it; the binary, too, which may be for another Node. */
function loadBinding(): BindingClass {
  const Database = requireFrom(import.meta.url)(CIPHER_PACKAGE) as BindingClass
  new Database(':memory:', { timeout: 0, readonly: false }).close()
  return Database
}

/** Gives better-sqlite3 the ways of the other binding. */
function adapted(db: Binding): Driver {
  return {
    exec: (sql) => void named(() => db.exec(sql)),
    prepare(sql) {
      const statement = named(() => db.prepare(sql))
      // `?2` is a name to this binding.
      const isNumbered = /\?\d/.test(sql)
      const given = (params: readonly SqlValue[]): readonly unknown[] =>
        isNumbered ? [Object.fromEntries(params.map((value, at) => [at + 1, value]))] : params
      const call = <T>(how: 'run' | 'get' | 'all', params: readonly SqlValue[]): T =>
        named(() => statement[how](...given(params.map(bound))) as T)
      if (statement.reader) statement.raw(true)
      return {
        run: (...params) => call(statement.reader ? 'all' : 'run', params),
        get: (...params) => (statement.reader ? shown(call<Row | undefined>('get', params)) : void call('run', params)),
        all: (...params) => (statement.reader ? call<Row[]>('all', params).map((row) => shown(row)) : []),
        columns: () => (statement.reader ? statement.columns() : []),
        // They always are.
        setReturnArrays: () => undefined,
      }
    },
    close: () => db.close(),
  }
}

type Row = unknown[]

/** Whole numbers stay whole: the binding makes all of them floating ones. */
function bound(value: SqlValue): SqlValue {
  return typeof value === 'number' && (value | 0) === value ? BigInt(value) : value
}

/** Bytes as bytes: a piece of a Buffer is no copy. */
function shown<T extends Row | undefined>(row: T): T {
  for (let at = 0; row && at < row.length; at++) {
    const value = row[at]
    if (Buffer.isBuffer(value)) row[at] = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  return row
}

/** SQLite's result codes by name, as far as somebody asks for them: see `isStorageFailure`. */
const CODES: Readonly<Record<string, number>> = {
  ERROR: 1,
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  INTERRUPT: 9,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  TOOBIG: 18,
  CONSTRAINT: 19,
  MISMATCH: 20,
  MISUSE: 21,
  RANGE: 25,
  NOTADB: 26,
}

/** What better-sqlite3 throws has SQLite's code by name; everybody else here knows it by number. */
function named<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const name =
      error instanceof Error && 'code' in error ? /^SQLITE_([A-Z]+)/.exec(String(error.code))?.[1] : undefined
    if (name !== undefined) Object.assign(error as Error, { errcode: CODES[name] ?? 1 })
    throw error
  }
}

function headOf(file: string): Buffer {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
  try {
    const head = Buffer.alloc(PLAIN.length)
    return head.subarray(0, readSync(descriptor, head, 0, head.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const saltOf = (key: DatabaseKey): string => hex(MARK) + key.id
