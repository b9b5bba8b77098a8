import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { createTurns } from '../base/turns.ts'
import type { RecordBlame } from '../doc/blame.ts'
import type { ProjectDoc } from '../doc/project-doc.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { blameOf } from './blame.ts'
import { type Database, openDatabase } from './database.ts'
import { createHistory, type HistoryPage, type HistoryQuery } from './history.ts'
import { type Journal, MAIN_DOC } from './journal.ts'
import { createPastViews, type PastViews } from './past-view.ts'
import type { StoredRecord } from './project.ts'
import type { Vector } from './row.ts'
import { createTraces, type Traced, type TracedRow, type Traces } from './traces.ts'
import { planUndo, type UndoPlan, type UndoSelection } from './undo.ts'

/**
 * The project as it was. A moment is a vector: the rows that had happened, with all that they had seen. So it names the
 * same state on every replica that has those rows.
 */
export interface Past {
  readonly traces: Traces
  /** What happened, newest first, a page at a time. Throws `invalid_input` on a cursor that does not exist. */
  history(query: HistoryQuery): Promise<HistoryPage>
  /** The moment of a wall time (milliseconds since 1970): every row that was made until then, as the clocks of their replicas say. */
  momentAt(time: number): Vector
  /** The moment right after a row, named `<replica>:<seq>`. Throws `moment_unknown`. */
  momentOf(row: string): Vector
  /** The rows `from`..`to` of a vector are all here. Throws `moment_unknown` when not. */
  assertKnown(moment: Vector): void
  record(kind: RecordKind, id: RecordId, moment: Vector): Promise<StoredRecord | undefined>
  /** A record's id or `<keyed kind>/<key>`. */
  key(key: string, moment: Vector): Promise<Traced>
  /** Ids, and `<keyed kind>/<key>`s, that rows touch which one of two moments has and the other has not; sorted. */
  keysBetween(a: Vector, b: Vector): Promise<readonly string[]>
  /** Who wrote every part of a record: now, or as it was. */
  blame(kind: RecordKind, id: RecordId, moment?: Vector): Promise<RecordBlame<TracedRow>>
  /** Plans to take back what some rows did. Throws `usage`, `invalid_input`, `moment_unknown`. */
  undo(selection: UndoSelection): Promise<UndoPlan>
  /** All of it, to be read and searched like the present. Costs what was changed since, and a copy of the rest; the last ones are kept. */
  view: PastViews['view']
}

export interface PastParts {
  readonly db: Database
  readonly kinds: Kinds
  readonly journal: Journal
  readonly clock: Pick<Clock, 'monotonic'>
  /** The durable document of now. */
  readonly doc: () => ProjectDoc
}

const SEQS_PER_READ = 500

export function createPast({ db, kinds, journal, clock, doc }: PastParts): Past {
  const traces = createTraces(db, kinds, clock)

  const timeOf = (replica: string, seq: number): number =>
    db.get<{ at: number }>('SELECT at FROM rows WHERE replica = ? AND seq = ?', replica, seq)?.at ?? 0

  /** The last row of a replica that was made until a time. Clocks of one replica run on, but for the rare one set back. */
  const lastUntil = (replica: string, last: number, time: number): number => {
    let [low, high] = [0, last]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (timeOf(replica, middle) <= time) low = middle
      else high = middle - 1
    }
    return low
  }

  /** What had been seen had happened, whatever the clocks say. */
  const withCauses = (heads: Vector): Vector => {
    const all: Record<string, number> = { ...heads }
    const open = Object.keys(all)
    for (let replica = open.pop(); replica !== undefined; replica = open.pop()) {
      const row = journal.row(replica, all[replica] ?? 0)
      for (const [other, seq] of Object.entries(row?.seen ?? {})) {
        if ((all[other] ?? 0) >= seq) continue
        all[other] = seq
        open.push(other)
      }
    }
    return all
  }

  const past: Past = {
    traces,
    history: createHistory({ db, traces, clock }),
    momentAt(time) {
      const heads = Object.entries(journal.have()).map(
        ([replica, last]) => [replica, lastUntil(replica, last, time)] as const,
      )
      return withCauses(Object.fromEntries(heads.filter(([, seq]) => seq > 0)))
    },
    momentOf(name) {
      const [, replica = '', seq = ''] = /^(.+):(\d+)$/.exec(name) ?? []
      if (!journal.row(replica, Number(seq))) throw new OrchError('moment_unknown', { moment: name })
      return withCauses({ [replica]: Number(seq) })
    },
    assertKnown(moment) {
      const have = journal.have()
      const lacks = Object.entries(moment).find(([replica, seq]) => (have[replica] ?? 0) < seq)
      if (lacks) throw new OrchError('moment_unknown', { moment: `${lacks[0]}:${lacks[1]}` })
    },
    async record(kind, id, moment) {
      const { trace, read } = await traces.follow(id, { have: moment })
      const record = read() as StoredRecord | undefined
      trace.destroy()
      return record?.kind === kind.name ? record : undefined
    },
    async key(key, moment) {
      const { trace, read } = await traces.follow(key, { have: moment })
      const traced = read()
      trace.destroy()
      return traced
    },
    async keysBetween(a, b) {
      const turns = createTurns(clock)
      const keys = new Set<string>()
      for (const replica of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const [from, to] = [a[replica] ?? 0, b[replica] ?? 0].sort((x, y) => x - y) as [number, number]
        for (let after = from; after < to; after += SEQS_PER_READ) {
          const found = db.all<{ key: string }>(
            `SELECT DISTINCT row_keys.key FROM rows JOIN row_keys ON row_keys.n = rows.n
             WHERE rows.replica = ? AND rows.seq > ? AND rows.seq <= ? AND rows.doc = ?`,
            replica,
            after,
            Math.min(after + SEQS_PER_READ, to),
            MAIN_DOC,
          )
          for (const { key } of found) if (traces.targetOf(key)) keys.add(key)
          if (turns.isOver()) await turns.next()
        }
      }
      return [...keys].sort()
    },
    blame: (kind, id, moment) => blameOf(traces, createTurns(clock), kinds.own(kind), id, moment),
    undo: (selection) => planUndo(db, traces, clock, selection),
    view: (moment, use) => views.view(moment, use),
  }
  const views = createPastViews({
    db,
    kinds,
    clock,
    doc,
    have: () => journal.have(),
    past,
    scratch: () => openDatabase(':memory:'),
  })
  return past
}
