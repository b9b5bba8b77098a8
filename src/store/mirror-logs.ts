import type { Database } from './database.ts'

/** The file of a day of the work log, as the mirror wrote it last. */
export interface WrittenDay {
  readonly day: string
  /** What the file's stat said then. */
  readonly signature: string
  /** How many entries it holds, and the last of them. */
  readonly entries: number
  readonly at: string
  readonly id: string
}

/** What the mirror knows of the files of the work log. */
export interface MirrorLogs {
  get(day: string): WrittenDay | undefined
  all(): readonly WrittenDay[]
  put(written: WrittenDay): void
}

/** Opens the list in a project's database. The table is private to it. */
export function openMirrorLogs(db: Database): MirrorLogs {
  db.exec(`CREATE TABLE IF NOT EXISTS mirror_logs (
    day TEXT PRIMARY KEY, signature TEXT NOT NULL, entries INTEGER NOT NULL, at TEXT NOT NULL, id TEXT NOT NULL) WITHOUT ROWID`)
  return {
    get: (day) => db.get('SELECT * FROM mirror_logs WHERE day = ?', day),
    all: () => db.all('SELECT * FROM mirror_logs ORDER BY day'),
    put: ({ day, signature, entries, at, id }) =>
      db.run(
        'INSERT OR REPLACE INTO mirror_logs (day, signature, entries, at, id) VALUES (?, ?, ?, ?, ?)',
        day,
        signature,
        entries,
        at,
        id,
      ),
  }
}
