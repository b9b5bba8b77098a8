import { OrchError } from '../base/error.ts'
import { shortHash } from '../base/hash.ts'
import { type Contender, type Contested, holdsStruct } from '../doc/contested.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Json } from '../model/record.ts'
import type { Database, SqlValue } from './database.ts'
import { checkedRow, type StoredRow } from './journal.ts'
import type { Change, KeyedValue, RowHead, StoredRecord } from './project.ts'
import type { Row } from './row.ts'
import type { Tx } from './tx.ts'

/** One of two values that were written at the same time. */
export interface ConflictSide {
  readonly value: Json
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly session: string
  /** The row that wrote it: `<replica>:<seq>`. */
  readonly change: string
}

/**
 * - `open`: nobody has looked at it.
 * - `taken`: the value that lost was put back.
 * - `decided`: somebody who knew both wrote another value.
 * - `kept`: somebody said that the value that won is right.
 */
export type ConflictState = 'open' | 'taken' | 'decided' | 'kept'

export interface Conflict {
  /** `x-` and 8 hex digits; the same on every replica. */
  readonly id: string
  /** A record's id, or `<keyed kind>/<key>`. */
  readonly key: string
  readonly field: string
  /** Written at the same time, or from an older text: an editor's, that had not seen the other. */
  readonly source: 'concurrent' | 'stale'
  readonly winner: ConflictSide
  readonly loser: ConflictSide
  readonly state: ConflictState
  readonly settledBy?: string
  readonly settledAt?: number
}

export interface ConflictQuery {
  readonly key?: string | undefined
  /** Also those that are settled. */
  readonly all?: boolean | undefined
  readonly limit: number
}

/** Values that lost against others written at the same time: seen when it happens, and kept. */
export interface Conflicts {
  /** Newest first. */
  list(query: ConflictQuery): readonly Conflict[]
  /** By its id or a unique beginning of it. Throws `conflict_not_found` or `ambiguous_id`. */
  get(id: string): Conflict
  /** Those in which a row took part. */
  of(change: string): readonly Conflict[]
  /** Puts the value that lost back, in a transaction. */
  take(tx: Tx, id: string, by: string): void
  /** Notes that the last row wrote a register of a record from an older text, over a value it had not seen. Call it inside its transaction. */
  overrode(id: RecordId, field: string): void
  /** Says that the value that won is right, on this replica. */
  keep(id: string, by: string): Conflict
}

/** The part of it that writes inside the pipeline's transaction. */
export interface ConflictNotes {
  note(contested: readonly Contested[]): void
  /** Looks whether a row, which had seen both values, decided between them. */
  settle(row: RowHead, changes: readonly Change[]): void
}

export interface ConflictsParts {
  readonly db: Database
  readonly kinds: Kinds
  /** Hears, inside the transaction, of every conflict that begins or ends. */
  readonly onChange: (conflict: Conflict) => void
  readonly now: () => number
  /** The last two values of a register of a record, the older first. */
  readonly lastWrites: (id: RecordId, field: string) => readonly ConflictSide[]
}

const TABLES = `
CREATE TABLE IF NOT EXISTS conflicts (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, field TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL,
  winner TEXT NOT NULL, loser TEXT NOT NULL, settledBy TEXT, settledAt INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS conflicts_open ON conflicts (key, field) WHERE state = 'open';
`

/** How far back the row of a value is looked for. A value that lost is among the last of its record. */
const ROWS_LOOKED_AT = 1000

export function createConflicts(parts: ConflictsParts): Conflicts & ConflictNotes {
  const { db, kinds, onChange } = parts
  db.exec(TABLES)

  const openOf = (key: string): readonly Conflict[] =>
    db.all<SqlConflict>("SELECT * FROM conflicts WHERE key = ? AND state = 'open'", key).map(fromSql)

  const settleAs = (conflict: Conflict, state: ConflictState, by: string, at: number): Conflict => {
    db.run('UPDATE conflicts SET state = ?, settledBy = ?, settledAt = ? WHERE id = ?', state, by, at, conflict.id)
    const settled = { ...conflict, state, settledBy: by, settledAt: at }
    onChange(settled)
    return settled
  }

  const sideOf = (key: string, { client, clock, value }: Contender): { side: ConflictSide; row: Row | undefined } => {
    const row = rowOfStruct(db, key, client, clock)
    const { actor = '', at = 0, session = '' } = row ?? {}
    const change = row ? `${row.replica}:${row.seq}` : ''
    return { row, side: { value: (value ?? null) as Json, actor, at, session, change } }
  }

  const open = (conflict: Conflict): void => {
    if (db.get('SELECT 1 FROM conflicts WHERE id = ?', conflict.id)) return
    const { id, key, field, source, winner, loser } = conflict
    db.run(
      "INSERT INTO conflicts (id, key, field, at, state, source, winner, loser) VALUES (?, ?, ?, ?, 'open', ?, ?, ?)",
      id,
      key,
      field,
      Math.max(winner.at, loser.at),
      source,
      JSON.stringify(winner),
      JSON.stringify(loser),
    )
    onChange(conflict)
  }

  const get = (text: string): Conflict => {
    const found = db.all<SqlConflict>('SELECT * FROM conflicts WHERE id >= ? AND id < ? LIMIT 5', text, `${text}~`)
    const [first] = found
    if (!first || text === '') throw new OrchError('conflict_not_found', { id: text })
    if (found.length > 1) {
      const matches = found.map(({ id }) => id).join(', ')
      throw new OrchError('ambiguous_id', { id: text, count: found.length, matches })
    }
    return fromSql(first)
  }

  return {
    get,
    list({ key, all = false, limit }) {
      const where = [...(key === undefined ? [] : ['key = ?']), ...(all ? [] : ["state = 'open'"])]
      const params: SqlValue[] = [...(key === undefined ? [] : [key]), limit]
      const condition = where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''
      return db
        .all<SqlConflict>(`SELECT * FROM conflicts ${condition} ORDER BY at DESC, id LIMIT ?`, ...params)
        .map(fromSql)
    },
    of: (change) =>
      db
        .all<SqlConflict>(
          "SELECT * FROM conflicts WHERE json_extract(winner, '$.change') = ? OR json_extract(loser, '$.change') = ? ORDER BY id",
          change,
          change,
        )
        .map(fromSql),
    take(tx, id, by) {
      const conflict = get(id)
      // It shows already: then there is nothing to write that would say so.
      if (isShown(tx, kinds, conflict)) settleAs(conflict, 'taken', by, parts.now())
      else write(tx, kinds, conflict)
    },
    keep: (id, by) => settleAs(get(id), 'kept', by, parts.now()),

    overrode(id, field) {
      const [loser, winner] = parts.lastWrites(id, field)
      if (!loser || !winner) return
      const name = shortHash(JSON.stringify([id, field, loser.change, winner.change])).slice(0, 8)
      open({ id: `x-${name}`, key: id, field, source: 'stale', winner, loser, state: 'open' })
    },

    note(contested) {
      for (const { key, field, winner, loser } of contested) {
        const { side, row } = sideOf(key, loser)
        // Who loses once more with the next value has lost one field, not two.
        for (const older of openOf(key)) {
          if (older.field === field && row && hasSeen(row, older.loser.change)) {
            db.run('DELETE FROM conflicts WHERE id = ?', older.id)
            onChange({ ...older, state: 'decided' })
          }
        }
        const won = sideOf(key, winner).side
        const conflict: Conflict = {
          id: `x-${shortHash(JSON.stringify([key, field, loser.client, loser.clock])).slice(0, 8)}`,
          key,
          field,
          source: 'concurrent',
          winner: won,
          loser: side,
          state: 'open',
        }
        open(conflict)
      }
    },
    settle(row, changes) {
      for (const { kind, id, after } of changes) {
        const key = kinds.keys(kind) ? `${kind}/${id}` : id
        for (const conflict of openOf(key)) {
          const value = JSON.stringify(fieldOf(kinds, after, conflict.field))
          if (value === JSON.stringify(conflict.winner.value)) continue
          const knewBoth = hasSeen(row, conflict.winner.change) && hasSeen(row, conflict.loser.change)
          if (!knewBoth) continue
          const isTaken = value === JSON.stringify(conflict.loser.value)
          settleAs(conflict, isTaken ? 'taken' : 'decided', row.actor, row.at)
        }
      }
    },
  }
}

interface SqlConflict {
  readonly id: string
  readonly key: string
  readonly field: string
  readonly state: ConflictState
  readonly source: Conflict['source']
  readonly winner: string
  readonly loser: string
  readonly settledBy: string | null
  readonly settledAt: number | null
}

function fromSql({ id, key, field, state, source, winner, loser, settledBy, settledAt }: SqlConflict): Conflict {
  return {
    id,
    key,
    field,
    state,
    source,
    winner: JSON.parse(winner) as ConflictSide,
    loser: JSON.parse(loser) as ConflictSide,
    ...(settledBy !== null && { settledBy }),
    ...(settledAt !== null && { settledAt }),
  }
}

function rowOfStruct(db: Database, key: string, client: number, clock: number): Row | undefined {
  const rows = db.all<{ n: number }>(
    'SELECT n FROM row_keys WHERE key = ? ORDER BY n DESC LIMIT ?',
    key,
    ROWS_LOOKED_AT,
  )
  for (const { n } of rows) {
    const stored = db.get<StoredRow>('SELECT n, bytes, crc FROM rows WHERE n = ?', n)
    const row = stored && checkedRow(stored)
    if (row && holdsStruct(row.update, client, clock)) return row
  }
  return undefined
}

/** Whether a row was made with knowledge of another one, or is it. */
function hasSeen(row: Pick<RowHead, 'replica' | 'seq' | 'seen'>, change: string): boolean {
  const at = change.lastIndexOf(':')
  const [replica, seq] = [change.slice(0, at), Number(change.slice(at + 1))]
  return row.replica === replica ? seq <= row.seq : (row.seen[replica] ?? 0) >= seq
}

/** A field as JSON: as it is in the document. */
function fieldOf(kinds: Kinds, after: StoredRecord | KeyedValue | undefined, field: string): Json {
  if (!after) return null
  if (!('values' in after)) return after.value ?? null
  if (field === 'file') return after.file
  const declared = kinds.record(after.kind)?.fields[field]
  if (!declared) return after.extra[field] ?? null
  const value = after.values[field] ?? null
  return declared.value.type === 'json' && typeof value === 'string' ? (JSON.parse(value) as Json) : (value as Json)
}

function isShown(tx: Tx, kinds: Kinds, { key, field, loser }: Conflict): boolean {
  const wanted = JSON.stringify(loser.value)
  if (!isRecordId(key)) return JSON.stringify(tx.readKeys(key.slice(0, key.indexOf('/'))).get(field) ?? null) === wanted
  const kind = kinds.lettered(key[0])
  return kind !== undefined && JSON.stringify(fieldOf(kinds, tx.read(kind, key) as StoredRecord, field)) === wanted
}

function write(tx: Tx, kinds: Kinds, { key, field, loser }: Conflict): void {
  const { value } = loser
  if (!isRecordId(key)) {
    tx.setKey(key.slice(0, key.indexOf('/')), field, value === null ? undefined : value)
    return
  }
  const kind = kinds.lettered(key[0])
  if (!kind) throw new OrchError('record_not_found', { kind: 'record', id: key })
  const declared = kind.fields[field]
  const id: RecordId = key
  if (field === 'file') tx.update(kind, id, { file: String(value) })
  else if (!declared) tx.update(kind, id, { extra: { [field]: value === null ? null : String(value) } })
  else {
    const isJson = declared.value.type === 'json' && value !== null
    tx.update(kind, id, { set: { [field]: isJson ? JSON.stringify(value) : (value as string | number | null) } })
  }
}
