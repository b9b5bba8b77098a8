import type { Clock } from '../base/clock.ts'
import { OrchError, reasonOf, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Service } from '../base/service.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import { type Actor, systemActor } from '../model/actor.ts'
import type { Problem } from '../model/attention.ts'
import type { RecordId } from '../model/id.ts'
import { task as taskKind } from '../model/kinds/task.ts'
import type { Json } from '../model/record.ts'
import { statusesOf } from '../model/statuses.ts'
import { type Holder, isSameHolder, type Lease, type Leases } from '../store/leases.ts'
import type { Commit, Project, StoredRecord } from '../store/project.ts'
import { type AskArbiter, type GrantAnswer, type RenewAnswer, readAsk } from './arbiter-talk.ts'
import { createClaimClock } from './claim-clock.ts'
import { held, RELEASED, refusalOf, writeClaim, writeNotice, writeRelease, writeReleased } from './claim-rules.ts'
import { createClaimsInRows } from './claims-in-rows.ts'

/** Who asks. */
export interface Claimant {
  readonly actor: Actor
  readonly session: string | undefined
}

export interface ClaimAsk extends Claimant {
  /** A task; without it, the best ready one that fits. */
  readonly id?: RecordId | undefined
  readonly labels?: readonly string[] | undefined
  readonly capabilities?: readonly string[] | undefined
}

export interface ClaimsParts {
  readonly project: Project
  readonly leases: Leases
  readonly clock: Clock
  readonly log: Logger
  /** How long a claim outlives the connection of its session. */
  readonly graceMs: number
  /** How long one lasts that is renewed by commands only, or that another replica vouches for. */
  readonly idleMs: number
  /** Asks the replica that grants claims. Rejects when it cannot be reached. */
  readonly ask: (replica: string, body: Json) => Promise<Json>
  /** Whether a replica can only have been this database, before it was moved or restored: nobody else will grant its claims. */
  readonly wasHere?: (replica: string) => boolean
  /** Whether a replica is what this database was before; it may still run where a copy was made. */
  readonly wasCalled?: (replica: string) => boolean
}

/** Who holds which task: asks for holds, keeps them while their holders live, and ends them when they do not. */
export interface Claims extends Service {
  claim(ask: ClaimAsk): Promise<Lease>
  /** Ends a claim of one's own, or, for a person, anybody's. */
  release(
    ask: Claimant & { readonly id: RecordId; readonly fence?: number | undefined; readonly reason: string },
  ): Promise<Lease>
  /** Gives a claim to another actor, who is told. */
  handOver(
    ask: Claimant & {
      readonly id: RecordId
      readonly fence?: number | undefined
      readonly to: string
      readonly note: string
    },
  ): Promise<Lease>
  /** Ends all claims of a session. */
  releaseAll(ask: Claimant, reason: string): Promise<void>
  all(): readonly Lease[]
  of(task: string): Lease | undefined
  holderOf(claimant: Claimant): Holder
  /** Throws `fenced` unless this is the number of the claim that holds. For the inside of a transaction. */
  checkFence(task: string, fence: number): void
  /** A call of this holder: proves that it lives. */
  renewed(claimant: Claimant): void
  /** The holder has a connection until the returned function is called; then its claims have the grace time. */
  attach(claimant: Claimant): () => void
  arbiter(): { readonly replica: string; readonly epoch: number; readonly isHere: boolean }
  setArbiter(ask: Claimant, replica: string): Promise<void>
  /** Asks the arbiter about what is held here; called when a link stands again. */
  settle(): Promise<void>
  /** Answers another replica's question. */
  answer(from: string, body: Json): Promise<Json>
  note(commit: Commit): void
  /** What needs somebody: claims that nobody can grant. */
  problems(): readonly Problem[]
  /** Hears that a claim was taken or ended. */
  onChange(listen: (task: RecordId) => void): () => void
}

/** Asks for nothing but an answer. */
const PROBE: AskArbiter = { do: 'end', task: 't-00000000' as RecordId, fence: 0 }
/** How often a replica tells the arbiter that what it vouches for still lives. */
const RENEW_MS = 20_000
/** The wall time of a deadline is for people and for a restart: it need not be exact, and each write costs one of the disk. */
const EXTEND_PART = 0.1

export function createClaims(parts: ClaimsParts): Claims {
  const { project, leases, clock, log, graceMs, idleMs } = parts
  const attached = new Map<string, number>()
  const listeners = new Set<(task: RecordId) => void>()
  const settling = createQueue()
  const timer = createClaimClock(clock, (task) => void due(task))
  const renewedAt = new Map<string, number>()
  let cancelRenew: () => void = () => undefined
  let knownArbiter = ''
  /** The replica that is known to live, of those that may not. */
  let heard = ''
  const startedAt = clock.now()
  let stopped = false

  const ask = async (replica: string, body: AskArbiter): Promise<Json> => {
    try {
      const answer = await parts.ask(replica, body as unknown as Json)
      heard = replica
      return answer
    } catch (error) {
      // A refusal is a sign of life.
      if (toOrchError(error).code !== 'arbiter_unreachable') heard = replica
      throw error
    }
  }
  /** Whether claims are granted by what this database was before it was moved or copied, and that has not been heard of. */
  const isOrphan = (): boolean => {
    const { replica } = project.arbiter()
    return replica !== project.replica && heard !== replica && parts.wasCalled?.(replica) === true
  }

  const isHere = (): boolean => project.arbiter().replica === project.replica
  const isOwn = (lease: Lease): boolean => lease.replica === project.replica
  const holderOf = ({ actor, session }: Claimant): Holder => ({ actor: actor.name, session: session ?? '' })
  const originOf = ({ actor, session }: Claimant): WriteOrigin => ({
    source: 'api',
    actor,
    ...(session !== undefined && { session }),
  })
  const bySystem = (session: string): WriteOrigin => ({
    source: 'api',
    actor: systemActor,
    ...(session !== '' && { session }),
  })
  const told = (task: RecordId): void => {
    for (const listen of listeners) listen(task)
  }

  /** Starts or stops the time of a lease by what is known of its holder. */
  const time = (lease: Lease): void => {
    const isLive = isOwn(lease) && (attached.get(keyOf(lease)) ?? 0) > 0
    if (lease.until === null || isLive) timer.set(lease.task, undefined)
    else extend(lease, idleMs)
  }
  const extend = (lease: Lease, ms: number): void => {
    timer.set(lease.task, ms)
    const until = clock.now() + ms
    if (Math.abs(until - (lease.until ?? 0)) > ms * EXTEND_PART) leases.extend(lease.task, until)
  }
  const taken = (lease: Lease): Lease => {
    time(lease)
    told(lease.task)
    if (!isHere()) renewLater()
    return lease
  }
  const gone = (task: RecordId): void => {
    timer.clear(task)
    renewedAt.delete(task)
    told(task)
  }

  const inRows = createClaimsInRows({
    project,
    leases,
    clock,
    log,
    isHere,
    bySystem,
    onGranted: ({ task }) => told(task),
    extend,
  })

  const claimedBy = (): ReadonlySet<string> => new Set(leases.all().map(({ task }) => task))
  /** The tasks an ask is about, in order. Throws why the one that it names cannot be had. */
  const candidatesOf = (asked: ClaimAsk, read: (id: RecordId) => StoredRecord | undefined): readonly RecordId[] => {
    const { id, labels, capabilities } = asked
    if (id === undefined) {
      const query = { actor: asked.actor.name, labels, capabilities, claimed: claimedBy(), limit: 16 }
      return project.ready(query).items.map((record) => record.id)
    }
    const refusal = refusalOf(project, read(id), leases.of(id), holderOf(asked))
    if (refusal) throw refusal
    return [id]
  }
  const readNow = (id: RecordId): StoredRecord | undefined => project.read(taskKind, id)
  /** People's never end by themselves. */
  const untilOf = ({ type }: Actor): number | null => (type === 'person' ? null : clock.now() + idleMs)

  const grantHere = async (asked: ClaimAsk, epoch: number | undefined): Promise<Lease> => {
    const lease = await leases.grant(originOf(asked), {
      ...holderOf(asked),
      replica: project.replica,
      until: untilOf(asked.actor),
      epoch,
      candidates: () => candidatesOf(asked, readNow),
      write: writeClaim,
    })
    if (!lease) throw new OrchError('nothing_ready')
    return taken(lease)
  }

  const grantThere = async (asked: ClaimAsk, arbiter: string): Promise<Lease> => {
    const tasks = candidatesOf(asked, readNow)
    if (tasks.length === 0) throw new OrchError('nothing_ready')
    const known = tasks.length === 1 ? leases.of(tasks[0] as string) : undefined
    if (known && isSameHolder(known, holderOf(asked))) return known
    const { actor } = asked
    const question: AskArbiter = {
      do: 'grant',
      tasks,
      actor: actor.name,
      person: actor.type === 'person',
      session: asked.session ?? '',
    }
    let answer: GrantAnswer
    try {
      answer = (await ask(arbiter, question)) as unknown as GrantAnswer
    } catch (error) {
      log.info('the arbiter cannot be reached: a provisional claim', { error })
      return await grantHere(asked, undefined)
    }
    if ('error' in answer) throw OrchError.fromBody(answer.error)
    const lease: Lease = {
      ...holderOf(asked),
      task: answer.task as RecordId,
      fence: answer.fence,
      formerFence: 0,
      replica: project.replica,
      at: clock.now(),
      until: untilOf(actor),
      provisional: false,
    }
    await project.transact(originOf(asked), (tx) => writeClaim(tx, lease), { also: () => leases.put(lease) })
    return taken(lease)
  }

  /** Ends a lease here, and tells the arbiter, which otherwise reads it in the log. */
  const end = async (origin: WriteOrigin, lease: Lease, write: Parameters<Leases['end']>[2]): Promise<boolean> => {
    const ended = await leases.end(origin, lease, write)
    if (ended) gone(lease.task)
    const { replica } = project.arbiter()
    if (ended && replica !== project.replica) {
      const question: AskArbiter = { do: 'end', task: lease.task, fence: lease.fence }
      ask(replica, question).catch(() => undefined)
    }
    return ended
  }

  /** A lease whose time is up. */
  const due = async (task: string): Promise<void> => {
    const lease = leases.of(task)
    if (!lease || stopped) return
    // The arbiter ends what a replica has not vouched for; other replicas only their own.
    if (!isOwn(lease) && !isHere()) return
    const reason = isOwn(lease)
      ? 'its holder was not heard from any more'
      : `the replica ${lease.replica} was not heard from any more`
    try {
      await end(bySystem(lease.session), lease, (tx) => {
        writeRelease(tx, lease, reason)
        writeNotice(tx, lease.actor, lease.task, clock.now(), `Your claim on ${task} was released: ${reason}`)
      })
    } catch (error) {
      log.warn('a claim could not be ended; tried again', { task, error })
      timer.set(task, graceMs)
    }
  }

  const lose = async (lease: Lease, answer: RenewAnswer & { readonly state: 'lost' }): Promise<void> => {
    const { holder, reason } = answer
    await end(bySystem(lease.session), lease, (tx) => {
      const record = tx.read(taskKind, lease.task)
      if (record && holder !== undefined && record.values.assignee !== holder) {
        tx.update(taskKind, lease.task, { set: { assignee: holder } })
      }
      writeReleased(tx, lease, `lost: ${reason}`)
      writeNotice(tx, lease.actor, lease.task, clock.now(), `You lost the claim on ${lease.task}: ${reason}`)
    })
  }

  /** What the arbiter says of a lease that a replica believes to have. */
  const judge = async (lease: Lease): Promise<RenewAnswer> => {
    const { epoch } = project.arbiter()
    const known = leases.of(lease.task)
    if (known && isSameHolder(known, lease) && known.replica === lease.replica) {
      if (!isOwn(known) && known.until !== null) extend(known, idleMs)
      if (known.provisional) return { state: 'held', fence: leases.confirm(known, epoch).fence }
      return { state: 'held', fence: known.fence }
    }
    if (known) return { state: 'lost', holder: known.actor, reason: `${known.actor} had it first` }
    const record = readNow(lease.task)
    const closed = record && statusesOf(project.kinds).closed.includes(String(record.values.status))
    if (closed) return { state: 'lost', reason: `it is ${record.values.status}` }
    const assignee = record?.values.assignee
    if (typeof assignee === 'string' && assignee !== '' && assignee !== lease.actor) {
      return { state: 'lost', holder: assignee, reason: `it is assigned to ${assignee}` }
    }
    const granted = leases.confirm(lease, epoch)
    if (granted.until !== null) timer.set(granted.task, idleMs)
    told(granted.task)
    return { state: 'held', fence: granted.fence }
  }

  const settleNow = async (): Promise<void> => {
    const { replica, epoch } = project.arbiter()
    if (isOrphan()) await ask(replica, PROBE).catch(() => undefined)
    for (const lease of leases.all().filter(isOwn)) {
      if (replica === project.replica) {
        if (lease.provisional) leases.confirm(lease, epoch)
        continue
      }
      let answer: RenewAnswer
      try {
        const question: AskArbiter = { do: 'renew', lease }
        answer = (await ask(replica, question)) as unknown as RenewAnswer
      } catch {
        doubt(lease)
        continue
      }
      renewedAt.set(lease.task, clock.monotonic())
      if (answer.state === 'lost') await lose(lease, answer)
      else if (answer.fence !== lease.fence || lease.provisional) {
        leases.put({ ...lease, fence: answer.fence, formerFence: lease.fence, provisional: false })
        told(lease.task)
      }
    }
  }
  /** The arbiter may have ended by now what it has not heard of for so long. */
  const doubt = (lease: Lease): void => {
    const heard = renewedAt.get(lease.task) ?? clock.monotonic()
    renewedAt.set(lease.task, heard)
    if (lease.provisional || clock.monotonic() - heard < idleMs) return
    leases.put({ ...lease, provisional: true })
    told(lease.task)
  }
  const settle = (): Promise<void> =>
    settling.add(async () => {
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
      if (isHere() || !leases.all().some(isOwn)) return
      void settle().then(renewLater)
    })
  }

  const own = (asked: Claimant & { readonly id: RecordId; readonly fence?: number | undefined }): Lease => {
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
    if (lease && (lease.fence === fence || (lease.formerFence !== 0 && lease.formerFence === fence))) return
    const reason = lease ? `${lease.actor} holds it, with ${lease.fence}` : 'it was released'
    throw new OrchError('fenced', { id: task, fence, reason })
  }

  const nameArbiter = async (origin: WriteOrigin, replica: string): Promise<void> => {
    await project.transact(origin, (tx) => {
      tx.setArbiter({ replica, epoch: project.arbiter().epoch + 1 })
      tx.appendLog({ action: 'named the arbiter', details: { replica } })
    })
    await settle()
  }

  return {
    name: 'claims',
    async start() {
      stopped = false
      knownArbiter = JSON.stringify(project.arbiter())
      for (const lease of leases.all()) {
        if (lease.until === null) continue
        // Whoever was connected is given time to come back; and a wall clock that jumped must decide nothing.
        const left = lease.until - clock.now()
        timer.set(lease.task, Math.min(Math.max(left, graceMs), idleMs))
      }
      if (!isHere() && parts.wasHere?.(project.arbiter().replica)) {
        log.info('grants claims in the place of what this database was before', { was: project.arbiter().replica })
        await nameArbiter(bySystem(''), project.replica)
      }
      if (!isHere()) renewLater()
      inRows.look()
    },
    async stop() {
      stopped = true
      timer.stop()
      inRows.stop()
      cancelRenew()
      await settling.idle()
    },
    async claim(asked) {
      const { replica, epoch } = project.arbiter()
      return replica === project.replica ? await grantHere(asked, epoch) : await grantThere(asked, replica)
    },
    async release(asked) {
      const lease = own(asked)
      const by = lease.actor === asked.actor.name ? '' : `${asked.actor.name}: `
      const ended = await end(originOf(asked), lease, (tx) => {
        writeRelease(tx, lease, `${by}${asked.reason}`)
        if (by !== '') {
          writeNotice(
            tx,
            lease.actor,
            lease.task,
            clock.now(),
            `Your claim on ${lease.task} was released by ${asked.actor.name}: ${asked.reason}`,
          )
        }
      })
      if (!ended) throw new OrchError('not_claimed', { id: asked.id, reason: 'it has just ended' })
      return lease
    },
    async handOver(asked) {
      const lease = own(asked)
      const ended = await end(originOf(asked), lease, (tx) => {
        tx.update(taskKind, lease.task, { set: { assignee: asked.to } })
        writeReleased(tx, lease, `handed over to ${asked.to}`)
        writeNotice(
          tx,
          asked.to,
          lease.task,
          clock.now(),
          `${asked.actor.name} hands ${lease.task} over to you: ${asked.note}`,
        )
      })
      if (!ended) throw new OrchError('not_claimed', { id: asked.id, reason: 'it has just ended' })
      return lease
    },
    async releaseAll(asked, reason) {
      const holder = holderOf(asked)
      for (const lease of leases.all()) {
        if (isSameHolder(lease, holder))
          await end(bySystem(lease.session), lease, (tx) => writeRelease(tx, lease, reason))
      }
    },
    all: leases.all,
    of: leases.of,
    holderOf,
    checkFence,
    renewed(claimant) {
      const holder = holderOf(claimant)
      for (const lease of leases.all()) if (isOwn(lease) && isSameHolder(lease, holder)) time(lease)
    },
    attach(claimant) {
      const holder = holderOf(claimant)
      const key = keyOf(holder)
      const mine = (): readonly Lease[] => leases.all().filter((one) => isOwn(one) && isSameHolder(one, holder))
      attached.set(key, (attached.get(key) ?? 0) + 1)
      for (const lease of mine()) time(lease)
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        const left = (attached.get(key) ?? 1) - 1
        if (left > 0) attached.set(key, left)
        else attached.delete(key)
        if (left > 0 || stopped) return
        for (const lease of mine()) if (lease.until !== null) extend(lease, graceMs)
      }
    },
    arbiter: () => ({ ...project.arbiter(), isHere: isHere() }),
    async setArbiter(asked, replica) {
      await nameArbiter(originOf(asked), replica)
    },
    settle,
    async answer(from, body) {
      const question = readAsk(body)
      if (!question) throw new OrchError('usage', { reason: 'this question is not understood' })
      if (!isHere())
        throw new OrchError('arbiter_unreachable', { replica: project.replica, reason: 'it is not the arbiter' })
      switch (question.do) {
        case 'grant':
          return (await grantFor(from, question)) as unknown as Json
        case 'renew':
          return (await judge({ ...question.lease, replica: from })) as unknown as Json
        case 'end': {
          const lease = leases.of(question.task)
          if (lease?.fence === question.fence) {
            leases.drop(question.task)
            gone(lease.task)
          }
          return {}
        }
      }
    },
    note(commit) {
      const arbiter = JSON.stringify(project.arbiter())
      if (arbiter !== knownArbiter && knownArbiter !== '') {
        knownArbiter = arbiter
        void settle()
        inRows.look()
      }
      for (const { action, task, details } of commit.entries) {
        if (action !== RELEASED || typeof details !== 'object' || details === null || !('fence' in details)) continue
        const lease = leases.of(task)
        if (lease && isNumberOf(lease, details)) {
          leases.drop(task)
          gone(lease.task)
        }
      }
      inRows.note(commit)
      const [row] = commit.rows
      if (row && row.replica === project.arbiter().replica && row.at > startedAt) heard = row.replica
      for (const change of commit.changes) {
        if (change.kind !== taskKind.name || !change.after || 'key' in change.after) continue
        const lease = leases.of(change.id)
        if (!lease) continue
        const { values, deletedAt } = change.after
        const isOver = deletedAt !== undefined || statusesOf(project.kinds).closed.includes(String(values.status))
        const before = change.before && !('key' in change.before) ? change.before.values.assignee : undefined
        if (isOver || isReassigned(before, values.assignee, lease, commit)) {
          leases.drop(change.id)
          gone(lease.task)
          const { replica } = project.arbiter()
          const question: AskArbiter = { do: 'end', task: lease.task, fence: lease.fence }
          if (replica !== project.replica) ask(replica, question).catch(() => undefined)
        }
      }
    },
    problems() {
      if (!isOrphan()) return []
      const { replica } = project.arbiter()
      return [
        {
          kind: 'daemon',
          key: 'arbiter',
          where: 'claims',
          what: `Claims stay provisional: ${replica}, which grants them, is what this database was before it was moved or copied, and was not heard of since`,
          fix: 'Where that one is gone for good, `orch arbiter set` lets this replica grant claims. Where it still runs, link the two: see `orch peer --help`.',
        },
      ]
    },
    onChange(listen) {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
  }

  async function grantFor(from: string, question: AskArbiter & { readonly do: 'grant' }): Promise<GrantAnswer> {
    const { tasks, actor, person, session } = question
    const holder = { actor, session }
    const origin = originOf({
      actor: { name: actor, type: person ? 'person' : 'agent', verified: false },
      session: session || undefined,
    })
    try {
      const lease = await leases.grant(origin, {
        ...holder,
        replica: from,
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
      time(lease)
      told(lease.task)
      return { task: lease.task, fence: lease.fence }
    } catch (error) {
      log.debug('a claim of another replica was refused', { from, reason: reasonOf(error) })
      return { error: toOrchError(error).toBody() }
    }
  }
}

/**
 * Whether a person here gave the task to somebody else, which ends a claim. What comes from other replicas may be a claim
 * that was made apart: the arbiter decides about those.
 */
function isReassigned(before: unknown, after: unknown, { actor }: Lease, { origin }: Commit): boolean {
  if (!('actor' in origin) || origin.actor.type !== 'person') return false
  return before !== after && after !== actor
}

/** Numbers below 0 are of a replica: that of the log's entry. */
function isNumberOf(lease: Lease, said: object): boolean {
  const { fence, replica } = said as { readonly fence?: unknown; readonly replica?: unknown }
  if (typeof fence !== 'number') return false
  return fence < 0
    ? replica === lease.replica && (lease.fence === fence || lease.formerFence === fence)
    : lease.fence === fence
}

const keyOf = ({ actor, session }: Holder): string => (session === '' ? `@${actor}` : session)
