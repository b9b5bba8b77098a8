import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Problem } from '../model/attention.ts'
import type { RecordId } from '../model/id.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import type { Json } from '../model/record.ts'
import { isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import type { Commit, Project } from '../store/project.ts'
import type { Claimant, EndAsk, TaskClaims } from '../store/task-claims.ts'
import type { Tx } from '../store/tx.ts'
import { type ArbiterSeatParts, createArbiterSeat } from './arbiter-seat.ts'
import {
  bySystem,
  held,
  holderOf,
  isClosed,
  isNumberOf,
  isReassigned,
  originOf,
  RELEASED,
  writeNotice,
  writeRelease,
  writeReleased,
} from './claim-rules.ts'
import { createClaimsInRows } from './claims-in-rows.ts'
import { createHolding } from './holding.ts'
import { answerForArbiter } from './linked-arbiter.ts'
import { createOwnArbiter } from './own-arbiter.ts'
import { createRoaming } from './roaming.ts'
import { createSettling } from './settling.ts'
import { createTaking } from './taking.ts'

export interface ClaimsParts extends Omit<ArbiterSeatParts, 'startedAt'> {
  readonly project: Project
  readonly leases: Leases
  readonly clock: Clock
  readonly log: Logger
  /** How long a claim outlives the connection of its session. */
  readonly graceMs: number
  /** How long one lasts that is renewed by commands only, or that another replica vouches for. */
  readonly idleMs: number
}

/** Who holds which task: asks for holds, keeps them while their holders live, and ends them when they do not. */
export interface Claims extends TaskClaims, Service {
  /** A call of this holder: proves that it lives. */
  renewed(claimant: Claimant): void
  /** Asks the arbiter about what is held here; called when a link stands again. */
  settle(): Promise<void>
  /** Answers another replica's question. */
  answer(from: string, body: Json): Promise<Json>
  note(commit: Commit): void
  /** What needs somebody: claims that nobody can grant. */
  problems(): readonly Problem[]
}

export function createClaims(parts: ClaimsParts): Claims {
  const { project, leases, clock, log, graceMs, idleMs, shared } = parts
  const listeners = new Set<(task: RecordId) => void>()
  let stopped = false

  const isOwn = (lease: Lease): boolean => lease.replica === project.replica
  const told = ({ task }: Pick<Lease, 'task'>): void => {
    for (const listen of listeners) listen(task)
  }
  const seat = createArbiterSeat({ ...parts, startedAt: clock.now() })
  const holding = createHolding({ leases, clock, graceMs, idleMs, isOwn, onDue: (task) => void due(task) })
  const gone = (lease: Pick<Lease, 'task'>): void => {
    holding.clear(lease.task)
    settling.forget(lease.task)
    told(lease)
  }
  const own = createOwnArbiter({
    project,
    leases,
    clock,
    log,
    idleMs,
    extend: holding.extend,
    onGranted(lease) {
      holding.time(lease)
      told(lease)
    },
    onEnded: gone,
  })
  const inRows = createClaimsInRows({
    project,
    leases,
    clock,
    log,
    isHere: seat.isHere,
    arbiter: seat.shared ?? own,
    onConfirmed: told,
    extend: holding.extend,
  })

  /** Ends a lease here, and tells an arbiter elsewhere, which otherwise reads it in the log, or hears of it no more. */
  const end = async (origin: WriteOrigin, lease: Lease, write: (tx: Tx) => void): Promise<boolean> => {
    const ended = await leases.end(origin, lease, write)
    if (!ended) return false
    gone(lease)
    tellEnd(lease)
    return true
  }
  const tellEnd = ({ task, fence, replica }: Lease): void => {
    if (!seat.decides()) seat.elsewhere.end({ task, fence, replica }).catch(() => undefined)
  }
  const endForGood = async (origin: WriteOrigin, lease: Lease, write: (tx: Tx) => void): Promise<void> => {
    if (!(await end(origin, lease, write))) {
      throw new OrchError('not_claimed', { id: lease.task, reason: 'it has just ended' })
    }
  }
  const writeLapse = (tx: Tx, lease: Lease): void => {
    const reason = `${isOwn(lease) ? 'its holder' : `the replica ${lease.replica}`} was not heard from any more`
    writeRelease(tx, lease, reason)
    writeNotice(tx, lease.actor, lease.task, clock.now(), `Your claim on ${lease.task} was released: ${reason}`)
  }
  /** A lease whose time is up. */
  const due = async (task: string): Promise<void> => {
    const lease = leases.of(task)
    if (!lease || stopped) return
    // The arbiter ends what a replica has not vouched for; other replicas only their own.
    if (!isOwn(lease) && !seat.decides()) {
      // Known by hearsay: what nodes share knows better.
      if (shared) {
        leases.drop(lease.task)
        gone(lease)
      }
      return
    }
    try {
      await end(bySystem(lease.session), lease, (tx) => writeLapse(tx, lease))
    } catch (error) {
      log.warn('a claim could not be ended; tried again', { task, error })
      holding.retry(task)
    }
  }
  const settling = createSettling({
    project,
    leases,
    clock,
    log,
    // What nodes share ends a claim a while after its node was not heard from, as a daemon does with one whose holder is gone.
    trustMs: shared ? graceMs : idleMs,
    seat,
    shared,
    isOwn,
    onChange: told,
    moved(lease) {
      leases.drop(lease.task)
      gone(lease)
    },
    async lapse(lease) {
      await project.transact(bySystem(lease.session), (tx) => writeLapse(tx, lease))
      await seat.elsewhere.end(lease)
      told(lease)
    },
    async lose(lease, { holder, reason }) {
      await end(bySystem(lease.session), lease, (tx) => {
        const record = tx.read(taskKind, lease.task)
        if (record && holder !== undefined && record.values.assignee !== holder) {
          tx.update(taskKind, lease.task, { set: { assignee: holder } })
        }
        writeReleased(tx, lease, `lost: ${reason}`)
        writeNotice(tx, lease.actor, lease.task, clock.now(), `You lost the claim on ${lease.task}: ${reason}`)
      })
    },
  })

  const taking = createTaking({
    project,
    leases,
    clock,
    log,
    idleMs,
    seat,
    onTaken(lease) {
      holding.time(lease)
      told(lease)
      if (!seat.decides()) settling.renewLater()
    },
  })

  const roaming =
    shared &&
    createRoaming({
      project,
      leases,
      shared,
      clock,
      log,
      idleMs,
      onChange(lease) {
        holding.time(lease)
        told(lease)
      },
    })

  const ownOf = (asked: EndAsk): Lease => {
    const lease = leases.of(asked.id)
    if (asked.fence !== undefined) checkFence(asked.id, asked.fence)
    if (!lease) throw new OrchError('not_claimed', { id: asked.id, reason: 'nobody holds it' })
    // Whoever may say the number has the claim; a person may end anybody's.
    const may = asked.fence !== undefined || isSameHolder(lease, holderOf(asked)) || asked.actor.type === 'person'
    if (!may) throw new OrchError('not_claimed', { id: asked.id, reason: held(lease).message })
    return lease
  }
  const checkFence = (task: string, fence: number): void => {
    const lease = leases.of(task)
    if (lease && (lease.fence === fence || (lease.formerFence !== 0 && lease.formerFence === fence))) {
      if (!settling.isUnsure(task)) return
      const why = 'this daemon has just started, and asks whether the claim still stands; try again in a moment'
      throw new OrchError('arbiter_unreachable', { replica: 'Redis', reason: why })
    }
    const reason = lease ? `${lease.actor} holds it, with ${lease.fence}` : 'it was released'
    throw new OrchError('fenced', { id: task, fence, reason })
  }

  /** Claims that the log of another replica says to be over. */
  const noteReleases = ({ entries }: Commit): void => {
    for (const { action, task, details } of entries) {
      if (action !== RELEASED || typeof details !== 'object' || details === null || !('fence' in details)) continue
      const lease = leases.of(task)
      if (!lease || !isNumberOf(lease, details)) continue
      leases.drop(task)
      gone(lease)
    }
  }
  /** Claims that are over because of what became of their task. */
  const noteTasks = (commit: Commit): void => {
    for (const { kind, id, before, after } of commit.changes) {
      if (kind !== taskKind.name || !after || 'key' in after) continue
      const lease = leases.of(id)
      if (!lease) continue
      const { values, deletedAt } = after
      const former = before && !('key' in before) ? before.values.assignee : undefined
      const isOver = deletedAt !== undefined || isClosed(project, values)
      if (!isOver && !isReassigned(former, values.assignee, lease, commit)) continue
      leases.drop(id)
      gone(lease)
      tellEnd(lease)
    }
  }

  return {
    name: 'claims',
    async start() {
      stopped = false
      holding.start()
      await seat.start()
      await settling.start()
      inRows.look()
    },
    async stop() {
      stopped = true
      holding.stop()
      inRows.stop()
      await settling.stop()
    },
    claim: taking.take,
    async release(asked) {
      const lease = ownOf(asked)
      const { name } = asked.actor
      const isOthers = lease.actor !== name
      await endForGood(originOf(asked), lease, (tx) => {
        writeRelease(tx, lease, isOthers ? `${name}: ${asked.reason}` : asked.reason)
        const title = `Your claim on ${lease.task} was released by ${name}: ${asked.reason}`
        if (isOthers) writeNotice(tx, lease.actor, lease.task, clock.now(), title)
      })
      return lease
    },
    async handOver(asked) {
      const lease = ownOf(asked)
      await endForGood(originOf(asked), lease, (tx) => {
        tx.update(taskKind, lease.task, { set: { assignee: asked.to } })
        writeReleased(tx, lease, `handed over to ${asked.to}`)
        const title = `${asked.actor.name} hands ${lease.task} over to you: ${asked.note}`
        writeNotice(tx, asked.to, lease.task, clock.now(), title)
      })
      return lease
    },
    async releaseAll(asked, reason) {
      const holder = holderOf(asked)
      for (const lease of leases.all().filter((one) => isSameHolder(one, holder))) {
        await end(bySystem(lease.session), lease, (tx) => writeRelease(tx, lease, reason))
      }
    },
    all: leases.all,
    of: leases.of,
    holderOf,
    checkFence,
    renewed(claimant) {
      holding.renewed(holderOf(claimant))
      roaming?.arrived(holderOf(claimant))
    },
    attach(claimant) {
      roaming?.arrived(holderOf(claimant))
      return holding.attach(holderOf(claimant))
    },
    arbiter: () => ({ ...project.arbiter(), isHere: seat.isHere(), ...(shared && { isShared: true }) }),
    async setArbiter(asked, replica) {
      await seat.name(originOf(asked), replica)
      await settling.settle()
    },
    settle: settling.settle,
    async answer(from, body) {
      if (!seat.isHere()) {
        throw new OrchError('arbiter_unreachable', { replica: project.replica, reason: 'it is not the arbiter' })
      }
      return await answerForArbiter(seat.shared ?? own, from, body)
    },
    note(commit) {
      if (seat.note(commit)) {
        void settling.settle()
        inRows.look()
      }
      roaming?.note(commit)
      noteReleases(commit)
      inRows.note(commit)
      noteTasks(commit)
    },
    problems: seat.problems,
    onChange(listen) {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
  }
}
