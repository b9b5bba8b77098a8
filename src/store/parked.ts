import type { Parked } from '../doc/guard.ts'
import { mergeUpdates } from '../doc/merge-updates.ts'
import type { Actor } from '../model/actor.ts'
import type { Database } from './database.ts'

/** An update of a client that is kept, because it cannot be applied yet. */
export interface ParkedUpdate {
  readonly id: number
  /** Who brought it, which need not be who wrote it. */
  readonly actor: Actor
  readonly reason: Parked['reason']
  readonly waitsFor: Parked['waitsFor']
  readonly at: number
  readonly update: Uint8Array
}

/** What waits of one who brought it. */
export interface ParkedSummary {
  readonly actor: string
  /** Updates. */
  readonly count: number
  readonly bytes: number
  readonly reasons: readonly Parked['reason'][]
  /** When the first of them came. */
  readonly since: number
}

/**
 * What clients brought and cannot be applied, kept in the database, and whose the clientIDs of clients are. Call inside
 * the transaction that it belongs to.
 */
export interface ParkedUpdates {
  /** Keeps an update. `known` when what is kept has all of it; undefined when too much is kept of its bringer. */
  keep(
    actor: Actor,
    parked: Pick<Parked, 'reason' | 'waitsFor'>,
    update: Uint8Array,
    covers: (update: Uint8Array, other: Uint8Array) => boolean,
    at: number,
  ): 'new' | 'known' | undefined
  /** Those whose wait may be over: `clock` says how far a clientID has got. */
  due(clock: (client: number) => number): readonly ParkedUpdate[]
  of(actor: string): readonly ParkedUpdate[]
  wait(id: number, parked: Pick<Parked, 'reason' | 'waitsFor'>): void
  remove(id: number): void
  summary(actor: string): ParkedSummary
  /** Of everybody of whom something waits. */
  all(): readonly ParkedSummary[]
  /** Who writes under a clientID of a client; undefined while nobody has. */
  writerOf(client: number): string | undefined
  /** Says who does. The first to write under one keeps it, unless a replica that saw the writer says otherwise. */
  bind(client: number, actor: string, isSure: boolean): void
}

export const PARKED_LIMITS = { updates: 200, bytes: 16 << 20 } as const
const MAX_BYTES = 128 << 20
/** Looked at in one turn. */
const DUE_AT_ONCE = 20

const TABLES = `
CREATE TABLE IF NOT EXISTS parked (
  id INTEGER PRIMARY KEY, actor TEXT NOT NULL, type TEXT NOT NULL, verified INTEGER NOT NULL, reason TEXT NOT NULL,
  client INTEGER NOT NULL, clock INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS room_clients (client INTEGER PRIMARY KEY, actor TEXT NOT NULL) WITHOUT ROWID;
`

interface SqlParked {
  readonly id: number
  readonly actor: string
  readonly type: Actor['type']
  readonly verified: number
  readonly reason: Parked['reason']
  readonly client: number
  readonly clock: number
  readonly at: number
  readonly bytes: Uint8Array
}

export function openParkedUpdates(db: Database): ParkedUpdates {
  db.exec(TABLES)
  const of = (actor: string): readonly ParkedUpdate[] =>
    db.all<SqlParked>('SELECT * FROM parked WHERE actor = ? ORDER BY id', actor).map(fromSql)
  const remove = (id: number): void => db.run('DELETE FROM parked WHERE id = ?', id)
  /**
   * Makes one of those that wait for the same client's next structs: each key that somebody types after something that is
   * missing waits for the one before. The first of them says what they wait for.
   */
  const joinThose = (waiting: readonly ParkedUpdate[]): void => {
    const groups = new Map<number, ParkedUpdate[]>()
    for (const one of waiting.filter(({ reason }) => reason === 'missing')) {
      groups.set(one.waitsFor.client, [...(groups.get(one.waitsFor.client) ?? []), one])
    }
    for (const [first, ...others] of groups.values()) {
      if (!first || others.length === 0) continue
      const whole = mergeUpdates([first, ...others].map(({ update }) => update))
      db.run('UPDATE parked SET bytes = ? WHERE id = ?', whole, first.id)
      for (const { id } of others) remove(id)
    }
  }
  return {
    keep(actor, { reason, waitsFor }, update, covers, at) {
      const before = of(actor.name)
      if (before.some((one) => covers(one.update, update))) return 'known'
      // A client that comes back brings all that it had brought before, and more.
      let left: readonly ParkedUpdate[] = before.filter((one) => !covers(update, one.update))
      for (const one of before) if (!left.includes(one)) remove(one.id)
      if (left.length >= PARKED_LIMITS.updates) {
        joinThose(left)
        left = of(actor.name)
      }
      const bytes = left.reduce((sum, one) => sum + one.update.length, update.length)
      const inAll = db.get<{ bytes: number }>('SELECT coalesce(sum(length(bytes)), 0) AS bytes FROM parked')?.bytes ?? 0
      if (left.length >= PARKED_LIMITS.updates || bytes > PARKED_LIMITS.bytes || inAll + update.length > MAX_BYTES) {
        return undefined
      }
      db.run(
        'INSERT INTO parked (actor, type, verified, reason, client, clock, at, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        actor.name,
        actor.type,
        actor.verified ? 1 : 0,
        reason,
        waitsFor.client,
        waitsFor.clock,
        at,
        update,
      )
      return 'new'
    },
    due(clock) {
      const waiting = db.all<Pick<SqlParked, 'id' | 'client' | 'clock'>>('SELECT id, client, clock FROM parked')
      return waiting
        .filter((one) => clock(one.client) >= one.clock)
        .slice(0, DUE_AT_ONCE)
        .flatMap(({ id }) => db.all<SqlParked>('SELECT * FROM parked WHERE id = ?', id).map(fromSql))
    },
    of,
    wait: (id, { reason, waitsFor }) =>
      db.run(
        'UPDATE parked SET reason = ?, client = ?, clock = ? WHERE id = ?',
        reason,
        waitsFor.client,
        waitsFor.clock,
        id,
      ),
    remove,
    summary(actor) {
      const found = of(actor)
      return {
        actor,
        count: found.length,
        bytes: found.reduce((sum, { update }) => sum + update.length, 0),
        reasons: [...new Set(found.map(({ reason }) => reason))],
        since: Math.min(...found.map(({ at }) => at)),
      }
    },
    all() {
      return db
        .all<{ actor: string }>('SELECT DISTINCT actor FROM parked ORDER BY actor')
        .map(({ actor }) => this.summary(actor))
    },
    writerOf: (client) => db.get<{ actor: string }>('SELECT actor FROM room_clients WHERE client = ?', client)?.actor,
    bind: (client, actor, isSure) =>
      db.run(
        isSure
          ? 'INSERT INTO room_clients VALUES (?, ?) ON CONFLICT DO UPDATE SET actor = excluded.actor'
          : 'INSERT OR IGNORE INTO room_clients VALUES (?, ?)',
        client,
        actor,
      ),
  }
}

function fromSql({ id, actor, type, verified, reason, client, clock, at, bytes }: SqlParked): ParkedUpdate {
  return {
    id,
    actor: { name: actor, type, verified: verified === 1 },
    reason,
    waitsFor: { client, clock },
    at,
    update: bytes,
  }
}
