import type { Actor } from '../model/actor.ts'

/** What caused a transaction. Every transaction carries one; each becomes part of its row. */
export type Origin =
  /** The journal, while loading. Never written back. */
  | { readonly source: 'load' }
  /** A caller of an operation. */
  | { readonly source: 'api'; readonly actor: Actor; readonly session?: string }
  /** A person's save in the mirror. */
  | { readonly source: 'file'; readonly actor: Actor; readonly path: string }
  /** An import from another tool. */
  | { readonly source: 'import'; readonly actor: Actor }
  /** A stock y-websocket client. */
  | { readonly source: 'room'; readonly actor: Actor }
  /** Rows of other replicas, over a link or a room. */
  | { readonly source: 'peer'; readonly peer: string }
  /** Rows found in git. */
  | { readonly source: 'git'; readonly commit: string }

/** The origins that make a new row of this replica. */
export type WriteOrigin = Extract<Origin, { readonly actor: Actor }>
/** The origins that bring rows which other replicas made. */
export type RowOrigin = Extract<Origin, { readonly source: 'peer' | 'git' }>
