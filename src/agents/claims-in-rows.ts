import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { RecordId } from '../model/id.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import type { LogEntry } from '../model/log.ts'
import { isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import type { Commit, Project } from '../store/project.ts'
import type { Arbiter } from './arbiter.ts'
import { bySystem, CLAIMED, CONFIRMED, isClosed, RELEASED, writeNotice, writeReleased } from './claim-rules.ts'

export interface ClaimsInRowsParts {
  readonly project: Project
  readonly leases: Leases
  readonly clock: Clock
  readonly log: Logger
  /** Whether this replica answers. */
  readonly isHere: () => boolean
  /** What decides, where it does. */
  readonly arbiter: Arbiter
  /** A lease of this replica was confirmed elsewhere. */
  readonly onConfirmed: (lease: Lease) => void
  /** Says how much longer a lease lasts that another replica vouches for. */
  readonly extend: (lease: Lease, ms: number) => void
}

/** Claims of replicas that cannot ask the arbiter: it answers them in the log, which travels with the rows. */
export interface ClaimsInRows {
  note(commit: Commit): void
  /** Looks for claims in the log that nobody has answered; for a replica that has just begun to grant claims, or to run. */
  look(): void
  stop(): void
}

/** A provisional claim, as the log tells of it. */
interface Told {
  readonly task: RecordId
  readonly actor: string
  readonly session: string
  readonly fence: number
  readonly replica: string
  readonly lasts: boolean
}

/** Rows come one after the other: a claim is judged once what came with it is here. */
const GIT_DELAY_MS = 1_000
/** A replica that is linked asks by itself at once; this is for one that does not come back to do so. */
const PEER_DELAY_MS = 10_000
/** Who is seen only when somebody fetches is heard from seldom. */
const ROWS_IDLE_MS = 24 * 3_600_000
const LOOK_BACK_MS = 7 * 24 * 3_600_000
const LOOK_AT = 500

export function createClaimsInRows(parts: ClaimsInRowsParts): ClaimsInRows {
  const { project, leases, clock, log, isHere, arbiter, onConfirmed, extend } = parts
  const timers = new Set<() => void>()

  const later = (told: Told, ms: number): void => {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel)
      judge(told).catch((error: unknown) => log.warn('a claim in the log could not be settled', { ...told, error }))
    })
    timers.add(cancel)
  }

  /** Whether the log tells how it went on with a claim. */
  const isAnswered = ({ task, fence, replica }: Told): boolean =>
    project.listLog({ task, limit: LOOK_AT }).items.some(({ action, details }) => {
      if (action !== CONFIRMED && action !== RELEASED) return false
      const said = objectOf(details)
      return said.replica === replica && (action === CONFIRMED ? said.former : said.fence) === fence
    })

  const judge = async (told: Told): Promise<void> => {
    const { task, actor, session, fence, replica, lasts } = told
    if (!isHere() || isAnswered(told)) return
    const record = project.read(taskKind, task)
    if (!record || record.deletedAt !== undefined || isClosed(project, record.values)) return
    const known = leases.of(task)
    if (known && isSameHolder(known, told) && known.replica === replica) return
    const until = lasts ? null : clock.now() + ROWS_IDLE_MS
    const claimed = { task, actor, session, fence, formerFence: 0, replica, at: clock.now(), until, provisional: true }
    const answer = await arbiter.renew(claimed)
    if (answer.state === 'moved') return
    await project.transact(bySystem(session), (tx) => {
      if (answer.state === 'held') {
        const details = { holder: actor, replica, former: fence, fence: answer.fence }
        return tx.appendLog({ action: CONFIRMED, task, ...(session && { session }), details })
      }
      const { holder, reason } = answer
      // Of two that were written apart, the document shows one: not always the one that holds.
      if (holder !== undefined && tx.read(taskKind, task)?.values.assignee !== holder) {
        tx.update(taskKind, task, { set: { assignee: holder } })
      }
      writeReleased(tx, { task, actor, session, fence, replica }, `lost: ${reason}`)
      writeNotice(tx, actor, task, clock.now(), `You lost the claim on ${task}: ${reason}`)
    })
    const granted = leases.of(task)
    if (granted?.replica === replica && granted.until !== null) extend(granted, ROWS_IDLE_MS)
  }

  /** The arbiter has answered a claim of this replica. */
  const take = ({ task, details }: LogEntry): void => {
    const { replica, former, fence } = objectOf(details)
    const lease = leases.of(task)
    if (replica !== project.replica || typeof fence !== 'number' || !lease?.provisional || lease.fence !== former)
      return
    const confirmed = { ...lease, fence, formerFence: lease.fence, provisional: false }
    leases.put(confirmed)
    onConfirmed(confirmed)
  }

  return {
    note({ origin, rows, entries }) {
      if (origin.source !== 'git' && origin.source !== 'peer') return
      const [row] = rows
      if (!row) return
      for (const entry of entries) {
        const told = toldIn(entry)
        if (told && told.replica === row.replica) later(told, origin.source === 'git' ? GIT_DELAY_MS : PEER_DELAY_MS)
        if (entry.action === CONFIRMED && row.replica === project.arbiter().replica) take(entry)
      }
      if (origin.source !== 'git' || !isHere()) return
      for (const lease of leases.all()) {
        if (lease.replica === row.replica && lease.until !== null) extend(lease, ROWS_IDLE_MS)
      }
    },
    look() {
      if (!isHere()) return
      const since = new Date(clock.now() - LOOK_BACK_MS).toISOString()
      for (const entry of project.listLog({ action: CLAIMED, since, limit: LOOK_AT }).items) {
        const told = toldIn(entry)
        if (told && told.replica !== project.replica) later(told, PEER_DELAY_MS)
      }
    },
    stop() {
      for (const cancel of timers) cancel()
      timers.clear()
    },
  }
}

function toldIn({ action, task, actor, session, details }: LogEntry): Told | undefined {
  const { provisional, fence, replica, lasts } = objectOf(details)
  if (action !== CLAIMED || provisional !== true || typeof fence !== 'number' || typeof replica !== 'string') {
    return undefined
  }
  return { task: task as RecordId, actor, session, fence, replica, lasts: lasts === true }
}

function objectOf(details: unknown): Readonly<Record<string, unknown>> {
  return typeof details === 'object' && details !== null ? (details as Readonly<Record<string, unknown>>) : {}
}
