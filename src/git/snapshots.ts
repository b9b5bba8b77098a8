import { createCoalesce } from '../base/coalesce.ts'
import { toOrchError } from '../base/error.ts'
import { createQueue } from '../base/queue.ts'
import type { Service } from '../base/service.ts'
import type { Problem } from '../model/attention.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Change, Commit } from '../store/project.ts'
import type { Theirs } from './ground.ts'
import { momentOfCommit, readHistory, type SnapshotInfo } from './history.ts'
import { createSnapshotTaker, type TakerParts } from './take-snapshot.ts'

export interface SnapshotsParts extends TakerParts {
  /** How long after the last change: 5 s. */
  readonly quietMs?: number
  /** How long after the first change at most, and after the commit before at least: 60 s. */
  readonly maxMs?: number
  /** Off, nothing is ever committed. */
  readonly isEnabled?: boolean
}

/**
 * Keeps the history branch up with the project: soon after changes, sooner when work is closed, and at once when somebody
 * asks. What nobody asked for is committed at most once a minute.
 */
export interface Snapshots extends Service {
  /** Hears a durable commit. */
  note(commit: Commit): void
  /** Commits what is not in git yet; undefined when nothing is. Throws a refusal of git, and then goes on trying. */
  take(title?: string): Promise<SnapshotInfo | undefined>
  /** The same, unless a commit was made within the last minute: then it is left to the one that is due. */
  takeInTime(): Promise<void>
  /** Milliseconds until what is not in git yet may go there unasked; 0 when it may now, and when there is nothing. */
  dueIn(): number
  /** Takes in the branch of a remote, and continues both; undefined when that needs no commit. */
  merge(theirs: Theirs): Promise<SnapshotInfo | undefined>
  /** Snapshots, newest first; with `id` those that name that record or changed its file. */
  history(query: { readonly id?: string | undefined; readonly limit: number }): Promise<readonly SnapshotInfo[]>
  moment(revision: string): ReturnType<typeof momentOfCommit>
  problems(): readonly Problem[]
}

/** After the first failure; each further one doubles it. */
const RETRY_MS = 5_000
const MAX_RETRY_MS = 300_000
/** Who completes a task ends the session next: what is closed together is in one snapshot. */
const CLOSING_MS = 1_000

export function createSnapshots(parts: SnapshotsParts): Snapshots {
  const { clock, log, repo, ref, base, render, quietMs = 5_000, maxMs = 60_000, isEnabled = true } = parts
  const taker = createSnapshotTaker(parts)
  const queue = createQueue()
  let started = false
  let failures = 0
  let problem: Problem | undefined
  let lastTaken = Number.NEGATIVE_INFINITY
  let cancelClosing: (() => void) | undefined
  let cancelRetry: (() => void) | undefined
  let cancelLater: (() => void) | undefined

  const takeNow = async (title?: string, theirs?: Theirs): Promise<SnapshotInfo | undefined> => {
    if (!isEnabled) return undefined
    try {
      // The one that makes the branch holds next to nothing: the first work is not to wait for a minute because of it.
      const isBirth = parts.ledger.last() === undefined
      const taken = await taker.take(title, theirs)
      if (taken && !isBirth) lastTaken = clock.monotonic()
      failures = 0
      problem = undefined
      cancelRetry?.()
      return taken
    } catch (error) {
      retryLater(error)
      throw error
    }
  }
  const take = (title?: string, theirs?: Theirs): Promise<SnapshotInfo | undefined> =>
    queue.add(() => takeNow(title, theirs))
  const untilDue = (): number => Math.max(0, lastTaken + maxMs - clock.monotonic())
  /** Looked at when its turn comes: what was asked for may be taken before it. */
  const takeInTime = (): Promise<void> =>
    queue.add(async () => {
      const wait = untilDue()
      if (wait === 0) await takeNow()
      else cancelLater ??= clock.after(wait, takeLater)
    })
  const takeLater = (): void => {
    cancelLater = undefined
    void takeInTime().catch(ignore)
  }

  const retryLater = (cause: unknown): void => {
    const error = toOrchError(cause)
    failures++
    const wait = Math.min(RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS)
    log.warn('snapshot failed', { code: error.code, failures, retryMs: wait, error })
    problem = {
      kind: 'snapshot',
      key: 'failed',
      what: `No snapshot can be taken: ${error.message}`,
      where: ref,
      fix: error.hint,
    }
    cancelRetry?.()
    cancelRetry = started ? clock.after(wait, () => void takeInTime().catch(ignore)) : undefined
  }

  const coalesce = createCoalesce({ clock, quietMs, maxMs, run: takeInTime, onError: ignore })

  const soon = (): void => {
    cancelClosing ??= clock.after(CLOSING_MS, () => {
      cancelClosing = undefined
      void coalesce.flush()
    })
  }

  return {
    name: 'snapshots',
    async start() {
      started = true
      if (!taker.isCurrent()) coalesce.poke()
    },
    note({ changes }) {
      // While git refuses, the growing waits between the tries decide; the list of changes is durable.
      if (!started || failures > 0) return
      coalesce.poke()
      if (changes.some((change) => isClosing(parts.project.kinds, change))) soon()
    },
    take: (title) => take(title),
    takeInTime,
    dueIn: () => (isEnabled && !taker.isCurrent() ? untilDue() : 0),
    merge: (theirs) => take(undefined, theirs),
    history: ({ id, limit }) => readHistory({ repo, ref, base, pathOf: (key) => render(key)?.path }, { id, limit }),
    moment: (revision) => momentOfCommit(repo, parts.project, revision),
    problems: () => (problem ? [problem] : []),
    async stop() {
      if (!started) return
      started = false
      cancelClosing?.()
      cancelRetry?.()
      cancelLater?.()
      await coalesce.stop()
      // What does not get into git now is in the list at the next start.
      await take().catch(ignore)
    },
  }
}

const ignore = (): undefined => undefined

/**
 * Whether a change takes a record where it counts as closed: a register enters one of the values that a stamp hangs on,
 * or it is no longer active, where its kind says what that is.
 */
function isClosing(kinds: Kinds, { kind: name, before, after }: Change): boolean {
  const kind = kinds.record(name)
  if (!kind || !before || !after || !('values' in before) || !('values' in after)) return false
  const [was, is] = [before.values, after.values]
  const isStamped = Object.values(kind.stamps).some(({ field, values }) => {
    const closed = (value: unknown): boolean => typeof value === 'string' && values.includes(value)
    return closed(is[field]) && !closed(was[field])
  })
  const active = Object.entries(kind.filters.active?.where ?? {})
  const isActive = (values: Change['after'] & object): boolean =>
    'values' in values && active.every(([field, allowed]) => allowed.includes((values.values[field] ?? null) as string))
  return isStamped || (active.length > 0 && isActive(before) && !isActive(after))
}
