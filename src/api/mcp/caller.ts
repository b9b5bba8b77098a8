import type { Activity } from '../protocol.ts'

/**
 * One agent's way to the operations: the local socket, or the door inside the daemon. It acts as one actor in one session,
 * and outlives the daemon it began with.
 */
export interface McpCaller {
  /** Runs an operation in the agent's session, which the first call starts. Rejects with an OrchError only. */
  call(operation: string, input: unknown, options?: McpCallOptions): Promise<unknown>
  /** The same outside of it: for what a client asks by itself. */
  read(operation: string, input: unknown, options?: McpCallOptions): Promise<unknown>
  /** Hears what happens until it is called off. */
  follow(followers: McpFollowers): () => void
  /** What the client says it is called; the first to say so counts. */
  introduce(client: string | undefined): void
  readonly session: AgentSession
}

export interface McpCallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface McpFollowers {
  readonly onChange: (change: Activity) => void
  /** From now on every change is heard. */
  readonly onListening: () => void
  /** The same after a time in which changes may have been missed. */
  readonly onGap: () => void
}

/** What an agent is known by while it is connected. */
export interface AgentSession {
  /** The session's id, once there is one. */
  id(): string | undefined
  /** The numbers of its claims by task: given with what it writes to them, so that a claim that has ended writes nothing. */
  readonly fences: Map<string, number>
}
