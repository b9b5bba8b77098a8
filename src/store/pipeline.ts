import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { RowOrigin, WriteOrigin } from '../doc/origin.ts'
import type { Applied, ProjectDoc } from '../doc/project-doc.ts'
import type { Random } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import { isLogDoc, type LogEntry } from '../model/log.ts'
import { createBatches } from './batches.ts'
import type { Changes } from './changes.ts'
import type { Clients } from './clients.ts'
import type { ConflictNotes } from './conflicts.ts'
import type { Database } from './database.ts'
import { createIntake, inTurn, refusalOf } from './intake.ts'
import { type Journal, MAIN_DOC } from './journal.ts'
import type { LogIndex } from './log-index.ts'
import { createLogRows } from './log-rows.ts'
import { createOwnRows } from './own-rows.ts'
import type { ParkedUpdates } from './parked.ts'
import type { Change, Commit, Presences, RowHead, Sent, Taken } from './project.ts'
import { PURGE_DOC, type Purges } from './purges.ts'
import type { RecordIndex } from './record-index.ts'
import type { Row, Vector } from './row.ts'
import { noteRowKeys } from './row-keys.ts'
import { createStaging } from './staging.ts'
import type { TransactOptions, Tx } from './tx.ts'

export interface PipelineParts {
  readonly db: Database
  readonly kinds: Kinds
  readonly journal: Journal
  readonly index: RecordIndex
  readonly logs: LogIndex
  readonly changes: Changes
  readonly clients: Clients
  readonly conflicts: ConflictNotes
  readonly parked: ParkedUpdates
  /** Hears inside the transaction that what waits of an actor's changes is another. */
  readonly noteParked: (actor: string) => void
  /** What was taken out for good: nobody who still has it brings it back. */
  readonly purges: Purges
  /** Hears what each row added to the work log, inside its SQL transaction. */
  readonly noteEntries: (row: RowHead, entries: readonly LogEntry[]) => void
  /** Hears that what was noted since the last commit did not become durable. */
  readonly onRollback: () => void
  readonly clock: Clock
  readonly random: Random
  /** Ours; it changes when this database turns out to be a copy. */
  readonly replica: () => string
  readonly log: Logger
  /** Loads the document anew from what is durable. */
  readonly load: () => ProjectDoc
}

/**
 * The one way to change anything: apply to the document, append the row, write the index, commit, then answer and tell.
 * All of it happens in one turn of the event loop, so nobody can see what is not durable.
 */
export interface Pipeline {
  /** The durable document. Throws `storage_failed` while a failed commit cannot be taken back. */
  doc(): ProjectDoc
  write<T>(origin: WriteOrigin, work: (tx: Tx) => T, options?: TransactOptions): Promise<T>
  rows(rows: readonly Row[], origin: RowOrigin): Promise<number>
  /** `docName`: the project's document, or that of a month of the work log. */
  update(given: Sent, origin: WriteOrigin, docName: string, presences?: Presences): Promise<Taken>
  /** Applies what waits of the changes that an actor brought, whosever they are. Resolves to how many updates were. */
  acceptParked(actor: string): Promise<number>
  /** Forgets what waits. Resolves to how many updates did. */
  discardParked(actor: string): Promise<number>
  onCommit(listen: (commit: Commit) => void): () => void
  /** Resolves when everything asked for so far is settled. */
  idle(): Promise<void>
  /** Why writes are refused at the moment, if they are. */
  failure(): string | undefined
}

/** A row costs about 0.3 ms, its index included. */
const ROWS_PER_JOB = 10
const ROWS_AT_A_TIME = 30
/** A document that only a newer orch knows: its rows are kept and passed on. */
const NOTHING_APPLIED: Applied = {
  update: undefined,
  changed: new Set(),
  edited: new Set(),
  undeclared: new Map(),
  contested: [],
}

export function createPipeline(parts: PipelineParts): Pipeline {
  const { db, journal, index, logs, changes, clients, conflicts, parked, purges, clock, random, log } = parts
  const { load, onRollback } = parts
  const batches = createBatches({ db, clock, log, load, onRollback, onBatch: () => lookAtWaiting() })
  const beginRows = createOwnRows({ journal, replica: parts.replica, clock })
  const logRows = createLogRows({ journal, logs, clients, beginRows, noteEntries: parts.noteEntries })

  /** Appends the row of what was applied and brings the index up to it. */
  const record = (row: Row, applied: Applied): readonly Change[] => {
    const doc = batches.open()
    journal.append(row)
    noteRowKeys(db, journal.last(), row, row.doc === MAIN_DOC ? doc.marksIn(row.update) : [])
    const { update: _, ...head } = row
    const written = changes.take(doc, head, applied)
    conflicts.note(applied.contested)
    conflicts.settle(head, written)
    return written
  }

  const intake = createIntake({
    doc: batches.open,
    parked,
    clients,
    replica: parts.replica,
    noteParked: parts.noteParked,
    beginRows,
    record,
    clock,
    log,
  })

  /** The disk may fail here, too, and nobody waits for the answer: the next commit asks again. */
  const isDue = (): boolean => {
    try {
      return intake.isDue()
    } catch (error) {
      log.error('what waits could not be looked at', { error })
      return false
    }
  }

  let isLooking = false
  /** What waited may be complete, or here by another way. */
  const lookAtWaiting = (): void => {
    if (isLooking || !isDue()) return
    isLooking = true
    batches
      .add<number>(() => {
        isLooking = false
        return intake.takeDue()
      })
      .catch((error: unknown) => {
        // The disk failed before its turn came: else nobody would ever look again.
        isLooking = false
        log.error('what waits could not be looked at', { error })
      })
  }

  /** Applies a row of another replica, or says why not. Rows of a document that only a newer orch knows are kept unread. */
  const takeRow = (given: Row, origin: RowOrigin): Commit | OrchError => {
    const row = purges.covered(given)
    if (isLogDoc(row.doc)) {
      const entries = logRows.takeRow(row)
      return entries instanceof OrchError ? entries : { rows: [row], changes: [], entries, origin }
    }
    if (row.doc !== MAIN_DOC) {
      const commit: Commit = { rows: [row], changes: record(row, NOTHING_APPLIED), entries: [], origin }
      if (row.doc === PURGE_DOC) purges.reload()
      return commit
    }
    const doc = batches.open()
    const verdict = doc.guard(row.update)
    if (verdict.type === 'park') return new OrchError('update_gap')
    if (verdict.type !== 'ok') return refusalOf(verdict, row.update)
    if (row.source === 'room') for (const client of verdict.clients) parked.bind(client, row.actor, true)
    return { rows: [row], changes: record(row, doc.apply(row.update)), entries: [], origin }
  }

  return {
    doc: batches.durable,

    write: (origin, work, options) =>
      batches.add(() => {
        const doc = batches.open()
        const rows = beginRows(origin)
        const { replica, at, vector: seen } = rows
        const actor = origin.actor.name
        const staging = createStaging({ doc, index, logs, kinds: parts.kinds, random, actor, at, replica, seen })
        let value: unknown
        try {
          value = work(staging.tx)
        } catch (error) {
          return { refusal: error, commits: [] }
        }
        const entry = { actor, type: origin.actor.type, replica }
        const applied = doc.write(clients.of(actor), entry, staging.apply)
        const { update } = applied
        const written = update ? record(rows.make(MAIN_DOC, update, applied.edited), applied) : []
        const entries = logRows.write(staging.entries, entry, rows)
        options?.also?.()
        return { value, commits: rows.made.length > 0 ? [{ rows: rows.made, changes: written, entries, origin }] : [] }
      }),

    update: (given, origin, docName, presences) =>
      batches.add(() => {
        const sent = typeof given === 'function' ? given() : [given]
        const updates = sent.map((update) => purges.coveredUpdate(docName, update))
        return docName === MAIN_DOC
          ? intake.take(updates, origin, presences)
          : inTurn(updates, (update) => logRows.takeUpdate(docName, update, origin))
      }),

    acceptParked: (actor) => batches.add(() => intake.accept(actor)),
    discardParked: (actor) => batches.add(() => intake.discard(actor)),

    async rows(rows, origin) {
      let [count, isRefused] = [0, false]
      const take = (slice: readonly Row[]): Promise<number> =>
        batches.add<number>(() => {
          const commits: Commit[] = []
          if (isRefused) return { value: 0, commits }
          for (const row of slice) {
            const have = journal.have()
            if (row.seq <= (have[row.replica] ?? 0)) continue
            const taken = missing(row, have) ?? takeRow(row, origin)
            // What came before it is good and stays; what comes after it is not looked at.
            if (taken instanceof OrchError) {
              isRefused = true
              return { refusal: taken, commits }
            }
            commits.push(taken)
          }
          return { value: commits.length, commits }
        })
      // As many at a time as a batch has time for: they are one commit, and others have their turn after it.
      for (let from = 0; from < rows.length; from += ROWS_AT_A_TIME) {
        const jobs: Promise<number>[] = []
        for (let at = from; at < Math.min(from + ROWS_AT_A_TIME, rows.length); at += ROWS_PER_JOB) {
          jobs.push(take(rows.slice(at, Math.min(at + ROWS_PER_JOB, from + ROWS_AT_A_TIME))))
        }
        const settled = await Promise.allSettled(jobs)
        const failed = settled.find((one) => one.status === 'rejected')
        if (failed) throw failed.reason
        for (const one of settled) if (one.status === 'fulfilled') count += one.value
      }
      return count
    },

    onCommit: batches.onCommit,
    idle: batches.idle,
    failure: batches.failure,
  }
}

function missing(row: Row, have: Vector): OrchError | undefined {
  const lacks = Object.entries({ ...row.seen, [row.replica]: row.seq - 1 }).find(([of, seq]) => (have[of] ?? 0) < seq)
  return lacks && new OrchError('rows_missing', { row: `${row.replica}:${row.seq}`, lacks: `${lacks[0]}:${lacks[1]}` })
}
