import type { Clock } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import { isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import type { Project, StoredRecord } from '../store/project.ts'
import type { Arbiter } from './arbiter.ts'
import { lostByRecord, originOf, refusalOf } from './claim-rules.ts'

export interface OwnArbiterParts {
  readonly project: Project
  readonly leases: Leases
  readonly clock: Clock
  readonly log: Logger
  /** How long a hold lasts that another replica vouches for. */
  readonly idleMs: number
  /** Starts the time of a hold anew. */
  readonly extend: (lease: Lease, ms: number) => void
  /** A hold of another replica was granted. */
  readonly onGranted: (lease: Lease) => void
  readonly onEnded: (lease: Lease) => void
}

/** The arbiter as other replicas ask it where it is this one: it decides in the project's own database. */
export function createOwnArbiter(parts: OwnArbiterParts): Arbiter {
  const { project, leases, clock, log, idleMs, extend, onGranted, onEnded } = parts
  return {
    async grant({ tasks, actor, person, session, replica }) {
      const holder = { actor, session }
      const origin = originOf({
        actor: { name: actor, type: person ? 'person' : 'agent', verified: false },
        session: session || undefined,
      })
      try {
        const lease = await leases.grant(origin, {
          ...holder,
          replica,
          until: person ? null : clock.now() + idleMs,
          epoch: project.arbiter().epoch,
          candidates(tx) {
            const refusals = tasks.map((id) =>
              refusalOf(project, tx.read(taskKind, id) as StoredRecord | undefined, leases.of(id), holder),
            )
            const [first] = refusals
            if (tasks.length === 1 && first) throw first
            return tasks.filter((_, i) => refusals[i] === undefined)
          },
          // The replica that asks writes the record: it is there that the holder works.
          write: () => undefined,
        })
        if (!lease) throw new OrchError('nothing_ready')
        onGranted(lease)
        return lease
      } catch (error) {
        log.debug('a claim of another replica was refused', { from: replica, reason: reasonOf(error) })
        throw error
      }
    },
    async renew(lease) {
      const { epoch } = project.arbiter()
      const known = leases.of(lease.task)
      if (known && isSameHolder(known, lease) && known.replica === lease.replica) {
        if (known.replica !== project.replica && known.until !== null) extend(known, idleMs)
        return { state: 'held', fence: known.provisional ? leases.confirm(known, epoch).fence : known.fence }
      }
      if (known) return { state: 'lost', holder: known.actor, reason: `${known.actor} had it first` }
      const lost = lostByRecord(project, lease)
      if (lost) return lost
      const granted = leases.confirm(lease, epoch)
      if (granted.until !== null) extend(granted, idleMs)
      onGranted(granted)
      return { state: 'held', fence: granted.fence }
    },
    async end({ task, fence }) {
      const lease = leases.of(task)
      if (lease?.fence !== fence) return
      leases.drop(task)
      onEnded(lease)
    },
  }
}
