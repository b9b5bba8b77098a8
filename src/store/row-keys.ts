import type { Database } from './database.ts'
import { MAIN_DOC } from './journal.ts'
import type { RowHead } from './project.ts'

/** The records and keys that each row touches: what makes the history of one record cheap. Derived from the rows. */
export const ROW_KEYS_TABLES = [
  'CREATE TABLE row_keys (n INTEGER NOT NULL, key TEXT NOT NULL, edit INTEGER NOT NULL, PRIMARY KEY (n, key)) WITHOUT ROWID',
  'CREATE INDEX row_keys_key ON row_keys (key, n)',
] as const

/** Notes what row `n` of this database edits, and what it only marks as deleted. */
export function noteRowKeys(
  db: Database,
  n: number,
  row: Pick<RowHead, 'doc' | 'touched'>,
  marked: readonly string[],
): void {
  if (row.doc !== MAIN_DOC) return
  const edits = new Set(row.touched)
  const insert = 'INSERT OR IGNORE INTO row_keys (n, key, edit) VALUES (?, ?, ?)'
  for (const key of edits) db.run(insert, n, key, 1)
  for (const key of marked) if (!edits.has(key)) db.run(insert, n, key, 0)
}
