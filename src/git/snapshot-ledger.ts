import { emptyValue, type Value } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { dayOf, type LogEntry } from '../model/log.ts'
import type { Database, SqlValue } from '../store/database.ts'
import type { Change, KeyedValue, RowHead, StoredRecord } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import type { Oid } from './git-repo.ts'

/** The last row by which one actor, in one session, on one replica, changed a record. */
export type Mark = Pick<RowHead, 'replica' | 'seq' | 'at' | 'actor' | 'session'>

/** Who changed which field since the last snapshot. */
export interface FieldMark {
  readonly field: string
  readonly actor: string
}

/** A record, or one key of a keyed kind, that changed since the last snapshot. */
export interface PendingChange {
  /** `t-7f3k9q2m`, or `state/<key>`. */
  readonly key: string
  /** The kind's name. */
  readonly kind: string
  /** The record's id, or the key alone. */
  readonly id: string
  /** As it was at the last snapshot; undefined when it was not there. */
  readonly before: StoredRecord | KeyedValue | undefined
  /** Where the last snapshot has its file. */
  readonly pathBefore: string | undefined
  /** Who changed it since, one per replica, actor and session. */
  readonly marks: readonly Mark[]
  /** Of records: which field each of them changed. */
  readonly fields: readonly FieldMark[]
}

/** A day of the work log that has entries which its file in the last snapshot lacks. */
export interface NotedDay {
  readonly day: string
  /** How many there were; more may come while a snapshot is taken. */
  readonly entries: number
}

export interface LastSnapshot {
  readonly commit: Oid
  /** The rows it holds. */
  readonly have: Vector
  /** What is declared has changed since: every file must be compared. */
  readonly isStale?: boolean
  /** The name of the key that its rows are encrypted with; none or '' where they are not. */
  readonly key?: string
}

export interface CutRange {
  /** Only what changed after this cut; 0 for all. */
  readonly after: number
  readonly upto: number
  /** Only keys after this one, in order of keys, at most `limit`. */
  readonly fromKey: string
  readonly limit: number
}

/**
 * The durable list of what changed since the last snapshot, in the project's database. It is written in the transaction
 * of the rows themselves, so it never lacks a change, and shortened only when a commit holds what it lists.
 */
export interface SnapshotLedger {
  /** Takes changes, inside the SQL transaction that makes them durable. */
  note(changes: readonly Change[]): void
  /** Takes entries of the work log, like `note`. */
  noteEntries(entries: readonly LogEntry[]): void
  /** The days before `today` that have new entries. */
  days(today: string): readonly NotedDay[]
  last(): LastSnapshot | undefined
  /** The name of the key that somebody asked for since, by which all rows are to be encrypted anew; '' for none. */
  wantedKey(): string | undefined
  /** Has every file compared by the next snapshot: what is declared, and so what files there are, has changed. */
  compareAll(): void
  /** Whether anything was noted since the last snapshot. */
  isEmpty(): boolean
  /** Draws a line under what changed so far and gives its number: what comes later lies above it. */
  cut(): number
  changes(range: CutRange): readonly PendingChange[]
  /** Keeps where the files of a snapshot lie: key -> path, or undefined where there is none. */
  keepPaths(paths: ReadonlyMap<string, string | undefined>): void
  /** Forgets what was changed up to a cut, and days: a commit holds them. A day that has got more entries since stays. */
  done(snapshot: LastSnapshot, upto: number, days?: readonly NotedDay[]): void
  /** Removes some of what is forgotten, about as much as fits into a turn; whether there is more. */
  tidy(): boolean
}

const TABLES = `
CREATE TABLE IF NOT EXISTS snapshot_changes (
  cut INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, before TEXT,
  PRIMARY KEY (cut, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS snapshot_changes_key ON snapshot_changes (key);
CREATE TABLE IF NOT EXISTS snapshot_marks (
  cut INTEGER NOT NULL, key TEXT NOT NULL, replica TEXT NOT NULL, actor TEXT NOT NULL, session TEXT NOT NULL,
  seq INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (cut, key, replica, actor, session)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot_fields (
  cut INTEGER NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL, actor TEXT NOT NULL,
  PRIMARY KEY (cut, key, field, actor)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot_paths (key TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot_days (day TEXT PRIMARY KEY, entries INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot_last (one INTEGER PRIMARY KEY CHECK (one = 1), "commit" TEXT NOT NULL, have TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot_done (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot_stale (one INTEGER PRIMARY KEY CHECK (one = 1));
`
const KEYS = 'CREATE TABLE IF NOT EXISTS snapshot_keys (what TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID'

/** Has the next snapshot encrypt all rows in git by the key of this name, or by none: ''. */
export function askForKey(db: Database, key: string): void {
  db.exec(KEYS)
  putKey(db, 'wanted', key)
}

function putKey(db: Database, what: 'last' | 'wanted', key: string): void {
  db.run('INSERT INTO snapshot_keys (what, key) VALUES (?, ?) ON CONFLICT DO UPDATE SET key = excluded.key', what, key)
}

/** A page of all costs what is in it, however much was changed: the planner would look through all of it. */
const BY_KEY = { list: 'snapshot_changes c INDEXED BY snapshot_changes_key', key: 'c.key' }
/** Of the little that changed since another cut: by key, all before it would be looked through. */
const BY_CUT = { list: 'snapshot_changes c NOT INDEXED', key: '+c.key' }

const LISTS = {
  snapshot_changes: 'cut, key',
  snapshot_marks: 'cut, key, replica, actor, session',
  snapshot_fields: 'cut, key, field, actor',
}
/** Each carries a record as it was, and is gone from an index, too. */
const ROWS_A_TURN = 50

/** Opens the list in a project's database. The tables are private to it. */
export function openSnapshotLedger(db: Database, kinds: Kinds): SnapshotLedger {
  db.exec(TABLES)
  db.exec(KEYS)
  const namedKey = (what: 'last' | 'wanted'): string | undefined =>
    db.get<{ key: string }>('SELECT key FROM snapshot_keys WHERE what = ?', what)?.key
  /** What lies at or below this cut is forgotten, and perhaps not removed yet. */
  let forgotten = db.get<{ upto: number }>('SELECT upto FROM snapshot_done')?.upto ?? 0
  const tidy = (limit: number): boolean => {
    if (forgotten === 0) return false
    // A power cut may take it back: what is forgotten is on disk.
    return db.relaxed(() => {
      let isMore = false
      for (const [table, key] of Object.entries(LISTS)) {
        const some = `SELECT ${key} FROM ${table} WHERE cut <= ?`
        db.run(`DELETE FROM ${table} WHERE (${key}) IN (${some} LIMIT ?)`, forgotten, limit)
        isMore ||= db.get(`SELECT 1 FROM ${table} WHERE cut <= ? LIMIT 1`, forgotten) !== undefined
      }
      if (!isMore) db.run('DELETE FROM snapshot_done')
      return isMore
    })
  }
  // What a crash left: a number that was forgotten is given again below.
  tidy(-1)
  forgotten = 0
  const highest = db.get<{ cut: number | null }>('SELECT max(cut) AS cut FROM snapshot_changes')?.cut ?? 0
  /** The number of the next cut; changes are noted under it. */
  let open = highest + 1

  const noteOne = (change: Change): void => {
    const key = keyOf(kinds, change)
    db.run(
      'INSERT INTO snapshot_changes (cut, key, kind, id, before) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      open,
      key,
      change.kind,
      change.id,
      change.before === undefined ? null : JSON.stringify(change.before),
    )
    const { replica, actor, session, seq, at } = change.row
    for (const field of fieldsOf(kinds, change)) {
      db.run(
        'INSERT OR IGNORE INTO snapshot_fields (cut, key, field, actor) VALUES (?, ?, ?, ?)',
        open,
        key,
        field,
        actor,
      )
    }
    db.run(
      `INSERT INTO snapshot_marks (cut, key, replica, actor, session, seq, at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq), at = max(at, excluded.at)`,
      open,
      key,
      replica,
      actor,
      session,
      seq,
      at,
    )
  }

  return {
    note(changes) {
      for (const change of changes) noteOne(change)
    },
    noteEntries(entries) {
      for (const { at } of entries) {
        db.run(
          'INSERT INTO snapshot_days (day, entries) VALUES (?, 1) ON CONFLICT DO UPDATE SET entries = entries + 1',
          dayOf(at),
        )
      }
    },
    days: (today) => db.all('SELECT day, entries FROM snapshot_days WHERE day < ? ORDER BY day', today),
    last() {
      const row = db.get<{ commit: string; have: string }>('SELECT "commit", have FROM snapshot_last')
      const isStale = db.get('SELECT 1 FROM snapshot_stale') !== undefined
      const key = namedKey('last')
      return row && { commit: row.commit, have: JSON.parse(row.have), ...(isStale && { isStale }), ...(key && { key }) }
    },
    wantedKey: () => namedKey('wanted'),
    compareAll() {
      db.run('INSERT INTO snapshot_stale (one) VALUES (1) ON CONFLICT DO NOTHING')
    },
    isEmpty: () => db.get('SELECT 1 FROM snapshot_changes WHERE cut > ? LIMIT 1', forgotten) === undefined,
    cut: () => open++,
    changes({ after, upto, fromKey, limit }) {
      const range: SqlValue[] = [Math.max(after, forgotten), upto, fromKey]
      const { list, key } = after > forgotten ? BY_CUT : BY_KEY
      // `min(cut)` also picks the row that the other columns come from: `before` is the oldest.
      const found = db.all<SqlChange>(
        `SELECT min(cut), c.key, kind, id, before, path FROM ${list} LEFT JOIN snapshot_paths p ON p.key = c.key
         WHERE cut > ? AND cut <= ? AND ${key} > ? GROUP BY c.key ORDER BY c.key LIMIT ?`,
        ...range,
        limit,
      )
      const marks = db.all<Mark & { key: string }>(
        `SELECT m.key, replica, actor, session, max(seq) AS seq, max(at) AS at
         FROM ${list} CROSS JOIN snapshot_marks m ON m.cut = c.cut AND m.key = c.key
         WHERE c.cut > ? AND c.cut <= ? AND ${key} > ? AND ${key} <= ? GROUP BY m.key, replica, actor, session ORDER BY m.key, at`,
        ...range,
        found.at(-1)?.key ?? fromKey,
      )
      const written = db.all<FieldMark & { key: string }>(
        `SELECT DISTINCT f.key, field, actor FROM ${list} CROSS JOIN snapshot_fields f ON f.cut = c.cut AND f.key = c.key
         WHERE c.cut > ? AND c.cut <= ? AND ${key} > ? AND ${key} <= ? ORDER BY f.key, field, actor`,
        ...range,
        found.at(-1)?.key ?? fromKey,
      )
      const fieldsOfKey = new Map<string, FieldMark[]>(found.map(({ key }) => [key, []]))
      for (const { key, ...mark } of written) fieldsOfKey.get(key)?.push(mark)
      const marksOf = new Map<string, Mark[]>(found.map(({ key }) => [key, []]))
      for (const { key, ...mark } of marks) marksOf.get(key)?.push(mark)
      return found.map((row) => fromSql(row, marksOf.get(row.key) ?? [], fieldsOfKey.get(row.key) ?? []))
    },
    keepPaths(paths) {
      // On disk with `done`; before that, the next snapshot begins anew.
      db.relaxed(() => {
        for (const [key, path] of paths) {
          if (path === undefined) db.run('DELETE FROM snapshot_paths WHERE key = ?', key)
          else
            db.run(
              'INSERT INTO snapshot_paths (key, path) VALUES (?, ?) ON CONFLICT DO UPDATE SET path = excluded.path',
              key,
              path,
            )
        }
      })
    },
    done({ commit, have, key = '' }, upto, days = []) {
      db.transaction(() => {
        db.run(
          'INSERT INTO snapshot_last (one, "commit", have) VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET "commit" = excluded."commit", have = excluded.have',
          commit,
          JSON.stringify(have),
        )
        db.run('DELETE FROM snapshot_stale')
        if (namedKey('last') !== undefined || key !== '') putKey(db, 'last', key)
        db.run("DELETE FROM snapshot_keys WHERE what = 'wanted' AND key = ?", key)
        db.run(
          'INSERT INTO snapshot_done (one, upto) VALUES (1, ?) ON CONFLICT DO UPDATE SET upto = excluded.upto',
          upto,
        )
        for (const { day, entries } of days) {
          db.run('DELETE FROM snapshot_days WHERE day = ? AND entries = ?', day, entries)
        }
      })
      forgotten = upto
      tidy(ROWS_A_TURN)
    },
    tidy: () => tidy(ROWS_A_TURN),
  }
}

/** What names a changed record, or key of a keyed kind, in the list. */
export function keyOf(kinds: Kinds, { kind, id }: { readonly kind: string; readonly id: string }): string {
  return kinds.keys(kind) ? `${kind}/${id}` : id
}

interface SqlChange {
  readonly key: string
  readonly kind: string
  readonly id: string
  readonly before: string | null
  readonly path: string | null
}

function fromSql(
  { key, kind, id, before, path }: SqlChange,
  marks: readonly Mark[],
  fields: readonly FieldMark[],
): PendingChange {
  return {
    key,
    kind,
    id,
    before: before === null ? undefined : JSON.parse(before),
    pathBefore: path ?? undefined,
    marks,
    fields,
  }
}

/** The fields of a record that a change wrote: those whose value is not the same any more, or of a new record not what it is born with. */
function fieldsOf(kinds: Kinds, { kind: name, before, after }: Change): readonly string[] {
  const kind = kinds.record(name)
  if (!kind || !after || !('values' in after)) return []
  const fields = Object.entries(kind.fields).filter(([, { readonly }]) => !readonly)
  if (!before || !('values' in before)) {
    const born = ([name, field]: (typeof fields)[number]): Value => kind.defaults[name] ?? emptyValue(field)
    return fields.filter((one) => !isSame(born(one), after.values[one[0]])).map(([name]) => name)
  }
  const names = fields.map(([name]) => name).filter((name) => !isSame(before.values[name], after.values[name]))
  const keys = new Set([...Object.keys(before.extra), ...Object.keys(after.extra)])
  return [
    ...names,
    ...[...keys].filter((key) => before.extra[key] !== after.extra[key]),
    ...(before.file === after.file ? [] : ['file']),
  ]
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}
