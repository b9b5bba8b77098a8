import { OrchError } from '../base/error.ts'
import type { Database } from './database.ts'

/** The version of the database's private tables. The index tables are derived and have a stamp of their own. */
export const DATABASE_FORMAT = 1

const TABLES = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
  n INTEGER PRIMARY KEY, doc TEXT NOT NULL, replica TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  actor TEXT NOT NULL, session TEXT NOT NULL, bytes BLOB NOT NULL, crc INTEGER NOT NULL, UNIQUE (replica, seq));
CREATE TABLE IF NOT EXISTS clients (
  replica TEXT NOT NULL, actor TEXT NOT NULL, client INTEGER NOT NULL UNIQUE, PRIMARY KEY (replica, actor)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS peers (name TEXT PRIMARY KEY, url TEXT NOT NULL, token TEXT NOT NULL) WITHOUT ROWID;
`

/** Derived, and of no concern to other versions. */
const INDEXES = `
CREATE INDEX IF NOT EXISTS rows_of_logs ON rows (doc, n) WHERE doc <> 'main';
CREATE INDEX IF NOT EXISTS rows_of_actors ON rows (actor, n);
CREATE INDEX IF NOT EXISTS rows_of_sessions ON rows (session, n) WHERE session <> '';
`

/**
 * Makes or checks the private tables. A database of a newer format is refused before anything is written to it.
 * Throws `database_newer`.
 */
export function prepareSchema(db: Database): void {
  const found = db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
  if (found > DATABASE_FORMAT) throw new OrchError('database_newer', { found, known: DATABASE_FORMAT })
  if (found === DATABASE_FORMAT) {
    db.exec(INDEXES)
    return
  }
  db.transaction(() => {
    db.exec(TABLES)
    db.exec(INDEXES)
    db.exec(`PRAGMA user_version = ${DATABASE_FORMAT}`)
  })
}

export interface Meta {
  get(key: string): string | undefined
  set(key: string, value: string): void
}

/** Small facts of this replica: ids, the lease, stamps. */
export function createMeta(db: Database): Meta {
  return {
    get: (key) => db.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)?.value,
    set: (key, value) =>
      db.run(
        'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
        key,
        value,
      ),
  }
}
