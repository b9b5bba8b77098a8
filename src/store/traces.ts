import type { Clock } from '../base/clock.ts'
import { atOnce, createTurns, inTurns, type Steps, type Turns } from '../base/turns.ts'
import { createTrace, type Trace } from '../doc/trace.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { issuesOf } from '../model/validate.ts'
import type { Database } from './database.ts'
import { checkedRow, type StoredRow } from './journal.ts'
import { holdingMark, lastTouch, type Touch } from './life.ts'
import type { KeyedValue, RowHead, StoredRecord } from './project.ts'
import type { Vector } from './row.ts'

/** A row as the history of one key sees it. */
export interface TracedRow extends RowHead {
  readonly n: number
  /** False where it only marks the record as deleted. */
  readonly edits: boolean
}

/** A record or key as it is at one place of its history. */
export type Traced = StoredRecord | KeyedValue | undefined

/** What a key of the index of rows stands for. */
export type KeyTarget =
  | { readonly shape: 'records'; readonly kind: RecordKind; readonly id: RecordId }
  | { readonly shape: 'keys'; readonly kind: KeyedKind; readonly id: string }

/** Reads records and keys from the rows that touch them. */
export interface Traces {
  /** Undefined for a key of a kind that is not known here. */
  targetOf(key: string): KeyTarget | undefined
  /** Follows a key through its rows: all of them, or those that `have` holds. A part of longer work gives its turns. */
  follow(key: string, options?: FollowOptions, turns?: Turns): Promise<Followed>
  /** The same in one turn of the event loop, for use inside a transaction. */
  followNow(key: string, options?: FollowOptions): Followed
}

export interface FollowOptions {
  readonly have?: Vector | undefined
  /** Stops after the row of this number. */
  readonly upto?: number | undefined
  /** The rows that `visit` hears, with what was before and after each. */
  readonly watch?: (n: number) => boolean
  readonly visit?: (row: TracedRow, before: Traced, after: Traced) => void
}

export interface Followed {
  readonly target: KeyTarget
  readonly trace: Trace<TracedRow>
  readonly rows: readonly TracedRow[]
  /** As it is after the rows that were taken so far. */
  read(): Traced
}

const ROWS_PER_READ = 50

export function createTraces(db: Database, kinds: Kinds, clock: Pick<Clock, 'monotonic'>): Traces {
  const targetOf = (key: string): KeyTarget | undefined => {
    if (isRecordId(key)) {
      const kind = kinds.lettered(key[0])
      return kind && { shape: 'records', kind, id: key }
    }
    const slash = key.indexOf('/')
    const kind = kinds.keys(key.slice(0, slash))
    return kind && { shape: 'keys', kind, id: key.slice(slash + 1) }
  }

  /** Takes the rows one by one; each `yield` is a place to rest at. */
  function* steps(key: string, { have, upto, watch, visit }: FollowOptions): Steps<Followed> {
    const target = targetOf(key)
    if (!target) throw new Error(`no kind for the key ${key}`)
    const trace = createTrace<TracedRow>(kinds, hasSeen)
    const rows: TracedRow[] = []
    const touches = new Map<string, Touch>()
    const followed: Followed = { target, trace, rows, read: () => readTraced(trace, target, [...touches.values()]) }
    for (let after = 0; ; ) {
      yield
      const page = rowsOfKey(db, key, after, ROWS_PER_READ)
      for (const stored of page) {
        if (upto !== undefined && stored.n > upto) return followed
        after = stored.n
        if (have && (have[stored.replica] ?? 0) < stored.seq) continue
        const { update, ...head } = checkedRow(stored)
        const row = { ...head, n: stored.n, edits: stored.edit === 1 }
        const before = watch?.(row.n) ? followed.read() : undefined
        trace.apply(update, row)
        rows.push(row)
        if (row.edits) {
          const last = touches.get(row.replica)
          if (!last || last.seq < row.seq) touches.set(row.replica, row)
        }
        if (watch?.(row.n)) visit?.(row, before, followed.read())
        yield
      }
      if (page.length < ROWS_PER_READ) return followed
    }
  }

  return {
    targetOf,
    follow: (key, options = {}, turns = createTurns(clock)) => inTurns(steps(key, options), turns),
    followNow: (key, options = {}) => atOnce(steps(key, options)),
  }
}

type KeyRow = StoredRow & { readonly replica: string; readonly seq: number; readonly edit: number }

function rowsOfKey(db: Database, key: string, after: number, limit: number): readonly KeyRow[] {
  return db.all<KeyRow>(
    `SELECT rows.n, rows.replica, rows.seq, rows.bytes, rows.crc, row_keys.edit
     FROM row_keys JOIN rows ON rows.n = row_keys.n WHERE row_keys.key = ? AND row_keys.n > ? ORDER BY row_keys.n LIMIT ?`,
    key,
    after,
    limit,
  )
}

function readTraced(trace: Trace<TracedRow>, target: KeyTarget, touches: readonly Touch[]): Traced {
  const touched = lastTouch(touches)
  const meta = { updatedAt: touched?.at ?? 0, updatedBy: touched?.actor ?? '' }
  if (target.shape === 'keys') {
    const value = trace.key(target.kind, target.id)
    return value === undefined ? undefined : { key: target.id, value, ...meta }
  }
  const record = trace.record(target.kind, target.id)
  if (!record) return undefined
  const { deletes, undeclared: _, ...view } = record
  const mark = holdingMark(deletes, touches)
  return {
    ...view,
    issues: issuesOf(target.kind, view),
    ...meta,
    ...(mark && { deletedAt: mark.at, deletedBy: mark.by }),
  }
}

function hasSeen(row: TracedRow, other: TracedRow): boolean {
  return row.replica === other.replica ? other.seq < row.seq : (row.seen[other.replica] ?? 0) >= other.seq
}
