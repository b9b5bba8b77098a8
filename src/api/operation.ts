import type { z } from 'zod'
import type { Clock } from '../base/clock.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Actor } from '../model/actor.ts'
import type { AttentionItem } from '../model/attention.ts'
import type { OperationRole } from '../model/principal.ts'
import type { Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import type { SqlAnswer, SqlQuery } from '../store/sql.ts'
import type { Tokens } from './access/tokens.ts'
import type { AgentParts } from './agent-parts.ts'

/** What an operation is given. Everything it can reach is here. */
export interface OperationContext {
  readonly project: Project
  readonly actor: Actor
  readonly session: string | undefined
  readonly clock: Clock
  readonly parts: Parts
  /** Reports how far long work has got; shown by a terminal. */
  readonly progress: (done: number, total: number, what: string) => void
  /** Aborted when the caller has gone or the daemon stops: what waits then ends. */
  readonly signal: AbortSignal
}

/** The services that some operations ask, as the composition root connects them. */
export interface Parts {
  readonly snapshots: {
    /** Commits what is not in git yet; undefined when nothing is. */
    take(message?: string): Promise<SnapshotInfo | undefined>
    history(query: { readonly id?: string; readonly limit: number }): Promise<readonly SnapshotInfo[]>
    /** The moment of a commit: of the history branch with the rows it holds, of any other with its time alone. Undefined when there is no such revision. */
    moment(revision: string): Promise<CommitMoment | undefined>
  }
  readonly code: {
    /** Commits and branches of the code that name a record; undefined while git is still looking. */
    mentions(id: string): Promise<CodeMentions | undefined>
  }
  readonly mirror: {
    /** Resolves when all that was saved before is merged, and all that is merged is written out. */
    sync(): Promise<void>
    list(): readonly MirrorInfo[]
    /** Makes a folder of files in a linked worktree. Throws `usage` or `already_exists`. */
    add(worktree: string): Promise<MirrorInfo>
    remove(worktree: string): Promise<{ readonly removed: number; readonly kept: readonly string[] }>
  }
  readonly attention: {
    list(): readonly AttentionItem[]
    /** Settles an item; resolves to what was done. Throws `attention_not_found`, or `invalid_input` for a way it has not. */
    settle(id: string, way: string, origin: WriteOrigin): Promise<string>
  }
  readonly agents: AgentParts
  readonly peers: {
    add(peer: {
      readonly name: string
      readonly url: string
      readonly token: string
      readonly pin?: string | undefined
    }): Promise<void>
    remove(name: string): Promise<void>
    list(): readonly PeerInfo[]
  }
  readonly remote: {
    /** Syncs with another git remote, or with none. */
    set(name: string | undefined): Promise<void>
    /** Syncs now. Throws `remote_not_set`, `remote_failed`. */
    sync(): Promise<RemoteSync>
    state(): RemoteState | undefined
  }
  /** Runs a SELECT on the index. Throws `sql_failed`. */
  readonly sql: (query: SqlQuery) => Promise<SqlAnswer>
  readonly audit: AuditPart
  readonly tokens: Pick<Tokens, 'create' | 'list' | 'revoke' | 'rotate' | 'show'>
  readonly daemon: {
    status(): Promise<Status>
    doctor(): Promise<readonly Finding[]>
  }
}

export interface CodeMentions {
  readonly commits: readonly {
    readonly commit: string
    readonly at: string
    readonly author: string
    readonly subject: string
    readonly branch: string
  }[]
  readonly branches: readonly string[]
}

/** Something that was done or refused, as the audit log has it. */
export interface AuditEntry {
  readonly at: string
  readonly operation: string
  readonly about?: string
  readonly outcome: string
  readonly actor?: string
  readonly verified?: boolean
  readonly role?: string
  readonly by?: string
  readonly token?: string
  readonly session?: string
  readonly from: string
}

export interface AuditPart {
  /** Newest first. */
  read(query: {
    readonly limit: number
    readonly actor?: string | undefined
    readonly operation?: string | undefined
  }): readonly AuditEntry[]
}

export interface CommitMoment {
  readonly commit: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly have?: Vector
}

export interface SnapshotInfo {
  readonly commit: string
  readonly at: string
  readonly author: string
  readonly subject: string
  readonly body: string
}

/** A folder of files. */
export interface MirrorInfo {
  readonly dir: string
  readonly worktree: string
  readonly main: boolean
}

export interface PeerInfo {
  readonly name: string
  readonly url: string
  readonly state: 'connecting' | 'linked' | 'waiting' | 'refused'
  readonly since: string
  readonly error?: string
  /** Of what carries rows between nodes. */
  readonly lag?: {
    /** Rows that others hold and this one does not; rows of this one that were not passed on. */
    readonly behind: number
    readonly unsent: number
    /** From a row's way out until it was read back, the last time. */
    readonly roundTripMs?: number | undefined
  }
}

/** The git remote that the history branch is synced with. */
export interface RemoteState {
  readonly name: string
  readonly state: 'waiting' | 'synced' | 'failed'
  readonly since: string
  readonly error?: string
}

/** What a sync with the git remote did. */
export interface RemoteSync {
  readonly remote: string
  readonly commit: string
  readonly received: boolean
  readonly sent: boolean
}

export interface Status {
  readonly pid: number
  readonly version: string
  readonly project: { readonly id: string; readonly name: string }
  readonly replica: string
  readonly url: string
  readonly websocket: string
  readonly mirror: string
  /** The folders of files in linked worktrees. */
  readonly linkedMirrors: readonly string[]
  /** How files are read and replaced there: what the disk can do. */
  readonly fileAccess: string
  /** By which keys database and git are encrypted at rest; `none` where nothing is. */
  readonly encryption: string
  readonly branch: string
  readonly remote: RemoteState | null
  readonly startedAt: string
  readonly memoryMb: number
  readonly counts: Readonly<Record<string, number>>
  readonly sizes: Readonly<Record<string, number>>
  readonly rows: number
  readonly clients: number
  readonly eventLoopDelayMs: number
  readonly peers: readonly PeerInfo[]
  /** Who is in the room now: actors of y-websocket clients, and replicas that dialled in. */
  readonly here: { readonly actors: readonly string[]; readonly replicas: readonly string[] }
  readonly problems: readonly AttentionItem[]
}

export interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

/** How a terminal shows a result. The thin client knows only these. */
export type View =
  /** Rows of `result[rows]`, with these columns, and a footer when there is a `next` page or something is `hidden`. */
  | {
      readonly type: 'table'
      readonly rows: string
      readonly columns: readonly Column[]
      readonly empty: string
      /** `total` counts the rows, and there are no more pages: what is missing comes with `--limit`. */
      readonly isOnePage?: boolean
    }
  /** One record: title line, fields, body. `bytes` names fields that hold sizes. */
  | { readonly type: 'record'; readonly at?: string; readonly bytes?: readonly string[] }
  /** A sentence with `{paths}` of the result filled in. */
  | { readonly type: 'message'; readonly text: string }
  /** Records that differ: `result[rows]`, each with its fields and its texts by words. */
  | { readonly type: 'changes'; readonly rows: string; readonly empty: string }
  /** Who wrote what: `result.fields` and `result.texts`, each with actor, time and session. */
  | { readonly type: 'blame' }
  /** `result[field]` as it is. */
  | { readonly type: 'text'; readonly field: string }
  /** Any JSON, indented. */
  | { readonly type: 'json'; readonly field?: string }

export interface Column {
  readonly key: string
  readonly head: string
  readonly style?: 'id' | 'commit' | 'status' | 'priority' | 'dim' | 'time'
}

/** Something a caller can ask. CLI commands, docs and, later, MCP tools, GraphQL fields and HTTP routes are views of the table of these. */
export interface Operation<I = unknown, O = unknown> {
  /** `task.create` */
  readonly name: string
  readonly effect: 'read' | 'write'
  readonly role: OperationRole
  readonly help: string
  /** A z.object; every property carries `.describe()`. In kebab case its properties are the CLI's flags; arrays may be repeated. */
  readonly input: z.ZodType<I>
  readonly output: z.ZodType<O>
  readonly cli: {
    /** No command, and in no help: another command calls it for a person. */
    readonly hidden?: boolean
    /** `task create` */
    readonly command: string
    /** Properties of the input that are taken by position, in order; an array takes the rest. */
    readonly positionals: readonly string[]
    /** Flag names that differ from the property's, property -> flag. */
    readonly flags?: Readonly<Record<string, string>>
    /** A text property that is read from standard input when it is not given and standard input is not a terminal, or when it is `-`. */
    readonly stdin?: string
    /** Properties that are paths on the caller's machine: made absolute against the caller's directory before they are sent. */
    readonly paths?: readonly string[]
    readonly view: View
    readonly examples: readonly string[]
  }
  run(context: OperationContext, input: I): O | Promise<O>
}
