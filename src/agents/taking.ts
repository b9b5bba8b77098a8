import type { Clock } from '../base/clock.ts'
import { OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Actor } from '../model/actor.ts'
import type { RecordId } from '../model/id.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import { isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import type { Project } from '../store/project.ts'
import type { ClaimAsk } from '../store/task-claims.ts'
import type { Granted } from './arbiter.ts'
import type { ArbiterSeat } from './arbiter-seat.ts'
import { holderOf, originOf, refusalOf, writeClaim } from './claim-rules.ts'

export interface TakingParts {
  readonly project: Project
  readonly leases: Leases
  readonly clock: Clock
  readonly log: Logger
  readonly idleMs: number
  readonly seat: ArbiterSeat
  readonly onTaken: (lease: Lease) => void
}

/** Takes tasks for who works on this replica: by itself where it decides, else by asking what does. */
export interface Taking {
  take(ask: ClaimAsk): Promise<Lease>
}

/** So many ready tasks are asked for at a time: others may take the first ones meanwhile. */
const CANDIDATES = 16
/** And so many times, when all of them were taken: what others took elsewhere may not be known here yet. */
const ROUNDS = 16

export function createTaking({ project, leases, clock, log, idleMs, seat, onTaken }: TakingParts): Taking {
  /** The tasks an ask is about, in order. Throws why the one that it names cannot be had. */
  const candidatesOf = (asked: ClaimAsk, taken: ReadonlySet<RecordId> = new Set()): readonly RecordId[] => {
    const { id, labels, capabilities } = asked
    if (id === undefined) {
      const claimed = new Set([...leases.all().map(({ task }) => task), ...taken])
      const query = { actor: asked.actor.name, labels, capabilities, claimed, limit: CANDIDATES }
      return project.ready(query).items.map((record) => record.id)
    }
    const refusal = refusalOf(project, project.read(taskKind, id), leases.of(id), holderOf(asked))
    if (refusal) throw refusal
    return [id]
  }
  /** People's never end by themselves. */
  const untilOf = ({ type }: Actor): number | null => (type === 'person' ? null : clock.now() + idleMs)

  /** In this database, with the record in one step; with no epoch, it is for the arbiter to confirm. */
  const takeHere = async (asked: ClaimAsk, epoch: number | undefined): Promise<Lease> => {
    const lease = await leases.grant(originOf(asked), {
      ...holderOf(asked),
      replica: project.replica,
      until: untilOf(asked.actor),
      epoch,
      candidates: () => candidatesOf(asked),
      write: writeClaim,
    })
    if (!lease) throw new OrchError('nothing_ready')
    onTaken(lease)
    return lease
  }
  const takeElsewhere = async (asked: ClaimAsk, taken: ReadonlySet<RecordId> = new Set()): Promise<Lease> => {
    const tasks = candidatesOf(asked, taken)
    const [first] = tasks
    if (first === undefined) throw new OrchError('nothing_ready')
    const known = tasks.length === 1 ? leases.of(first) : undefined
    if (known && isSameHolder(known, holderOf(asked))) return known
    const person = asked.actor.type === 'person'
    let granted: Granted
    try {
      granted = await seat.elsewhere.grant({ ...holderOf(asked), tasks, person, replica: project.replica })
    } catch (error) {
      const { code } = toOrchError(error)
      const areMore = tasks.length === CANDIDATES && taken.size < CANDIDATES * (ROUNDS - 1)
      if (code === 'nothing_ready' && areMore) return await takeElsewhere(asked, new Set([...taken, ...tasks]))
      if (code !== 'arbiter_unreachable') throw error
      log.info('the arbiter cannot be reached: a provisional claim', { error })
      return await takeHere(asked, undefined)
    }
    const lease: Lease = {
      ...holderOf(asked),
      ...granted,
      formerFence: 0,
      replica: project.replica,
      at: clock.now(),
      until: untilOf(asked.actor),
      provisional: false,
    }
    await project.transact(originOf(asked), (tx) => writeClaim(tx, lease), { also: () => leases.put(lease) })
    onTaken(lease)
    return lease
  }

  return {
    take: (asked) => (seat.decides() ? takeHere(asked, project.arbiter().epoch) : takeElsewhere(asked)),
  }
}
