import type { Value } from '../model/kind.ts'
import type { LogEntry } from '../model/log.ts'
import { furthest } from './cursor.ts'
import type { Database } from './database.ts'
import type { Journal } from './journal.ts'
import type { Change, KeyedValue, RowHead, StoredRecord } from './project.ts'
import type { RowSource, Vector } from './row.ts'

/** What happened to a record, in one row. */
export type What = 'created' | 'changed' | 'deleted' | 'restored' | 'logged'

/** A record, a key of the state or an entry of the work log, changed by one row. */
export interface Changed {
  readonly replica: string
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly actor: string
  /** '' when there was none. */
  readonly session: string
  readonly source: RowSource
  readonly verified: boolean
  readonly kind: string
  readonly id: string
  readonly what: What
  /** Fields that changed: for registers what they were and are, shortened; null for what is too long to say. */
  readonly fields: Readonly<Record<string, readonly [from: string | null, to: string | null] | null>>
}

export interface ChangedQuery {
  /** Not what was done in this session. */
  readonly notSession?: string | undefined
  /** Not what this actor did without a session. */
  readonly notActor?: string | undefined
  readonly limit: number
}

/** Exactly what a reader has not seen, in this replica's order, which respects causes. */
export interface ChangedPage {
  readonly items: readonly Changed[]
  /** Where to go on: what of the journal these and all before them cover. */
  readonly upto: Vector
  /** Whether there is more. */
  readonly more: boolean
}

/** What each row changed, in words that can be asked for by place in the journal, by session and by record. */
export interface ChangeFeed {
  note(row: RowHead, changes: readonly Change[]): void
  noteEntries(row: RowHead, entries: readonly LogEntry[]): void
  since(have: Vector, query: ChangedQuery): ChangedPage
  /** The newest of a session, the oldest of them first. */
  ofSession(session: string, limit: number): readonly Changed[]
  /** The last that was done to a record. */
  last(id: string): Changed | undefined
}

const MAX_VALUE = 80

const TABLES = `
CREATE TABLE changes (
  n INTEGER PRIMARY KEY, replica TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL,
  session TEXT NOT NULL, source TEXT NOT NULL, verified INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  what TEXT NOT NULL, fields TEXT NOT NULL);
CREATE INDEX changes_row ON changes (replica, seq);
CREATE INDEX changes_record ON changes (id, n);
CREATE INDEX changes_session ON changes (session, n) WHERE session <> '';
`

/** Opens the feed; for a database from before there was one, rows say only which records they touched. */
export function openChangeFeed(
  db: Database,
  journal: Journal,
  kindOf: (key: string) => string | undefined,
): ChangeFeed {
  const put = (row: RowHead, kind: string, id: string, what: What, fields: Changed['fields']): void =>
    db.run(
      'INSERT INTO changes (replica, seq, at, actor, session, source, verified, kind, id, what, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      row.replica,
      row.seq,
      row.at,
      row.actor,
      row.session,
      row.source,
      row.verified ? 1 : 0,
      kind,
      id,
      what,
      JSON.stringify(fields),
    )
  const rowOf = ({ replica, seq }: SqlChanged): readonly SqlChanged[] =>
    db.all<SqlChanged>('SELECT * FROM changes WHERE replica = ? AND seq = ? ORDER BY n', replica, seq)
  const isThere = db.get("SELECT 1 FROM sqlite_master WHERE name = 'changes'") !== undefined
  if (!isThere) {
    db.transaction(() => {
      db.exec(TABLES)
      for (let n = 0; ; ) {
        const rows = journal.after(n, 500)
        for (const { row } of rows) {
          for (const key of row.touched) {
            const kind = kindOf(key)
            if (kind !== undefined) put(row, kind, key.slice(key.indexOf('/') + 1), 'changed', {})
          }
        }
        const last = rows.at(-1)
        if (!last) return
        n = last.n
      }
    })
  }

  return {
    note(row, changes) {
      for (const change of changes) {
        // A record whose file made way has not changed itself.
        if (change.before === change.after) continue
        put(row, change.kind, change.id, whatOf(change), fieldsOf(change))
      }
    },
    noteEntries(row, entries) {
      for (const { id, action, task } of entries) {
        put(row, 'log', id, 'logged', {
          action: [null, action.slice(0, MAX_VALUE)],
          ...(task && { task: [null, task] }),
        })
      }
    },
    since(have, { notSession, notActor, limit }) {
      const vector = journal.have()
      const lacking = Object.keys(vector).filter((replica) => (have[replica] ?? 0) < (vector[replica] ?? 0))
      const [others, own] =
        notSession !== undefined
          ? ['AND session <> ?', [notSession]]
          : notActor !== undefined
            ? ["AND NOT (session = '' AND actor = ?)", [notActor]]
            : ['', []]
      const found = lacking
        .flatMap((replica) =>
          db.all<SqlChanged>(
            `SELECT * FROM changes WHERE replica = ? AND seq > ? ${others} ORDER BY seq, n LIMIT ?`,
            replica,
            have[replica] ?? 0,
            ...own,
            limit + 1,
          ),
        )
        .sort((a, b) => a.n - b.n)
      if (found.length <= limit) return { items: found.map(fromSql), upto: furthest(have, vector), more: false }
      // Cut between rows: a cursor cannot stand inside one. A row that alone is too long is told whole.
      const after = found[limit] as SqlChanged
      const isOf = (one: SqlChanged, row: SqlChanged): boolean => one.replica === row.replica && one.seq === row.seq
      const first = found[0] as SqlChanged
      const kept = found.slice(0, limit).filter((one) => !isOf(one, after))
      const items = kept.length > 0 ? kept : rowOf(first)
      const upto: Record<string, number> = { ...have }
      for (const { replica, seq } of items) upto[replica] = Math.max(upto[replica] ?? 0, seq)
      return { items: items.map(fromSql), upto, more: true }
    },
    ofSession: (session, limit) =>
      db
        .all<SqlChanged>(
          "SELECT * FROM changes WHERE session = ? AND session <> '' ORDER BY n DESC LIMIT ?",
          session,
          limit,
        )
        .toReversed()
        .map(fromSql),
    last(id) {
      const row = db.get<SqlChanged>('SELECT * FROM changes WHERE id = ? ORDER BY n DESC LIMIT 1', id)
      return row && fromSql(row)
    },
  }
}

interface SqlChanged extends Omit<Changed, 'fields' | 'verified'> {
  readonly n: number
  readonly verified: number
  readonly fields: string
}

function fromSql({ n: _, fields, verified, ...row }: SqlChanged): Changed {
  return { ...row, verified: verified === 1, fields: JSON.parse(fields) as Changed['fields'] }
}

function whatOf({ before, after }: Change): What {
  const isGone = (one: Change['after']): boolean =>
    one === undefined || ('key' in one ? one.value === undefined : one.deletedAt !== undefined)
  if (before === undefined) return 'created'
  if (isGone(after)) return isGone(before) ? 'changed' : 'deleted'
  if (isGone(before)) return 'key' in before ? 'created' : 'restored'
  return 'changed'
}

function fieldsOf({ before, after }: Change): Changed['fields'] {
  if (after === undefined) return {}
  if ('key' in after) {
    const text = (one: KeyedValue | undefined): string | null =>
      one?.value === undefined ? null : JSON.stringify(one.value).slice(0, MAX_VALUE)
    return { value: [text(before as KeyedValue | undefined), text(after)] }
  }
  if (before === undefined) return {}
  const [from, to] = [(before as StoredRecord).values, after.values]
  const changed: Record<string, readonly [string | null, string | null] | null> = {}
  for (const name of Object.keys(to)) {
    if (JSON.stringify(from[name]) === JSON.stringify(to[name])) continue
    const pair = [shortOf(from[name]), shortOf(to[name])] as const
    changed[name] = pair[0] === undefined || pair[1] === undefined ? null : [pair[0], pair[1]]
  }
  return changed
}

/** A value in short; undefined when it is too long to be said. */
function shortOf(value: Value | undefined): string | null | undefined {
  if (value === null || value === undefined) return null
  const text =
    typeof value === 'object'
      ? value.every((one) => typeof one === 'string')
        ? value.join(', ')
        : undefined
      : String(value)
  return text !== undefined && text.length <= MAX_VALUE ? text : undefined
}
