import { attentionId, type Happened, type Problem } from '../model/attention.ts'
import type { Json } from '../model/record.ts'
import type { Database } from './database.ts'

/** A problem that was kept. */
export interface Kept {
  readonly id: string
  readonly problem: Problem
  readonly data: Json
}

/** Problems that happened once, kept in the database until they are settled or over, and since when others are seen. */
export interface AttentionStore {
  /** Keeps a problem, in place of an older one with its id. Inside `also` of a transaction, it is durable with the row. */
  keep(happened: Happened, now: number): void
  /** What is kept and not over, newest first. */
  list(now: number): readonly Kept[]
  drop(id: string): void
  /** When each of these was first seen; forgets the others. */
  firstSeen(ids: readonly string[], now: number): ReadonlyMap<string, number>
}

const TABLES = `
CREATE TABLE IF NOT EXISTS attention (
  id TEXT PRIMARY KEY, problem TEXT NOT NULL, data TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attention_seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
`

/** How many are kept; the oldest go first. */
const MAX_KEPT = 500

/** Opens the list in a project's database, making its tables where they are missing. */
export function openAttention(db: Database): AttentionStore {
  db.exec(TABLES)
  return {
    keep({ data = null, forMs, ...problem }, now) {
      db.run(
        'INSERT OR REPLACE INTO attention VALUES (?, ?, ?, ?, ?)',
        attentionId(problem),
        JSON.stringify({ ...problem, since: now }),
        JSON.stringify(data),
        now,
        forMs === undefined ? null : now + forMs,
      )
      db.run('DELETE FROM attention WHERE until <= ?', now)
      db.run(
        'DELETE FROM attention WHERE id IN (SELECT id FROM attention ORDER BY since DESC, id LIMIT -1 OFFSET ?)',
        MAX_KEPT,
      )
    },
    list: (now) =>
      db
        .all<{ id: string; problem: string; data: string }>(
          'SELECT id, problem, data FROM attention WHERE until IS NULL OR until > ? ORDER BY since DESC, id',
          now,
        )
        .map(({ id, problem, data }) => ({
          id,
          problem: JSON.parse(problem) as Problem,
          data: JSON.parse(data) as Json,
        })),
    drop: (id) => db.run('DELETE FROM attention WHERE id = ?', id),
    firstSeen(ids, now) {
      const rows = db.all<{ id: string; at: number }>('SELECT id, at FROM attention_seen')
      const known = new Map(rows.map(({ id, at }) => [id, at]))
      const wanted = new Set(ids)
      const isChanged = rows.length !== wanted.size || ids.some((id) => !known.has(id))
      if (isChanged) {
        db.transaction(() => {
          for (const { id } of rows) if (!wanted.has(id)) db.run('DELETE FROM attention_seen WHERE id = ?', id)
          for (const id of wanted) if (!known.has(id)) db.run('INSERT INTO attention_seen VALUES (?, ?)', id, now)
        })
      }
      return new Map(ids.map((id) => [id, known.get(id) ?? now]))
    },
  }
}
