import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Service } from '../base/service.ts'
import type { Lease, Leases } from '../store/leases.ts'
import type { Project } from '../store/project.ts'
import type { RenewAnswer, SharedArbiter } from './arbiter.ts'
import type { ArbiterSeat } from './arbiter-seat.ts'

export interface SettlingParts {
  readonly project: Project
  readonly leases: Leases
  readonly clock: Clock
  readonly log: Logger
  /** How long a claim is trusted without an answer of the arbiter, which ends it no sooner. */
  readonly trustMs: number
  readonly seat: ArbiterSeat
  readonly shared?: SharedArbiter | undefined
  readonly isOwn: (lease: Lease) => boolean
  /** Ends a claim of this replica that is another's, or nobody's. */
  readonly lose: (lease: Lease, answer: RenewAnswer & { readonly state: 'lost' }) => Promise<void>
  /** Says in the record of a claim that its replica was not heard from any more, and ends it. */
  readonly lapse: (lease: Lease) => Promise<void>
  /** Its holder goes on at another replica: there is nothing left to do or to say here. */
  readonly moved: (lease: Lease) => void
  readonly onChange: (lease: Lease) => void
}

/** Keeps what is held here in step with an arbiter that is elsewhere. */
export interface Settling extends Service {
  settle(): Promise<void>
  /** There is something to keep in step from now on. */
  renewLater(): void
  forget(task: string): void
  /** Whether a claim is from before this start, and what nodes share has not been asked yet whether it still stands. */
  isUnsure(task: string): boolean
}

/** How often a replica tells the arbiter that what it vouches for still lives. */
const RENEW_MS = 20_000
/** So long after a start nobody may write with the number of a claim that another node may have ended; then it is provisional. */
const UNSURE_MS = 5_000

export function createSettling(parts: SettlingParts): Settling {
  const { project, leases, clock, log, trustMs, seat, shared, isOwn, lose, lapse, moved, onChange } = parts
  const queue = createQueue()
  const renewedAt = new Map<string, number>()
  const unsure = new Set<string>()
  let cancelRenew: () => void = () => undefined
  let stopped = false

  /** What the arbiter may have ended by now, because it has not heard of it for so long, is provisional again. */
  const doubt = (lease: Lease): void => {
    const heard = renewedAt.get(lease.task) ?? clock.monotonic()
    renewedAt.set(lease.task, heard)
    if (lease.provisional || clock.monotonic() - heard < trustMs) return
    leases.put({ ...lease, provisional: true })
    onChange(lease)
  }
  const renew = async (lease: Lease): Promise<void> => {
    let answer: RenewAnswer
    // Not later: the time counts for the arbiter from when it heard of it.
    const asked = clock.monotonic()
    try {
      answer = await seat.elsewhere.renew(lease)
    } catch {
      return doubt(lease)
    }
    renewedAt.set(lease.task, asked)
    unsure.delete(lease.task)
    if (answer.state === 'lost') await lose(lease, answer)
    else if (answer.state === 'moved') moved(lease)
    else if (answer.fence !== lease.fence || lease.provisional) {
      leases.put({ ...lease, fence: answer.fence, formerFence: lease.fence, provisional: false })
      onChange(lease)
    }
  }
  const settleNow = async (): Promise<void> => {
    await seat.probe()
    for (const lease of leases.all().filter(isOwn)) {
      if (!seat.decides()) await renew(lease)
      else if (lease.provisional) leases.confirm(lease, project.arbiter().epoch)
    }
    for (const lease of (await shared?.lapsed()) ?? []) await lapse(lease)
  }
  const suspect = (): void => {
    for (const { task, until, provisional } of leases.all().filter(isOwn)) {
      if (until !== null && !provisional) unsure.add(task)
    }
    clock.after(UNSURE_MS, () => {
      for (const task of unsure) {
        const lease = leases.of(task)
        if (lease) leases.put({ ...lease, provisional: true })
        if (lease) onChange(lease)
      }
      unsure.clear()
    })
  }
  const settle = (): Promise<void> =>
    queue.add(async () => {
      try {
        if (!stopped) await settleNow()
      } catch (error) {
        log.warn('claims could not be settled', { error })
      }
    })
  const renewLater = (): void => {
    cancelRenew()
    if (stopped) return
    cancelRenew = clock.after(RENEW_MS, () => {
      if (seat.decides() || !(shared || leases.all().some(isOwn))) return
      void settle().then(renewLater)
    })
  }

  return {
    name: 'settling',
    settle,
    renewLater,
    forget(task) {
      renewedAt.delete(task)
      unsure.delete(task)
    },
    isUnsure: (task) => unsure.has(task),
    async start() {
      stopped = false
      if (!seat.decides()) renewLater()
      if (shared) suspect()
    },
    async stop() {
      stopped = true
      cancelRenew()
      await queue.idle()
    },
  }
}
