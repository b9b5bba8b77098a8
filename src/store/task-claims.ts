import type { Actor } from '../model/actor.ts'
import type { RecordId } from '../model/id.ts'
import type { Holder, Lease } from './leases.ts'

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

/** Names the claim that is to end; whoever can say its number has it. */
export interface EndAsk extends Claimant {
  readonly id: RecordId
  readonly fence?: number | undefined
}

/** Claims of tasks, as operations and surfaces use them. */
export interface TaskClaims {
  /** Takes a task, or the best ready one that fits. Throws `already_claimed`, `not_ready`, `nothing_ready`. */
  claim(ask: ClaimAsk): Promise<Lease>
  /** Ends a claim of one's own, or, for a person, anybody's. Throws `not_claimed`, `fenced`. */
  release(ask: EndAsk & { readonly reason: string }): Promise<Lease>
  /** Gives a claim to another actor, who is told. Throws `not_claimed`, `fenced`. */
  handOver(ask: EndAsk & { readonly to: string; readonly note: string }): Promise<Lease>
  /** Ends all claims of a session. */
  releaseAll(ask: Claimant, reason: string): Promise<void>
  all(): readonly Lease[]
  of(task: string): Lease | undefined
  holderOf(claimant: Claimant): Holder
  /** Throws `fenced` unless this is the number of the claim that holds. For the inside of a transaction. */
  checkFence(task: string, fence: number): void
  /**
   * A surface with a connection that stays (MCP over stdio, a stream over HTTP) says so here: the caller's claims then hold
   * until the returned function is called, and the grace time after it.
   */
  attach(claimant: Claimant): () => void
  arbiter(): { readonly replica: string; readonly epoch: number; readonly isHere: boolean; readonly isShared?: boolean }
  setArbiter(ask: Claimant, replica: string): Promise<void>
  onChange(listen: (task: RecordId) => void): () => void
}
