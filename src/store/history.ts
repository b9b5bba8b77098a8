import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { createTurns } from '../base/turns.ts'
import type { Database, SqlValue } from './database.ts'
import { checkedRow, MAIN_DOC, type StoredRow } from './journal.ts'
import type { KeyedValue, StoredRecord } from './project.ts'
import { type Difference, keyDifference, oneLine, recordDifference } from './record-diff.ts'
import type { RowSource } from './row.ts'
import type { FollowOptions, KeyTarget, Traced, Traces } from './traces.ts'

export interface HistoryQuery {
  /** A record's id, or `<keyed kind>/<key>`; without it, everything. */
  readonly key?: string
  readonly actor?: string
  readonly session?: string
  readonly limit: number
  /** The `next` of the page before. */
  readonly after?: string
}

/** One change: what one row did. */
export interface HistoryItem {
  /** Names the row on every replica: `<replica>:<seq>`. */
  readonly change: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly actor: string
  readonly session: string
  readonly source: RowSource
  readonly what: readonly KeyHistory[]
  /** How many more records and keys it changed. */
  readonly more: number
}

/** What a change did to a record or key, in words. */
export interface KeyHistory extends Difference {
  readonly key: string
  readonly kind: string
  readonly title: string
}

export interface HistoryPage {
  readonly items: readonly HistoryItem[]
  readonly next: string | undefined
}

export interface HistoryParts {
  readonly db: Database
  readonly traces: Traces
  readonly clock: Pick<Clock, 'monotonic'>
}

/** So many records of one change are described. */
const KEYS_SHOWN = 10

/** Tells what happened from the rows, in the order in which they came here. */
export function createHistory({ db, traces, clock }: HistoryParts): (query: HistoryQuery) => Promise<HistoryPage> {
  return async (query) => {
    const rows = rowsBefore(db, query)
    const shown = rows.slice(0, query.limit)
    const turns = createTurns(clock)
    const keysOf = new Map(shown.map(({ n }) => [n, keysOfRow(db, n, query.key)]))
    const wanted = new Map<string, Set<number>>()
    for (const [n, { keys }] of keysOf) {
      for (const key of keys) wanted.set(key, (wanted.get(key) ?? new Set()).add(n))
    }
    const said = new Map<string, KeyHistory>()
    for (const [key, numbers] of wanted) {
      const target = must(traces.targetOf(key), `no kind for the key ${key}`)
      const options: FollowOptions = {
        upto: Math.max(...numbers),
        watch: (n) => numbers.has(n),
        visit: ({ n }, before, after) => said.set(`${n} ${key}`, describe(key, target, before, after)),
      }
      const { trace } = await traces.follow(key, options, turns)
      trace.destroy()
      if (turns.isOver()) await turns.next()
    }
    const items = shown.map((stored): HistoryItem => {
      const { replica, seq, at, actor, session, source } = checkedRow(stored)
      const { keys, more } = keysOf.get(stored.n) ?? { keys: [], more: 0 }
      const what = keys.flatMap((key) => said.get(`${stored.n} ${key}`) ?? [])
      return { change: `${replica}:${seq}`, at, actor, session, source, what, more }
    })
    const last = shown.at(-1)
    return { items, next: rows.length > query.limit && last ? String(last.n) : undefined }
  }

  function keysOfRow(db: Database, n: number, only: string | undefined): { keys: readonly string[]; more: number } {
    const all =
      only === undefined
        ? db.all<{ key: string }>('SELECT key FROM row_keys WHERE n = ? ORDER BY key', n).map(({ key }) => key)
        : [only]
    const known = all.filter((key) => traces.targetOf(key))
    return { keys: known.slice(0, KEYS_SHOWN), more: known.length - Math.min(known.length, KEYS_SHOWN) }
  }
}

function describe(key: string, target: KeyTarget, before: Traced, after: Traced): KeyHistory {
  if (target.shape === 'keys') {
    const difference = keyDifference(before as KeyedValue | undefined, after as KeyedValue | undefined)
    return { key, kind: target.kind.name, title: target.id, ...difference }
  }
  const [was, is] = [before as StoredRecord | undefined, after as StoredRecord | undefined]
  const title = oneLine((is ?? was)?.values[target.kind.title] ?? '', 100)
  return { key, kind: target.kind.name, title, ...recordDifference(target.kind, was, is) }
}

/** One more than a page, so that it is known whether there is a next one. */
function rowsBefore(db: Database, { key, actor, session, limit, after }: HistoryQuery): readonly StoredRow[] {
  const params: SqlValue[] = []
  const conditions: string[] = []
  const where = (sql: string, value: SqlValue | undefined): void => {
    if (value === undefined) return
    conditions.push(sql)
    params.push(value)
  }
  if (after !== undefined && !/^\d{1,15}$/.test(after)) {
    throw new OrchError('invalid_input', { field: 'after', reason: 'this is not a cursor of this list' })
  }
  where('row_keys.key = ?', key)
  where('rows.n < ?', after === undefined ? undefined : Number(after))
  where('rows.doc = ?', MAIN_DOC)
  where('rows.actor = ?', actor)
  where('rows.session = ?', session)
  if (session !== undefined) conditions.push("rows.session <> ''")
  const from = key === undefined ? 'rows' : 'row_keys JOIN rows ON rows.n = row_keys.n'
  const order = key === undefined ? 'rows.n' : 'row_keys.n'
  return db.all<StoredRow>(
    `SELECT rows.n, rows.bytes, rows.crc FROM ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${order} DESC LIMIT ?`,
    ...params,
    limit + 1,
  )
}
