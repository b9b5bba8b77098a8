import type { RecordId } from '../model/id.ts'
import type { Lease } from '../store/leases.ts'

/** A hold on one of some tasks, that a replica asks for. */
export interface GrantAsk {
  /** In order of preference. The asker has found them free in what it knows; an arbiter that has the records looks again. */
  readonly tasks: readonly RecordId[]
  readonly actor: string
  /** '' for none: then all calls of the actor are one holder. */
  readonly session: string
  /** A person's hold never ends by itself. */
  readonly person: boolean
  /** Where the holder works: the replica that vouches for it, and writes into the record that it holds. */
  readonly replica: string
}

export interface Granted {
  readonly task: RecordId
  readonly fence: number
}

export type RenewAnswer =
  | { readonly state: 'held'; readonly fence: number }
  | { readonly state: 'lost'; readonly holder?: string; readonly reason: string }
  /** The same holder goes on with it at another replica. */
  | { readonly state: 'moved' }

/**
 * PORT: the one that decides who holds a task. Adapters: this replica's own database, and another replica over its link;
 * a server that several nodes share is a `SharedArbiter`.
 *
 * - Each call is one step that nothing comes between, however many replicas ask at once.
 * - A task has one holder (actor and session) at most. Who holds it already is given the same hold again.
 * - A fence is a safe integer above 0, and greater than every one given before in the project, also after the arbiter lost
 *   its memory or another took its place: that is what refuses late writes of holders who are gone.
 * - A hold of an agent ends when nobody has renewed it for `idleMs`, by the arbiter's clock; a later `until` of a renewed
 *   lease counts, null is for ever.
 * - Rejects with `arbiter_unreachable` where it did not answer, whatever became of the question: the asker then claims
 *   provisionally, and settles that by `renew`. Every other rejection is a refusal, for whoever claims to read.
 */
export interface Arbiter {
  /** Gives the first of the tasks that nobody else holds. Rejects with `already_claimed`, `not_ready`, `nothing_ready`. */
  grant(ask: GrantAsk): Promise<Granted>
  /**
   * Says that a holder lives, and asks how its hold stands. One that the arbiter does not know is granted now, if nobody
   * else has the task: so a provisional one is confirmed. The asker takes the fence of the answer for its own.
   */
  renew(lease: Lease): Promise<RenewAnswer>
  /**
   * Ends the hold with this fence; nothing when it has ended, or the task is another's by now. What nodes share looks at the
   * replica, too: a hold that goes on elsewhere is not ended by where it was before.
   */
  end(hold: Granted & Pick<Partial<Lease>, 'replica'>): Promise<void>
}

/** An arbiter that belongs to no replica: each node that is connected to it asks it, in place of the project's arbiter. */
export interface SharedArbiter extends Arbiter {
  /**
   * Holds whose time is over, for the asker to say so in their records and then `end` them. Each is given to one asker at
   * a time, and to another when it was not ended a while later.
   */
  lapsed(): Promise<readonly Lease[]>
}
