import type { Database } from './database.ts'
import type { Holder } from './leases.ts'

/** A wish to be alone with some files for a while. Nothing enforces it: others are shown it before they begin. */
export interface Reservation extends Holder {
  /** Of paths below the repository: `src/login/**`. */
  readonly glob: string
  readonly note: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly until: number
}

/** Who a session's key was given to. */
export interface SessionKey {
  readonly hash: string
  readonly actor: string
  readonly type: 'person' | 'agent'
}

/** What this replica remembers of its agents. None of it is part of the project: it is not shared, and its loss costs nothing. */
export interface AgentMarks {
  /** Of messages, the ones that an actor has read. */
  read(actor: string, ids: readonly string[]): ReadonlySet<string>
  markRead(actor: string, ids: readonly string[], at: number): void
  reserve(reservation: Reservation): void
  /** Those that hold; the others are forgotten. */
  reservations(now: number): readonly Reservation[]
  /** Ends a holder's reservations: those of these globs, or all. Returns how many. */
  unreserve(holder: Holder, globs?: readonly string[]): number
  putKey(session: string, key: SessionKey): void
  keyOf(session: string): SessionKey | undefined
  /** Sessions that last as long as their connection. */
  connected(): readonly string[]
  connect(session: string): void
  disconnected(session: string): void
}

const TABLES = `
CREATE TABLE IF NOT EXISTS read_marks (actor TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (actor, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservations (
  glob TEXT NOT NULL, actor TEXT NOT NULL, session TEXT NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (glob, actor, session)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session_keys (session TEXT PRIMARY KEY, hash TEXT NOT NULL, actor TEXT NOT NULL, type TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connected_sessions (session TEXT PRIMARY KEY) WITHOUT ROWID;
`

export function openAgentMarks(db: Database): AgentMarks {
  db.exec(TABLES)
  return {
    read(actor, ids) {
      const found = ids.flatMap((id) =>
        db.get('SELECT 1 FROM read_marks WHERE actor = ? AND id = ?', actor, id) === undefined ? [] : [id],
      )
      return new Set(found)
    },
    markRead(actor, ids, at) {
      db.transaction(() => {
        for (const id of ids) db.run('INSERT OR IGNORE INTO read_marks (actor, id, at) VALUES (?, ?, ?)', actor, id, at)
      })
    },
    reserve: ({ glob, actor, session, note, at, until }) =>
      db.run(
        'INSERT OR REPLACE INTO reservations (glob, actor, session, note, at, until) VALUES (?, ?, ?, ?, ?, ?)',
        glob,
        actor,
        session,
        note,
        at,
        until,
      ),
    reservations: (now) => db.all<Reservation>('SELECT * FROM reservations WHERE until > ? ORDER BY at, glob', now),
    unreserve({ actor, session }, globs) {
      const mine = db.all<Reservation>('SELECT * FROM reservations WHERE actor = ? AND session = ?', actor, session)
      const ended = mine.filter(({ glob }) => globs === undefined || globs.includes(glob))
      for (const { glob } of ended) {
        db.run('DELETE FROM reservations WHERE glob = ? AND actor = ? AND session = ?', glob, actor, session)
      }
      return ended.length
    },
    putKey: (session, { hash, actor, type }) =>
      db.run(
        'INSERT OR REPLACE INTO session_keys (session, hash, actor, type) VALUES (?, ?, ?, ?)',
        session,
        hash,
        actor,
        type,
      ),
    connected: () =>
      db.all<{ session: string }>('SELECT session FROM connected_sessions').map(({ session }) => session),
    connect: (session) => db.run('INSERT OR IGNORE INTO connected_sessions (session) VALUES (?)', session),
    disconnected: (session) => db.run('DELETE FROM connected_sessions WHERE session = ?', session),
    keyOf: (session) => db.get<SessionKey>('SELECT hash, actor, type FROM session_keys WHERE session = ?', session),
  }
}
