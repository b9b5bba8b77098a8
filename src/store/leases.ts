import type { WriteOrigin } from '../doc/origin.ts'
import type { RecordId } from '../model/id.ts'
import type { Database } from './database.ts'
import type { Project } from './project.ts'
import type { Tx } from './tx.ts'

/** Who holds something: an actor, in a session where it has one. */
export interface Holder {
  readonly actor: string
  /** '' when there is none: then all of an actor's calls are one holder. */
  readonly session: string
}

/** An exclusive hold on a task. */
export interface Lease extends Holder {
  readonly task: RecordId
  /** Grows with every grant in the project: whoever has a smaller one for the same task has lost it. */
  readonly fence: number
  /** The number the same claim had before it was settled; 0 when it had none. */
  readonly formerFence: number
  /** The replica that the holder works on. */
  readonly replica: string
  /** When it was taken: milliseconds since 1970. */
  readonly at: number
  /** When it ends by itself as things stand, by the wall clock; null: never. */
  readonly until: number | null
  /** Not confirmed by the arbiter. */
  readonly provisional: boolean
}

/** What is asked to be granted. */
export interface Wanted extends Holder {
  readonly replica: string
  readonly until: number | null
  /** Asked inside the step that grants, so that nothing changes between: tasks in order of preference. Throws what refuses all of them. */
  readonly candidates: (tx: Tx, held: (task: RecordId) => Lease | undefined) => readonly RecordId[]
  /** What the record says of it from then on. */
  readonly write: (tx: Tx, lease: Lease) => void
  /** The arbiter's epoch; undefined for a claim that it has not confirmed. */
  readonly epoch: number | undefined
}

/**
 * Who holds what, as this replica knows it. `grant` and `end` are each one step that nothing comes between, durable
 * together with what they write to the record.
 */
export interface Leases {
  of(task: string): Lease | undefined
  all(): readonly Lease[]
  /** Grants the first candidate that is free, or gives the lease that the same holder has on it already; undefined when none is free. */
  grant(origin: WriteOrigin, wanted: Wanted): Promise<Lease | undefined>
  /** Notes a lease that the arbiter granted elsewhere, or another number or state of one. */
  put(lease: Lease): void
  /** Gives a lease a number of an epoch of the arbiter: confirms a provisional one, or one of an earlier arbiter. */
  confirm(lease: Lease, epoch: number): Lease
  /** Says until when one holds, as things stand. */
  extend(task: string, until: number): void
  /** Ends the lease with this number; false when it has ended already. */
  end(origin: WriteOrigin, lease: Pick<Lease, 'task' | 'fence'>, write: (tx: Tx) => void): Promise<boolean>
  /** Ends it without a word in the record: there is nothing left to say. */
  drop(task: string): void
}

/** Numbers of one epoch of the arbiter; those of a later one are all greater. */
const PER_EPOCH = 1_000_000_000

const TABLES = `
CREATE TABLE IF NOT EXISTS leases (
  task TEXT PRIMARY KEY, actor TEXT NOT NULL, session TEXT NOT NULL, fence INTEGER NOT NULL, former INTEGER NOT NULL,
  replica TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER, provisional INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fences (epoch INTEGER PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
`

/** Leases in the project's own database, each step one transaction with the record's row. */
export function openLeases(db: Database, project: Pick<Project, 'transact'>, now: () => number): Leases {
  db.exec(TABLES)
  const of = (task: string): Lease | undefined => {
    const row = db.get<SqlLease>('SELECT * FROM leases WHERE task = ?', task)
    return row && fromSql(row)
  }
  const put = (lease: Lease): void =>
    db.run(
      'INSERT OR REPLACE INTO leases (task, actor, session, fence, former, replica, at, until, provisional) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      lease.task,
      lease.actor,
      lease.session,
      lease.fence,
      lease.formerFence,
      lease.replica,
      lease.at,
      lease.until,
      lease.provisional ? 1 : 0,
    )
  const drop = (task: string): void => db.run('DELETE FROM leases WHERE task = ?', task)
  /** Numbers of claims that nobody confirmed are below 0: they are no rank among those of the arbiter. */
  const nextFence = (epoch: number | undefined): number => {
    const key = epoch ?? -1
    const last = (db.get<{ last: number }>('SELECT last FROM fences WHERE epoch = ?', key)?.last ?? 0) + 1
    db.run('INSERT INTO fences (epoch, last) VALUES (?, ?) ON CONFLICT DO UPDATE SET last = excluded.last', key, last)
    return epoch === undefined ? -last : epoch * PER_EPOCH + last
  }

  return {
    of,
    all: () => db.all<SqlLease>('SELECT * FROM leases ORDER BY at, task').map(fromSql),
    put,
    drop,
    confirm(lease, epoch) {
      const confirmed = { ...lease, fence: nextFence(epoch), formerFence: lease.fence, provisional: false }
      put(confirmed)
      return confirmed
    },
    extend: (task, until) => db.run('UPDATE leases SET until = ? WHERE task = ?', until, task),
    async grant(origin, wanted) {
      let granted: Lease | undefined
      return await project.transact(
        origin,
        (tx) => {
          for (const task of wanted.candidates(tx, of)) {
            const known = of(task)
            if (known && isSameHolder(known, wanted)) return known
            if (known) continue
            granted = {
              task,
              actor: wanted.actor,
              session: wanted.session,
              // The number is taken inside the SQL transaction of this step: it is undone with it.
              fence: nextFence(wanted.epoch),
              formerFence: 0,
              replica: wanted.replica,
              at: now(),
              until: wanted.until,
              provisional: wanted.epoch === undefined,
            }
            wanted.write(tx, granted)
            return granted
          }
          return undefined
        },
        { also: () => granted && put(granted) },
      )
    },
    async end(origin, { task, fence }, write) {
      let ended = false
      await project.transact(
        origin,
        (tx) => {
          if (of(task)?.fence !== fence) return
          ended = true
          write(tx)
        },
        { also: () => ended && drop(task) },
      )
      return ended
    },
  }
}

export function isSameHolder(a: Holder, b: Holder): boolean {
  return a.actor === b.actor && a.session === b.session
}

interface SqlLease extends Omit<Lease, 'provisional' | 'formerFence'> {
  readonly provisional: number
  readonly former: number
}

function fromSql({ provisional, former, ...lease }: SqlLease): Lease {
  return { ...lease, formerFence: former, provisional: provisional === 1 }
}
