import type { Arbiter } from '../doc/layout.ts'
import type { Origin, RowOrigin, WriteOrigin } from '../doc/origin.ts'
import type { Filter } from '../model/filter.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind, Values } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { LogEntry } from '../model/log.ts'
import type { Json, RecordMeta, RecordView } from '../model/record.ts'
import type { Relation } from '../model/relation.ts'
import type { Changed, ChangedPage, ChangedQuery } from './change-feed.ts'
import type { Conflicts } from './conflicts.ts'
import type { LogPage, LogPlace, LogQuery } from './log-index.ts'
import type { Past } from './past.ts'
import type { FoundGraph, GraphQuery, Progress } from './record-graph.ts'
import type { Row, Vector } from './row.ts'
import type { SearchQuery, SearchResult } from './search.ts'
import type { TransactOptions, Tx } from './tx.ts'
import type { BlockedQuery, ReadyQuery, Todo } from './work-graph.ts'

/** A record with what the rows say around it. */
export type StoredRecord = RecordView & RecordMeta

/** One record, or one key of the state, changed by one row. */
export interface Change {
  /** The kind's name; for a keyed kind, too. */
  readonly kind: string
  /** A record's id, or the key. */
  readonly id: string
  /** As it was before and is after; absent before its creation. A deleted record is still there, with `deletedAt`. */
  readonly before: StoredRecord | KeyedValue | undefined
  readonly after: StoredRecord | KeyedValue | undefined
  readonly row: RowHead
}

/** A key of a keyed kind; `value` undefined when it was removed. */
export interface KeyedValue {
  readonly key: string
  readonly value: Json | undefined
  readonly updatedAt: number
  readonly updatedBy: string
}

export type RowHead = Omit<Row, 'update'>

/** What one durable commit did: a transaction has one row for each document it writes to. Listeners hear it after it is on disk. */
export interface Commit {
  readonly rows: readonly Row[]
  readonly changes: readonly Change[]
  /** Entries that were added to the work log. */
  readonly entries: readonly LogEntry[]
  readonly origin: Origin
}

export interface Query {
  /** Field name -> the values it may have; null stands for empty. For a set: one of its members. */
  readonly where?: Readonly<Record<string, readonly (string | null)[]>>
  /** Words that must all be in what the record says, or the beginning of its id: as in `search`. */
  readonly text?: string
  /** What else must be so. */
  readonly filter?: Filter
  /** Which records: those that are not deleted (default), only deleted ones, or all. */
  readonly deleted?: 'no' | 'only' | 'all'
  /** A register or `updatedAt`, `createdAt`; `-` before it for descending. By default by priority or title, then id. */
  readonly sort?: string
  /** 0: only how many there are. */
  readonly limit: number
  /** Whether all are counted, also where that takes long: of words that very many hold. */
  readonly isExact?: boolean
  /** The `next` of the page before. */
  readonly after?: string
}

/** A value that records have, and how many have it; of a set, each member counts. */
export interface Group {
  readonly value: string | number | null
  readonly count: number
}

/** What is in the document, and not declared here. */
export interface Undeclared {
  /** The root type: the plural of a kind. */
  readonly root: string
  /** The stored name of a field; '' for whole records. */
  readonly field: string
  /** How many records. */
  readonly count: number
  /** What their ids begin with. */
  readonly letter: string
}

/** A record that holds what was searched for. */
export interface Found {
  readonly kind: string
  readonly id: RecordId
  readonly title: string
  /** The field. */
  readonly where: string
  readonly snippet: string
}

export interface Page {
  readonly items: readonly StoredRecord[]
  /** The place of each, to go on after. */
  readonly cursors: () => readonly string[]
  /** How many match in all; where `isAtLeast`, so many were counted, and there may be more. */
  readonly total: number
  readonly isAtLeast: boolean
  readonly next: string | undefined
}

/** A record with nothing but the fields that were asked for: what a view of many shows. */
export interface Brief {
  readonly id: RecordId
  readonly values: Values
}

/** What became of a client's update: it is in, or it is kept because something that it needs is missing or a part of it foreign. */
export type Taken = 'applied' | 'missing' | 'foreign'

/** An update, or what gives, when its turn has come, all that its client has sent until then: together they cost what one does. */
export type Sent = Uint8Array | (() => readonly Uint8Array[])

/** Who shows himself in the room under a clientID, at this moment. */
export type Presences = (client: number) => string | undefined

/** A document as its room shows it: durable, and guarded. */
export interface RoomDocument {
  /** Its name in rows. */
  readonly name: string
  applyUpdate(sent: Sent, origin: WriteOrigin & { readonly source: 'room' }, presences?: Presences): Promise<Taken>
  /** Whether an update holds anything that the durable document lacks. */
  adds(update: Uint8Array): boolean
  /** The durable document as a Yjs update: all of it, or what a state vector lacks. */
  encodeState(stateVector?: Uint8Array): Uint8Array
  encodeStateVector(): Uint8Array
  /** Forgets it: nobody is in its room any more. */
  close(): void
}

/**
 * The door to a project's state. Everything above this layer reads and writes through it; only the parts it is made of
 * know the document or the database.
 */
export interface Project {
  readonly id: string
  readonly name: string
  readonly replica: string
  /** What the project declares. Where a method takes a kind, its name counts: the project's own declaration is used. */
  readonly kinds: Kinds

  /** A record as it is now and durable, deleted ones included. */
  read(kind: RecordKind, id: RecordId): StoredRecord | undefined
  list(kind: RecordKind, query: Query): Page
  /** The same with some fields alone, which costs a tenth of it. Cursors are not given. */
  briefs(
    kind: RecordKind,
    query: Query,
    fields: readonly string[],
  ): { readonly items: readonly Brief[]; readonly total: number }
  /** Which values a field has among the records of a query, the most frequent first. Throws `invalid_input`. */
  groups(kind: RecordKind, query: Omit<Query, 'limit'>, field: string): readonly Group[]
  /** The living records that a relation leads to, by the record it begins at, in the order of lists: asked for at once. */
  related(
    kind: RecordKind,
    relation: Relation,
    ids: readonly RecordId[],
  ): ReadonlyMap<RecordId, readonly StoredRecord[]>
  /** Records of a kind around one, or all open ones, and the ids they hold of one another in a field. */
  graph(kind: RecordKind, query: GraphQuery): FoundGraph
  /** What is done of the parts of records, and of theirs: of each that has parts. */
  progress(kind: RecordKind, ids: readonly string[]): ReadonlyMap<string, Progress>
  /** The newest entry of the work log that names each of these as its task or session. */
  lastEntries(by: 'task' | 'session', ids: readonly string[]): ReadonlyMap<string, LogEntry>
  /** Living records and entries of the work log that hold all the words and phrases of a text, the best first. */
  search(query: SearchQuery): SearchResult
  /**
   * The record a person means: a full id, a unique beginning of one, an alias, or a file's path. Deleted records too.
   * Throws `record_not_found` or `ambiguous_id`.
   */
  resolve(text: string, kind?: RecordKind): { readonly kind: RecordKind; readonly id: RecordId }
  /** Ids of a kind, in the order of ids: all, or a page of them. Deleted ones only when asked for. */
  ids(
    kind: RecordKind,
    options?: { readonly deleted?: boolean; readonly after?: string; readonly limit?: number },
  ): readonly RecordId[]
  /** A key of a keyed kind, or all of them by key. */
  readKeys(kind: string): ReadonlyMap<string, KeyedValue>
  /** Tasks that can be begun now, the best first: by priority, due date, what waits behind them, age. */
  ready(query: ReadyQuery): { readonly items: readonly StoredRecord[]; readonly total: number }
  /** Reads what the questions about work are answered from, in slices; the first of them would do it in one turn. */
  readGraph(): Promise<void>
  /** Open tasks that cannot be begun, in the same order, and the open tasks each depends on. */
  blocked(query: BlockedQuery): {
    readonly items: readonly { readonly task: StoredRecord; readonly by: readonly RecordId[] }[]
    readonly total: number
  }
  /** Tasks that nobody has begun, in the same order: those that nothing stands in the way of, and what the others wait for. */
  todo(limit: number): Todo
  /** The open tasks a task depends on. */
  blockersOf(id: RecordId): readonly RecordId[]
  /** Tasks that depend on a task. */
  dependentsOf(id: RecordId): readonly RecordId[]
  /** What rows that `have` lacks changed, each exactly once, in this replica's order. */
  changedSince(have: Vector, query: ChangedQuery): ChangedPage
  /** What was done in a session: the newest so many, in their order. */
  changedIn(session: string, limit: number): readonly Changed[]
  /** The last change of a record. */
  lastChange(id: string): Changed | undefined
  /** The replica that grants claims: the one that was named last, or that of `init`. */
  arbiter(): Arbiter
  /** The path below the mirror directory where a record's file belongs: unique, even where two records ask for one name. */
  pathOf(kind: RecordKind, id: RecordId): string
  /** The record whose file belongs at a path below the mirror directory. */
  recordAt(path: string): { readonly kind: RecordKind; readonly id: RecordId } | undefined

  /**
   * Runs `write` in one transaction: one update and one row for each document that it writes to. Resolves when the row is durable. Rejects with what `write`
   * threw, or `storage_failed`; then nothing was changed and nobody saw anything.
   */
  transact<T>(origin: WriteOrigin, write: (tx: Tx) => T, options?: TransactOptions): Promise<T>
  /** Takes rows other replicas made; known ones are passed over. Resolves when durable, with how many were new. Rejects on rows whose `seen` is not here yet. */
  applyRows(rows: readonly Row[], origin: RowOrigin): Promise<number>
  /**
   * Takes updates of a stock client. Rejects on malformed, oversized and forbidden ones, and nothing of them is applied.
   * What cannot be applied yet is kept, durably, and applied when it can be.
   */
  applyUpdate(sent: Sent, origin: WriteOrigin & { readonly source: 'room' }, presences?: Presences): Promise<Taken>

  readLog(id: RecordId): LogEntry | undefined
  /** Entries of the work log, newest first. Throws `invalid_input` on a cursor that does not exist. */
  listLog(query: LogQuery): LogPage
  /** The days that have entries, oldest first: `2026-11-23`. */
  logDays(): readonly string[]
  /** How many entries there are of a day, a month (`2026-11`), or in all (''). */
  logCount(period: string): number
  /** Entries of a day in their order in its file, at most `limit`, after one. */
  logOfDay(day: string, limit: number, after?: LogPlace, seen?: Vector): readonly LogEntry[]
  /** Opens the document of a month (`log/2026-11`) for clients that speak Yjs. */
  openLog(doc: string): Promise<RoomDocument>

  /** Values that lost against others written at the same time. */
  readonly conflicts: Conflicts
  /** The project as it was. */
  readonly past: Past

  /** Highest row per replica here, all durable. */
  have(): Vector
  /** Rows that `have` lacks, oldest first in this replica's order (which respects causes), at most `limit`. */
  rowsSince(have: Vector, limit: number): readonly Row[]
  /** Whether an update holds anything that the durable document lacks. */
  adds(update: Uint8Array): boolean
  /** The durable document as a Yjs update: all of it, or what a state vector lacks. */
  encodeState(stateVector?: Uint8Array): Uint8Array
  encodeStateVector(): Uint8Array
  /** Which stock client's user writes under a clientID; undefined while nobody has. */
  writerOf(client: number): string | undefined

  /** Hears every commit once it is durable, in order. A listener must not throw and must not block. */
  onCommit(listen: (commit: Commit) => void): () => void
}
