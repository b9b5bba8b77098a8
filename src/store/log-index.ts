import { OrchError } from '../base/error.ts'
import type { LogAdditions } from '../doc/log-update.ts'
import type { RecordId } from '../model/id.ts'
import type { LogKind } from '../model/kind.ts'
import { type LogEntry, readLogEntry } from '../model/log.ts'
import type { Json } from '../model/record.ts'
import type { Database, SqlValue } from './database.ts'
import type { Vector } from './row.ts'
import { createSearchIndex } from './search-index.ts'

/** Which entries of the work log are wanted. */
export interface LogQuery {
  readonly actor?: string | undefined
  readonly task?: string | undefined
  readonly session?: string | undefined
  readonly action?: string | undefined
  /** From this time on, and before that one: ISO 8601, or the beginning of one (`2026-11-23`). */
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** Only what these rows added: as the log was at a moment. */
  readonly seen?: Vector | undefined
  readonly limit: number
  /** The `next` of the page before. */
  readonly after?: string | undefined
}

/** An entry's place in its day. */
export interface LogPlace {
  readonly at: string
  readonly id: string
}

/** Entries, newest first. */
export interface LogPage {
  readonly items: readonly LogEntry[]
  readonly next: string | undefined
}

/** The tables that answer every read of the work log, and say how far its documents have got. */
export interface LogIndex {
  /** How many structs a clientID has written in a document. */
  clock(doc: string, client: number): number
  /** Takes what an update added; returns the entries that are new. */
  add(doc: string, additions: LogAdditions): readonly LogEntry[]
  get(id: RecordId): LogEntry | undefined
  list(query: LogQuery): LogPage
  /** The days that have entries, oldest first: `2026-11-23`. */
  days(): readonly string[]
  /** How many entries there are of a day, a month (`2026-11`), or in all (''). */
  count(period: string): number
  /** Entries of a day in their order in its file, at most `limit`, after one. */
  ofDay(day: string, limit: number, after?: LogPlace, seen?: Vector): readonly LogEntry[]
}

export function createLogIndex(db: Database, { table }: Pick<LogKind, 'table'>): LogIndex {
  const search = createSearchIndex(db)
  /** No row that came after a moment added the entry. */
  const wasSeen = `NOT EXISTS (SELECT 1 FROM changes AS c WHERE c.id = ${table}.id
    AND c.seq > coalesce((SELECT value FROM json_each(?) WHERE key = c.replica), 0))`
  const put = (entry: LogEntry): boolean => {
    const { id, session, at, actor, action, details, task } = entry
    const known = db.get<SqlEntry>(`SELECT * FROM ${table} WHERE id = ?`, id)
    // Two replicas may have drawn one id, which is rare. Every replica keeps the same one, whichever came first.
    if (known && rank(logEntryOf(known)) <= rank(entry)) return false
    db.run(
      `INSERT OR REPLACE INTO ${table} (id, session, at, actor, action, details, task) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      session,
      at,
      actor,
      action,
      JSON.stringify(details),
      task,
    )
    search.putEntry(entry)
    return true
  }

  return {
    clock: (doc, client) =>
      db.get<{ clock: number }>(`SELECT clock FROM ${table}_clients WHERE doc = ? AND client = ?`, doc, client)
        ?.clock ?? 0,
    add(doc, { entries, clocks }) {
      for (const [client, clock] of clocks) {
        db.run(
          `INSERT INTO ${table}_clients (doc, client, clock) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET clock = excluded.clock`,
          doc,
          client,
          clock,
        )
      }
      const read = entries.flatMap(([id, value]) => readLogEntry(id, value) ?? [])
      return read.filter(put)
    },
    get(id) {
      const row = db.get<SqlEntry>(`SELECT * FROM ${table} WHERE id = ?`, id)
      return row && logEntryOf(row)
    },
    list({ since, until, limit, after, seen, ...equal }) {
      const where: string[] = []
      const params: SqlValue[] = []
      const add = (sql: string, ...values: readonly SqlValue[]): void => {
        where.push(sql)
        params.push(...values)
      }
      for (const [name, value] of Object.entries(equal)) if (value !== undefined) add(`"${name}" = ?`, value)
      if (since !== undefined) add('at >= ?', since)
      if (until !== undefined) add('at < ?', until)
      if (after !== undefined) add('(at, id) < (?, ?)', ...decodeCursor(after))
      if (seen !== undefined) add(wasSeen, JSON.stringify(seen))
      const rows = db.all<SqlEntry>(
        `SELECT * FROM ${table} ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY at DESC, id DESC LIMIT ?`,
        ...params,
        limit + 1,
      )
      const items = rows.slice(0, limit).map(logEntryOf)
      const last = items.at(-1)
      return { items, next: rows.length > limit && last ? encodeCursor(last) : undefined }
    },
    days() {
      const days: string[] = []
      for (let from = ''; ; ) {
        const at = db.get<{ at: string | null }>(`SELECT min(at) AS at FROM ${table} WHERE at >= ?`, from)?.at
        if (at === null || at === undefined) return days
        const day = at.slice(0, 10)
        days.push(day)
        from = after(day)
      }
    },
    count: (period) =>
      db.get<{ count: number }>(
        `SELECT count(*) AS count FROM ${table} WHERE at >= ? AND at < ?`,
        period,
        after(period),
      )?.count ?? 0,
    ofDay: (day, limit, last, seen) =>
      db
        .all<SqlEntry>(
          `SELECT * FROM ${table} WHERE (at, id) > (?, ?) AND at < ? ${seen ? `AND ${wasSeen}` : ''} ORDER BY at, id LIMIT ?`,
          last?.at ?? day,
          last?.id ?? '',
          after(day),
          ...(seen ? [JSON.stringify(seen)] : []),
          limit,
        )
        .map(logEntryOf),
  }
}

/** The tables of the work log. */
export function logTables({ table, fields }: LogKind): readonly string[] {
  const indexed = Object.entries(fields).flatMap(([name, { indexed }]) => (indexed ? [name] : []))
  return [
    `CREATE TABLE ${table} (id TEXT PRIMARY KEY, session TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, details TEXT NOT NULL, task TEXT NOT NULL) WITHOUT ROWID`,
    ...indexed.map((name) =>
      name === 'at'
        ? `CREATE INDEX ${table}_at ON ${table} (at, id)`
        : `CREATE INDEX ${table}_${name} ON ${table} ("${name}", at, id)${name === 'task' || name === 'session' ? ` WHERE "${name}" <> ''` : ''}`,
    ),
    `CREATE TABLE ${table}_clients (doc TEXT NOT NULL, client INTEGER NOT NULL, clock INTEGER NOT NULL, PRIMARY KEY (doc, client)) WITHOUT ROWID`,
  ]
}

/** An entry as its table row. */
export interface SqlEntry {
  readonly id: string
  readonly session: string
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly details: string
  readonly task: string
}

export const logEntryOf = (row: SqlEntry): LogEntry => ({
  ...row,
  id: row.id as RecordId,
  details: JSON.parse(row.details) as Json,
})

const rank = ({ at, actor, action, session, task, details }: LogEntry): string =>
  [at, actor, action, session, task, JSON.stringify(details)].join('\n')

/** After every time of a day or month, and before the next: '~' comes after all that is in a time. */
function after(period: string): string {
  return `${period}~`
}

function encodeCursor({ at, id }: LogEntry): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url')
}

function decodeCursor(cursor: string): readonly [string, string] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string')
      return [value[0], value[1]]
  } catch {
    // Said below.
  }
  throw new OrchError('invalid_input', { field: 'after', reason: 'this is not a cursor of this list' })
}
