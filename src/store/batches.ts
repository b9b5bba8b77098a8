import type { Clock } from '../base/clock.ts'
import { isStorageFailure, OrchError, reasonOf, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { ProjectDoc } from '../doc/project-doc.ts'
import type { Database } from './database.ts'
import type { Outcome } from './intake.ts'
import type { Commit } from './project.ts'

export interface BatchesParts {
  readonly db: Database
  readonly clock: Clock
  readonly log: Logger
  /** Loads the document anew from what is durable. */
  readonly load: () => ProjectDoc
  /** Hears that what was noted since the last commit did not become durable. */
  readonly onRollback: () => void
  /** Called when a batch that changed something is durable, answered and told. */
  readonly onBatch: () => void
}

/**
 * Runs jobs that change the document, many in one SQL transaction, and all that in one turn of the event loop: nobody
 * can see what is not durable. The order is commit, answer, tell. What did not become durable is taken out of the
 * document again, in which a Yjs transaction cannot be taken back, by loading it anew.
 */
export interface Batches {
  /** The document as a job changes it. */
  open(): ProjectDoc
  /**
   * The durable document, and within a job the one it changes. Throws `storage_failed` while a failed commit cannot be
   * taken back.
   */
  durable(): ProjectDoc
  /** A job does its part inside the open SQL transaction, and says what to answer and tell once that is committed. */
  add<T>(run: () => Outcome): Promise<T>
  onCommit(listen: (commit: Commit) => void): () => void
  /** Resolves when everything asked for so far is settled. */
  idle(): Promise<void>
  /** Why writes are refused at the moment, if they are. */
  failure(): string | undefined
}

interface Job {
  readonly run: () => Outcome
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** How long one batch may keep the event loop; what is left is the next batch. */
const BATCH_MS = 8
/** But as long as the disk took last time, which costs as much again: small batches would make a slow disk slower still. */
const MAX_BATCH_MS = 50

export function createBatches({ db, clock, log, load, onRollback, onBatch }: BatchesParts): Batches {
  let doc = load()
  let waiting: Job[] = []
  let scheduled = false
  let failure: string | undefined
  let docIsAhead = false
  let isRunning = false
  /** How long the last commit waited for the disk. */
  let commitMs = 0
  const listeners = new Set<(commit: Commit) => void>()
  const idleWaiters: (() => void)[] = []

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
    if (done.some(({ outcome }) => outcome.commits.length > 0)) onBatch()
  }

  /** Runs jobs until the time is up, all in one SQL transaction. */
  const takeBatch = (): { done: { job: Job; outcome: Outcome }[]; failed: Job[]; reason: string } => {
    const taken: Job[] = []
    const done: { job: Job; outcome: Outcome }[] = []
    try {
      if (failure !== undefined) recover()
      isRunning = true
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
      onRollback()
      failure = reasonOf(error)
      const failed = [...taken, ...waiting]
      waiting = []
      return { done: [], failed, reason: failure }
    } finally {
      isRunning = false
    }
  }

  /** Runs one job as a part of the batch. One that throws what nobody expected fails alone: its SQL is undone. */
  const runAlone = (job: Job): Outcome => {
    try {
      return db.transaction(job.run)
    } catch (error) {
      if (isStorageFailure(error)) throw error
      log.error('a write failed for a reason of its own', { error })
      onRollback()
      reload()
      docIsAhead = true
      return { refusal: toOrchError(error), commits: [] }
    }
  }

  const reload = (): void => {
    const fresh = load()
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

  return {
    open: () => doc,
    durable() {
      try {
        if (docIsAhead && !isRunning) reload()
      } catch (error) {
        throw new OrchError('storage_failed', { reason: reasonOf(error) }, error)
      }
      return doc
    },
    add: <T>(run: () => Outcome) =>
      new Promise<T>((resolve, reject) => {
        waiting.push({ run, resolve: resolve as (value: unknown) => void, reject })
        if (scheduled) return
        scheduled = true
        setImmediate(drain)
      }),
    onCommit(listen) {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
    idle: () => (scheduled ? new Promise((resolve) => idleWaiters.push(resolve)) : Promise.resolve()),
    failure: () => failure,
  }
}
