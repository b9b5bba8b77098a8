import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { RecordId } from '../model/id.ts'
import { type Holder, isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import type { Commit, Project } from '../store/project.ts'
import type { SharedArbiter } from './arbiter.ts'
import { CLAIMED } from './claim-rules.ts'

export interface RoamingParts {
  readonly project: Pick<Project, 'replica'>
  readonly leases: Leases
  readonly shared: SharedArbiter
  readonly clock: Clock
  readonly log: Logger
  readonly idleMs: number
  readonly onChange: (lease: Lease) => void
}

/** Claims where nodes share what decides: each node knows those of all, and a holder may go on at any. */
export interface Roaming {
  /** Remembers what was claimed at other nodes, as their rows tell. */
  note(commit: Commit): void
  /** A call of this holder: what it holds at another node goes on here. */
  arrived(holder: Holder): void
}

export function createRoaming({ project, leases, shared, clock, log, idleMs, onChange }: RoamingParts): Roaming {
  const moving = new Set<string>()

  const move = async (lease: Lease): Promise<void> => {
    const { task, actor, session, until } = lease
    try {
      const person = until === null
      const { fence } = await shared.grant({ tasks: [task], actor, session, person, replica: project.replica })
      const moved: Lease = { ...lease, fence, replica: project.replica, until: person ? null : clock.now() + idleMs }
      leases.put(moved)
      onChange(moved)
      log.info('a claim goes on here', { task, actor, from: lease.replica })
    } catch (error) {
      log.info('a claim could not be taken over from another node', { task, error })
    } finally {
      moving.delete(task)
    }
  }

  return {
    note({ origin, rows, entries }) {
      if (origin.source !== 'peer') return
      const [row] = rows
      for (const { action, task, actor, session, details } of entries) {
        if (!row || action !== CLAIMED || typeof details !== 'object' || details === null) continue
        const { fence, provisional } = details as { readonly fence?: unknown; readonly provisional?: unknown }
        const known = leases.of(task)
        // What comes late may be over: its number is smaller than that of what came after.
        if (provisional === true || typeof fence !== 'number' || (known && known.fence >= fence)) continue
        const until = clock.now() + idleMs
        const lease = { actor, session, fence, formerFence: 0, replica: row.replica, at: row.at, until }
        leases.put({ ...lease, task: task as RecordId, provisional: false })
        onChange({ ...lease, task: task as RecordId, provisional: false })
      }
    },
    arrived(holder) {
      // Without a session, calls of one name may come at several nodes at once.
      if (holder.session === '') return
      for (const lease of leases.all()) {
        if (lease.replica === project.replica || !isSameHolder(lease, holder) || moving.has(lease.task)) continue
        moving.add(lease.task)
        void move(lease)
      }
    },
  }
}
