import type { Actor } from '../model/actor.ts'
import type { RecordId } from '../model/id.ts'
import type { AgentMarks } from '../store/agent-marks.ts'
import type { Holder, Lease } from '../store/leases.ts'

interface Claimant {
  readonly actor: Actor
  readonly session: string | undefined
}

/** Claims of tasks, as operations and surfaces use them. */
export interface ClaimsPart {
  /** Takes a task, or the best ready one that fits. Throws `already_claimed`, `not_ready`, `nothing_ready`. */
  claim(
    ask: Claimant & {
      readonly id?: RecordId | undefined
      readonly labels?: readonly string[] | undefined
      readonly capabilities?: readonly string[] | undefined
    },
  ): Promise<Lease>
  /** Throws `not_claimed`, `fenced`. */
  release(
    ask: Claimant & { readonly id: RecordId; readonly fence?: number | undefined; readonly reason: string },
  ): Promise<Lease>
  handOver(
    ask: Claimant & {
      readonly id: RecordId
      readonly fence?: number | undefined
      readonly to: string
      readonly note: string
    },
  ): Promise<Lease>
  releaseAll(ask: Claimant, reason: string): Promise<void>
  all(): readonly Lease[]
  of(task: string): Lease | undefined
  holderOf(claimant: Claimant): Holder
  /** For the inside of a transaction. Throws `fenced`. */
  checkFence(task: string, fence: number): void
  /**
   * A surface with a connection that stays (MCP over stdio, a stream over HTTP) says so here: the caller's claims then hold
   * until the returned function is called, and the grace time after it.
   */
  attach(claimant: Claimant): () => void
  arbiter(): { readonly replica: string; readonly epoch: number; readonly isHere: boolean }
  setArbiter(ask: Claimant, replica: string): Promise<void>
  onChange(listen: (task: RecordId) => void): () => void
}

/** What agents need besides the state itself. */
export interface AgentParts {
  readonly claims: ClaimsPart
  readonly marks: AgentMarks
  /** Makes the key with which a session that was just started is continued. */
  readonly issueKey: (session: string, actor: Actor) => string
  /** How many tokens a text costs a language model; loaded when first asked for. */
  readonly countTokens: () => Promise<(text: string) => number>
}
