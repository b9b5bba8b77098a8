import type { Clock } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { GUARD_LIMITS, type Verdict } from '../doc/guard.ts'
import type { RowOrigin, WriteOrigin } from '../doc/origin.ts'
import type { Applied, ProjectDoc } from '../doc/project-doc.ts'
import type { Random } from '../model/id.ts'
import type { KeyedKind, Kind } from '../model/kind.ts'
import type { Changes } from './changes.ts'
import type { Clients } from './clients.ts'
import type { Database } from './database.ts'
import { type Journal, MAIN_DOC } from './journal.ts'
import type { Change, Commit, TransactOptions, Tx } from './project.ts'
import type { RecordIndex } from './record-index.ts'
import type { Row, Vector } from './row.ts'
import { createStaging } from './staging.ts'

export interface PipelineParts {
  readonly db: Database
  readonly kinds: readonly Kind[]
  readonly keyedKinds: readonly KeyedKind[]
  readonly journal: Journal
  readonly index: RecordIndex
  readonly changes: Changes
  readonly clients: Clients
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
  update(update: Uint8Array, origin: WriteOrigin): Promise<void>
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

interface Outcome {
  readonly value?: unknown
  /** The job's own refusal: nothing of it was applied, the others go on. */
  readonly refusal?: unknown
  readonly commits: readonly Commit[]
}

/** How long one batch may keep the event loop; what is left is the next batch. */
const BATCH_MS = 8
/** A row costs about 0.3 ms, its index included. */
const ROWS_PER_JOB = 10
/** A document that only a newer orch knows: its rows are kept and passed on. */
const NOTHING_APPLIED: Applied = { update: undefined, changed: new Set(), edited: new Set() }

export function createPipeline(parts: PipelineParts): Pipeline {
  const { db, journal, index, changes, clients, clock, random, log } = parts
  let doc = parts.load()
  let waiting: Job[] = []
  let scheduled = false
  let failure: string | undefined
  let docIsAhead = false
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
  }

  /** Runs jobs until the time is up, all in one SQL transaction. */
  const takeBatch = (): { done: { job: Job; outcome: Outcome }[]; failed: Job[]; reason: string } => {
    const taken: Job[] = []
    const done: { job: Job; outcome: Outcome }[] = []
    try {
      if (failure !== undefined) recover()
      db.transaction(() => {
        const until = clock.monotonic() + BATCH_MS
        do {
          const job = waiting.shift()
          if (!job) break
          taken.push(job)
          docIsAhead = true
          done.push({ job, outcome: job.run() })
        } while (clock.monotonic() < until)
      })
      docIsAhead = false
      return { done, failed: [], reason: '' }
    } catch (error) {
      log.error('commit failed', { error })
      failure = reasonOf(error)
      const failed = [...taken, ...waiting]
      waiting = []
      return { done: [], failed, reason: failure }
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
    const { update: _, ...head } = row
    return changes.take(doc, head, applied)
  }

  const ownRow = (origin: WriteOrigin, at: number, seq: number, seen: Vector, applied: Applied): Row | undefined => {
    if (!applied.update) return undefined
    return {
      replica: parts.replica(),
      seq,
      doc: MAIN_DOC,
      at,
      actor: origin.actor.name,
      source: origin.source,
      verified: origin.actor.verified,
      session: origin.source === 'api' ? (origin.session ?? '') : '',
      seen,
      touched: [...applied.edited].sort(),
      update: applied.update,
    }
  }

  const commitOf = (origin: Commit['origin'], row: Row | undefined, applied: Applied): readonly Commit[] =>
    row ? [{ rows: [row], changes: record(row, applied), origin }] : []

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
          keyedKinds: parts.keyedKinds,
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
        const commits = commitOf(origin, ownRow(origin, at, seq, seen, applied), applied)
        options?.also?.()
        return { value, commits }
      }),

    update: (update, origin) =>
      enqueue(() => {
        const refusal = refuse(doc.guard(update, 'client'), update)
        if (refusal) return { refusal, commits: [] }
        const { [parts.replica()]: own = 0, ...seen } = journal.have()
        const applied = doc.apply(update)
        // The client's own bytes, not Yjs's echo of them: what it deleted again it must be able to find.
        const row = ownRow(origin, clock.now(), own + 1, seen, applied.update ? { ...applied, update } : applied)
        return { commits: commitOf(origin, row, applied) }
      }),

    async rows(rows, origin) {
      let taken = 0
      for (let from = 0; from < rows.length; from += ROWS_PER_JOB) {
        const slice = rows.slice(from, from + ROWS_PER_JOB)
        taken += await enqueue<number>(() => {
          const commits: Commit[] = []
          for (const row of slice) {
            const have = journal.have()
            if (row.seq <= (have[row.replica] ?? 0)) continue
            const isMain = row.doc === MAIN_DOC
            const gap = missing(row, have)
            const refusal = gap ?? (isMain ? refuse(doc.guard(row.update, 'replica'), row.update) : undefined)
            // What came before it in the slice is good and stays.
            if (refusal) return { refusal, commits }
            commits.push(...commitOf(origin, row, isMain ? doc.apply(row.update) : NOTHING_APPLIED))
          }
          return { value: commits.length, commits }
        })
      }
      return taken
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

function refuse(verdict: Verdict, update: Uint8Array): OrchError | undefined {
  switch (verdict.type) {
    case 'ok':
      return undefined
    case 'gap':
      return new OrchError('update_gap')
    case 'malformed':
      return new OrchError('update_malformed')
    case 'too-large':
      return new OrchError('too_large', { what: 'The update', size: update.length, limit: GUARD_LIMITS.bytes })
    case 'forbidden':
      return new OrchError('forbidden', { reason: verdict.reason })
  }
}
