import type { Clock } from '../base/clock.ts'
import { isStorageFailure, OrchError, reasonOf, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { type CheckEntry, type LogAdditions, readLogUpdate, writeLogUpdate } from '../doc/log-update.ts'
import type { RowOrigin, WriteOrigin } from '../doc/origin.ts'
import type { Applied, ClientEntry, ProjectDoc } from '../doc/project-doc.ts'
import type { Random } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import { checkLogEntry, isLogDoc, type LogEntry, logDocOf, logValues } from '../model/log.ts'
import type { Changes } from './changes.ts'
import type { Clients } from './clients.ts'
import type { ConflictNotes } from './conflicts.ts'
import type { Database } from './database.ts'
import { createIntake, inTurn, type Outcome, refusalOf } from './intake.ts'
import { type Journal, MAIN_DOC } from './journal.ts'
import type { LogIndex } from './log-index.ts'
import type { ParkedUpdates } from './parked.ts'
import type { Change, Commit, Presences, RowHead, Sent, Taken, TransactOptions, Tx } from './project.ts'
import { PURGE_DOC, type Purges } from './purges.ts'
import type { RecordIndex } from './record-index.ts'
import type { Row, Vector } from './row.ts'
import { noteRowKeys } from './row-keys.ts'
import { createStaging } from './staging.ts'

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

/** A job does its part inside the open SQL transaction and says what to answer and tell once that is committed. */
interface Job {
  readonly run: () => Outcome
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** How long one batch may keep the event loop; what is left is the next batch. */
const BATCH_MS = 8
/** But as long as the disk took last time, which costs as much again: small batches would make a slow disk slower still. */
const MAX_BATCH_MS = 50
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
  let doc = parts.load()
  let waiting: Job[] = []
  let scheduled = false
  let failure: string | undefined
  let docIsAhead = false
  /** How long the last commit waited for the disk. */
  let commitMs = 0
  const listeners = new Set<(commit: Commit) => void>()
  const idleWaiters: (() => void)[] = []

  const enqueue = <T>(run: () => Outcome): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ run, resolve: resolve as (value: unknown) => void, reject })
      if (scheduled) return
      scheduled = true
      setImmediate(drain)
    })

  const drain = (): void => {
    const { done, failed, reason } = takeBatch()
    if (waiting.length > 0) setImmediate(drain)
    else {
      scheduled = false
      for (const resolve of idleWaiters.splice(0)) resolve()
    }
    for (const { job, outcome } of done) {
      if ('refusal' in outcome) job.reject(outcome.refusal)
      else job.resolve(outcome.value)
    }
    for (const job of failed) job.reject(new OrchError('storage_failed', { reason }))
    for (const { outcome } of done) for (const commit of outcome.commits) tell(commit)
    if (done.some(({ outcome }) => outcome.commits.length > 0)) lookAtWaiting()
  }

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
    enqueue<number>(() => {
      isLooking = false
      return intake.takeDue()
    }).catch((error: unknown) => {
      // The disk failed before its turn came: else nobody would ever look again.
      isLooking = false
      log.error('what waits could not be looked at', { error })
    })
  }

  /** Runs jobs until the time is up, all in one SQL transaction. */
  const takeBatch = (): { done: { job: Job; outcome: Outcome }[]; failed: Job[]; reason: string } => {
    const taken: Job[] = []
    const done: { job: Job; outcome: Outcome }[] = []
    try {
      if (failure !== undefined) recover()
      let made = 0
      db.transaction(() => {
        const until = clock.monotonic() + Math.min(Math.max(BATCH_MS, commitMs), MAX_BATCH_MS)
        do {
          const job = waiting.shift()
          if (!job) break
          taken.push(job)
          docIsAhead = true
          done.push({ job, outcome: runAlone(job) })
        } while (clock.monotonic() < until)
        made = clock.monotonic()
      })
      commitMs = clock.monotonic() - made
      docIsAhead = false
      return { done, failed: [], reason: '' }
    } catch (error) {
      log.error('commit failed', { error })
      parts.onRollback()
      failure = reasonOf(error)
      const failed = [...taken, ...waiting]
      waiting = []
      return { done: [], failed, reason: failure }
    }
  }

  /**
   * Runs one job as a part of the batch. One that throws what nobody expected fails alone: its SQL is undone, and the
   * document, in which a Yjs transaction cannot be taken back, is loaded anew from the rows of the batch so far.
   */
  const runAlone = (job: Job): Outcome => {
    try {
      return db.transaction(job.run)
    } catch (error) {
      if (isStorageFailure(error)) throw error
      log.error('a write failed for a reason of its own', { error })
      parts.onRollback()
      reload()
      docIsAhead = true
      return { refusal: toOrchError(error), commits: [] }
    }
  }

  const reload = (): void => {
    const fresh = parts.load()
    doc.destroy()
    doc = fresh
    docIsAhead = false
  }

  /** Brings document and memory back to what is durable, and proves that the disk takes a write. Throws while it does not. */
  const recover = (): void => {
    if (docIsAhead) reload()
    db.transaction(() =>
      db.run("INSERT INTO meta (key, value) VALUES ('probe', '') ON CONFLICT DO UPDATE SET value = ''"),
    )
    failure = undefined
    log.info('writes are accepted again')
  }

  const tell = (commit: Commit): void => {
    for (const listen of listeners) {
      try {
        listen(commit)
      } catch (error) {
        log.error('a listener failed', { error })
      }
    }
  }

  /** Appends the row of what was applied and brings the index up to it. */
  const record = (row: Row, applied: Applied): readonly Change[] => {
    journal.append(row)
    noteRowKeys(db, journal.last(), row, row.doc === MAIN_DOC ? doc.marksIn(row.update) : [])
    const { update: _, ...head } = row
    const written = changes.take(doc, head, applied)
    conflicts.note(applied.contested)
    conflicts.settle(head, written)
    return written
  }

  /** Appends the row of what was added to the document of a month and shows it in the index. */
  const recordLog = (row: Row, additions: LogAdditions): readonly LogEntry[] => {
    journal.append(row)
    const entries = logs.add(row.doc, additions)
    parts.noteEntries(row, entries)
    return entries
  }

  const readLog = (doc: string, update: Uint8Array, check?: CheckEntry): LogAdditions | OrchError => {
    const read = readLogUpdate(update, (client) => logs.clock(doc, client), check)
    return read.type === 'added' ? read.additions : refusalOf(read.verdict, update)
  }

  const ownRow = (
    origin: WriteOrigin,
    doc: string,
    at: number,
    seq: number,
    seen: Vector,
    update: Uint8Array,
    touched: readonly string[],
  ): Row => {
    return {
      replica: parts.replica(),
      seq,
      doc,
      at,
      actor: origin.actor.name,
      source: origin.source,
      verified: origin.actor.verified,
      session: origin.source === 'api' ? (origin.session ?? '') : '',
      seen,
      touched,
      update,
    }
  }

  /** Adds entries to the documents of their months: a row for each. */
  const writeLogs = (
    byDoc: ReadonlyMap<string, readonly LogEntry[]>,
    author: ClientEntry,
    rowOf: (doc: string, update: Uint8Array) => Row,
  ): readonly LogEntry[] => {
    if (byDoc.size === 0) return []
    const client = clients.of(author.actor)
    return [...byDoc].flatMap(([doc, added]) => {
      const pairs = added.map((entry) => [entry.id, logValues(entry)] as const)
      const update = writeLogUpdate(client, logs.clock(doc, client), author, pairs)
      const additions = readLog(doc, update)
      if (additions instanceof OrchError) throw additions
      return recordLog(rowOf(doc, update), additions)
    })
  }

  /** A client writes in its own name, and into the month it is in. */
  const clientCheck =
    (doc: string, actor: string): CheckEntry =>
    (id, value) => {
      const reason = checkLogEntry(id, value)
      if (reason !== undefined) return reason
      const entry = value as LogEntry
      if (entry.actor !== actor) return `the entry ${id} is in the name of ${entry.actor}, not of ${actor}`
      return logDocOf(entry.at) === doc ? undefined : `the entry ${id} belongs to ${logDocOf(entry.at)}`
    }

  /** Takes the entries that a client adds to a month. */
  const takeEntries = (doc: string, update: Uint8Array, origin: WriteOrigin): Outcome => {
    const additions = readLog(doc, update, clientCheck(doc, origin.actor.name))
    if (additions instanceof OrchError) return { refusal: additions, commits: [] }
    const value: Taken = 'applied'
    if (additions.clocks.size === 0) return { value, commits: [] }
    const { [parts.replica()]: own = 0, ...seen } = journal.have()
    const row = ownRow(origin, doc, clock.now(), own + 1, seen, update, [])
    return { value, commits: [{ rows: [row], changes: [], entries: recordLog(row, additions), origin }] }
  }

  /** Applies a row of another replica, or says why not. Rows of a document that only a newer orch knows are kept unread. */
  const takeRow = (given: Row, origin: RowOrigin): Commit | OrchError => {
    const row = purges.covered(given)
    if (isLogDoc(row.doc)) {
      const additions = readLog(row.doc, row.update)
      if (additions instanceof OrchError) return additions
      return { rows: [row], changes: [], entries: recordLog(row, additions), origin }
    }
    if (row.doc !== MAIN_DOC) {
      const commit: Commit = { rows: [row], changes: record(row, NOTHING_APPLIED), entries: [], origin }
      if (row.doc === PURGE_DOC) purges.reload()
      return commit
    }
    const verdict = doc.guard(row.update)
    if (verdict.type === 'park') return new OrchError('update_gap')
    if (verdict.type !== 'ok') return refusalOf(verdict, row.update)
    if (row.source === 'room') for (const client of verdict.clients) parked.bind(client, row.actor, true)
    return { rows: [row], changes: record(row, doc.apply(row.update)), entries: [], origin }
  }

  const intake = createIntake({
    doc: () => doc,
    journal,
    parked,
    clients,
    replica: parts.replica,
    noteParked: parts.noteParked,
    ownRow,
    record,
    clock,
    log,
  })

  return {
    doc() {
      try {
        if (docIsAhead) reload()
      } catch (error) {
        throw new OrchError('storage_failed', { reason: reasonOf(error) }, error)
      }
      return doc
    },

    write: (origin, work, options) =>
      enqueue(() => {
        const replica = parts.replica()
        const { [replica]: own = 0, ...seen } = journal.have()
        const seq = own + 1
        const at = clock.now()
        const staging = createStaging({
          doc,
          index,
          logs,
          kinds: parts.kinds,
          random,
          actor: origin.actor.name,
          at,
          replica,
          seen: { ...seen, [replica]: seq },
        })
        let value: unknown
        try {
          value = work(staging.tx)
        } catch (error) {
          return { refusal: error, commits: [] }
        }
        const entry = { actor: origin.actor.name, type: origin.actor.type, replica }
        const applied = doc.write(clients.of(origin.actor.name), entry, staging.apply)
        const rows: Row[] = []
        const rowOf = (name: string, update: Uint8Array, touched: readonly string[] = []): Row => {
          rows.push(ownRow(origin, name, at, seq + rows.length, seen, update, touched))
          return rows.at(-1) as Row
        }
        const { update } = applied
        const written = update ? record(rowOf(MAIN_DOC, update, [...applied.edited].sort()), applied) : []
        const entries = writeLogs(staging.entries, entry, rowOf)
        options?.also?.()
        return { value, commits: rows.length > 0 ? [{ rows, changes: written, entries, origin }] : [] }
      }),

    update: (given, origin, docName, presences) =>
      enqueue(() => {
        const sent = typeof given === 'function' ? given() : [given]
        const updates = sent.map((update) => purges.coveredUpdate(docName, update))
        return docName === MAIN_DOC
          ? intake.take(updates, origin, presences)
          : inTurn(updates, (update) => takeEntries(docName, update, origin))
      }),

    acceptParked: (actor) => enqueue(() => intake.accept(actor)),
    discardParked: (actor) => enqueue(() => intake.discard(actor)),

    async rows(rows, origin) {
      let [count, isRefused] = [0, false]
      const take = (slice: readonly Row[]): Promise<number> =>
        enqueue<number>(() => {
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

    onCommit(listen) {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
    idle: () => (scheduled ? new Promise((resolve) => idleWaiters.push(resolve)) : Promise.resolve()),
    failure: () => failure,
  }
}

function missing(row: Row, have: Vector): OrchError | undefined {
  const lacks = Object.entries({ ...row.seen, [row.replica]: row.seq - 1 }).find(([of, seq]) => (have[of] ?? 0) < seq)
  return lacks && new OrchError('rows_missing', { row: `${row.replica}:${row.seq}`, lacks: `${lacks[0]}:${lacks[1]}` })
}
