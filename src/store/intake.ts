import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { covers } from '../doc/covers.ts'
import { GUARD_LIMITS, type Owner, type Refusal } from '../doc/guard.ts'
import { mergeUpdates } from '../doc/merge-updates.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Applied, ProjectDoc } from '../doc/project-doc.ts'
import type { Clients } from './clients.ts'
import { MAIN_DOC } from './journal.ts'
import type { BeginRows } from './own-rows.ts'
import { PARKED_LIMITS, type ParkedSummary, type ParkedUpdate, type ParkedUpdates } from './parked.ts'
import type { Change, Commit, Presences, Taken } from './project.ts'
import type { Row } from './row.ts'

/** What a job of the pipeline came to. */
export interface Outcome {
  readonly value?: unknown
  /** The job's own refusal: nothing of it was applied, the others go on. */
  readonly refusal?: unknown
  readonly commits: readonly Commit[]
}

export interface IntakeParts {
  readonly doc: () => ProjectDoc
  readonly parked: ParkedUpdates
  readonly clients: Pick<Clients, 'has'>
  readonly replica: () => string
  readonly noteParked: (actor: string) => void
  readonly beginRows: BeginRows
  /** Appends the row of what was applied and brings the index up to it. */
  readonly record: (row: Row, applied: Applied) => readonly Change[]
  readonly clock: Clock
  readonly log: Logger
}

/** Lets updates of clients in as far as the guard allows, and keeps what has to wait. All of it inside the transaction of a job. */
export interface Intake {
  /** What one client has sent since its last turn, in that order. */
  take(updates: readonly Uint8Array[], origin: WriteOrigin, presences?: Presences): Outcome
  /** Whether something that waits should be looked at. */
  isDue(): boolean
  takeDue(): Outcome
  /** Applies what waits of the changes that an actor brought, whosever they are. */
  accept(actor: string): Outcome
  discard(actor: string): Outcome
}

/** In one turn; what is left is the next one's. */
const ROUNDS = 20
const NEVER = { client: 0, clock: Number.MAX_SAFE_INTEGER } as const

export function createIntake(parts: IntakeParts): Intake {
  const { doc, parked, clients, beginRows, record, clock, log } = parts
  /** What waited, and could not be applied when its time came: the next turn sets it aside. */
  const spoilt = new Set<number>()
  /** Whose a clientID is, seen by a client: `here` says who shows himself under which. */
  const ownerFor =
    (actor: string, here: Presences = () => undefined) =>
    (client: number): Owner => {
      const replica = doc().replicaOf(client)
      if (replica === parts.replica() || clients.has(client)) return 'ours'
      if (replica !== undefined) return 'other'
      const writer = parked.writerOf(client) ?? here(client)
      return writer === undefined ? 'free' : writer === actor ? 'sender' : 'other'
    }

  /** Takes in what a client sent as far as the guard lets it, keeps what waits for something, or says why not. */
  const takeUpdate = (
    update: Uint8Array,
    origin: WriteOrigin,
    owner: (client: number) => Owner,
    waiting?: ParkedUpdate,
  ): Outcome => {
    const verdict = doc().guard(update, owner)
    if (verdict.type !== 'ok' && verdict.type !== 'park') return { refusal: refusalOf(verdict, update), commits: [] }
    if (verdict.type === 'ok') {
      return { value: 'applied' satisfies Taken, commits: applyOf(update, verdict.clients, origin) }
    }
    if (waiting) parked.wait(waiting.id, verdict)
    else {
      const kept = parked.keep(origin.actor, verdict, update, covers, clock.now())
      if (kept === undefined) return { refusal: tooMuchWaits(parked.summary(origin.actor.name), update), commits: [] }
      if (kept === 'new') log.warn('changes of a client wait', { actor: origin.actor.name, reason: verdict.reason })
    }
    parts.noteParked(origin.actor.name)
    const { rest } = verdict
    return { value: verdict.reason satisfies Taken, commits: rest ? applyOf(rest.update, rest.clients, origin) : [] }
  }

  /** What passes the guard and cannot be applied all the same is cut off: its sender would bring it again and again. */
  const applyOrRefuse = (update: Uint8Array): Applied => {
    try {
      return doc().apply(update)
    } catch (error) {
      throw new OrchError('update_malformed', {}, error)
    }
  }

  const applyOf = (update: Uint8Array, fresh: readonly number[], origin: WriteOrigin): readonly Commit[] => {
    for (const client of fresh) parked.bind(client, origin.actor.name, false)
    const applied = applyOrRefuse(update)
    if (!applied.update) return []
    // The client's own bytes, not Yjs's echo of them: what it deleted again it must be able to find.
    const row = beginRows(origin).make(MAIN_DOC, update, applied.edited)
    return [{ rows: [row], changes: record(row, applied), entries: [], origin }]
  }

  /**
   * Together they cost what one does. Where that is not let in, they are taken one after the other: one that is refused
   * or waits takes nothing from the others.
   */
  const takeAll = (updates: readonly Uint8Array[], origin: WriteOrigin, owner: (client: number) => Owner): Outcome => {
    if (updates.length > 1) {
      const merged = merge(updates)
      const verdict = merged && doc().guard(merged, owner)
      if (merged && verdict?.type === 'ok') {
        return { value: 'applied' satisfies Taken, commits: applyOf(merged, verdict.clients, origin) }
      }
    }
    return inTurn(updates, (update) => takeUpdate(update, origin, owner))
  }

  const settleParked = (waiting: readonly ParkedUpdate[], take: (one: ParkedUpdate) => Outcome): Outcome => {
    const commits: Commit[] = []
    let settled = 0
    for (const one of waiting) {
      const isHere = !doc().adds(one.update)
      const outcome: Outcome = isHere ? { value: 'applied', commits: [] } : take(one)
      commits.push(...outcome.commits)
      if (outcome.value === 'applied') {
        parked.remove(one.id)
        settled++
      }
      // It is not told why, since nobody asked; the list says that it waits.
      else if ('refusal' in outcome) parked.wait(one.id, { reason: 'foreign', waitsFor: NEVER })
      parts.noteParked(one.actor.name)
    }
    return { value: settled, commits }
  }

  return {
    take: (updates, origin, presences) => takeAll(updates, origin, ownerFor(origin.actor.name, presences)),
    isDue: () => parked.due(doc().clock).length > 0,
    takeDue() {
      const commits: Commit[] = []
      for (const id of spoilt) parked.wait(id, { reason: 'foreign', waitsFor: NEVER })
      spoilt.clear()
      // What was let in may be what another one waits for.
      for (let round = 0; round < ROUNDS; round++) {
        const outcome = settleParked(parked.due(doc().clock), (one) => {
          try {
            return takeUpdate(one.update, { source: 'room', actor: one.actor }, ownerFor(one.actor.name), one)
          } catch (error) {
            spoilt.add(one.id)
            throw error
          }
        })
        commits.push(...outcome.commits)
        if (outcome.commits.length === 0) break
      }
      return { value: commits.length, commits }
    },
    accept: (actor) =>
      settleParked(parked.of(actor), (one) => {
        const verdict = doc().guard(one.update)
        if (verdict.type !== 'ok') return { value: 'missing', commits: [] }
        const origin: WriteOrigin = { source: 'room', actor: one.actor }
        return { value: 'applied', commits: applyOf(one.update, verdict.clients, origin) }
      }),
    discard(actor) {
      const waiting = parked.of(actor)
      for (const { id } of waiting) parked.remove(id)
      parts.noteParked(actor)
      return { value: waiting.length, commits: [] }
    },
  }
}

/** Takes updates of one client one after the other; what is said is the first refusal, or what is still missing. */
export function inTurn(updates: readonly Uint8Array[], take: (update: Uint8Array) => Outcome): Outcome {
  const outcomes = updates.map(take)
  const commits = outcomes.flatMap((outcome) => outcome.commits)
  const refused = outcomes.find((outcome) => 'refusal' in outcome)
  if (refused) return { refusal: refused.refusal, commits }
  const takens: readonly Taken[] = ['missing', 'foreign', 'applied']
  return { value: takens.find((taken) => outcomes.some(({ value }) => value === taken)) ?? 'applied', commits }
}

function merge(updates: readonly Uint8Array[]): Uint8Array | undefined {
  try {
    return mergeUpdates(updates)
  } catch {
    return undefined
  }
}

function tooMuchWaits({ actor, count, bytes }: ParkedSummary, update: Uint8Array): OrchError {
  const what = `What waits of the changes that ${actor} brought (${count + 1} updates)`
  return new OrchError('too_large', { what, size: bytes + update.length, limit: PARKED_LIMITS.bytes })
}

/** What a verdict of the guard says to who sent it. */
export function refusalOf(verdict: Refusal, update: Uint8Array): OrchError {
  switch (verdict.type) {
    case 'gap':
      return new OrchError('update_gap')
    case 'malformed':
      return new OrchError('update_malformed')
    case 'too-large':
      return new OrchError('too_large', { what: 'The update', size: update.length, limit: GUARD_LIMITS.bytes })
    case 'forbidden':
      return new OrchError('forbidden', { reason: verdict.reason })
  }
}
