import type { Clock } from '../base/clock.ts'
import { type Holder, isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import { createClaimClock } from './claim-clock.ts'

export interface HoldingParts {
  readonly leases: Leases
  readonly clock: Clock
  /** How long a claim outlives the connection of its session. */
  readonly graceMs: number
  /** How long one lasts that is renewed by commands only. */
  readonly idleMs: number
  /** Whether its holder works on this replica. */
  readonly isOwn: (lease: Lease) => boolean
  readonly onDue: (task: string) => void
}

/** How long leases last: as long as their holders are connected, or are heard from. */
export interface Holding {
  /** Starts or stops the time of a lease, by what is known of its holder. */
  time(lease: Lease): void
  /** Gives it so long from now. */
  extend(lease: Lease, ms: number): void
  /** Its end could not be written: it is due again after the grace time. */
  retry(task: string): void
  clear(task: string): void
  /** A call of this holder: proves that it lives. */
  renewed(holder: Holder): void
  /** The holder has a connection until the returned function is called; then its claims have the grace time. */
  attach(holder: Holder): () => void
  start(): void
  stop(): void
}

/** The wall time of a deadline is for people and for a restart: it need not be exact, and each write costs one of the disk. */
const EXTEND_PART = 0.1

export function createHolding({ leases, clock, graceMs, idleMs, isOwn, onDue }: HoldingParts): Holding {
  const attached = new Map<string, number>()
  const timer = createClaimClock(clock, onDue)
  let stopped = false

  const extend = (lease: Lease, ms: number): void => {
    timer.set(lease.task, ms)
    const until = clock.now() + ms
    if (Math.abs(until - (lease.until ?? 0)) > ms * EXTEND_PART) leases.extend(lease.task, until)
  }
  const time = (lease: Lease): void => {
    const isLive = isOwn(lease) && (attached.get(keyOf(lease)) ?? 0) > 0
    if (lease.until === null || isLive) timer.set(lease.task, undefined)
    else extend(lease, idleMs)
  }
  const of = (holder: Holder): readonly Lease[] => leases.all().filter((one) => isOwn(one) && isSameHolder(one, holder))

  return {
    time,
    extend,
    retry: (task) => timer.set(task, graceMs),
    clear: timer.clear,
    renewed(holder) {
      for (const lease of of(holder)) time(lease)
    },
    attach(holder) {
      const key = keyOf(holder)
      attached.set(key, (attached.get(key) ?? 0) + 1)
      for (const lease of of(holder)) time(lease)
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        const left = (attached.get(key) ?? 1) - 1
        if (left > 0) attached.set(key, left)
        else attached.delete(key)
        if (left > 0 || stopped) return
        for (const lease of of(holder)) if (lease.until !== null) extend(lease, graceMs)
      }
    },
    start() {
      stopped = false
      for (const { task, until } of leases.all()) {
        // Whoever was connected is given time to come back; and a wall clock that jumped must decide nothing.
        if (until !== null) timer.set(task, Math.min(Math.max(until - clock.now(), graceMs), idleMs))
      }
    },
    stop() {
      stopped = true
      timer.stop()
    },
  }
}

const keyOf = ({ actor, session }: Holder): string => (session === '' ? `@${actor}` : session)
