import type { KeptRecord } from '../doc/kept.ts'
import type { Arbiter } from '../doc/layout.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind, Values } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Json, RecordView } from '../model/record.ts'
import type { TextEdit } from '../model/text-edit.ts'

/** What a writer may do inside a transaction. Each call checks first and throws an OrchError; then nothing of the transaction is applied. */
export interface Tx {
  /** What the project declares. */
  readonly kinds: Kinds
  /**
   * A record at this moment, other transactions that wait for the same commit included; of this transaction's own writes
   * only creations are seen. What an edit's offsets, a base hash or a cycle check are about.
   */
  read(kind: RecordKind, id: RecordId): RecordView | undefined
  /** A keyed kind's values at this moment. */
  readKeys(kind: string): ReadonlyMap<string, Json>
  /** Creates a record and returns its id. `file` is a path below the kind's folder; made from id and title when absent. */
  create(kind: RecordKind, values: Values, options?: CreateOptions): RecordId
  /** Writes fields. Registers are set; prose is replaced by its smallest difference; sets and counters take the value as the new total. */
  update(kind: RecordKind, id: RecordId, patch: RecordPatch): void
  /** Deletes softly, naming what this replica has seen. */
  delete(kind: RecordKind, id: RecordId): void
  /** Takes a deletion back; the same transaction may then edit the record. */
  restore(kind: RecordKind, id: RecordId): void
  /** Sets a key of a keyed kind; undefined removes it. */
  setKey(kind: string, key: string, value: Json | undefined): void
  /** Names the replica that grants claims from now on. */
  setArbiter(arbiter: Arbiter): void
  /** Makes what another project keeps undeclared: a record, or fields of one that is there or made in this transaction. */
  keep(record: KeptRecord): void
  /** Adds an entry to the work log and returns its id. In the writer's name, at this moment, unless the entry says otherwise. */
  appendLog(entry: NewLogEntry): RecordId
}

export interface NewLogEntry {
  /** The id it is known by, where an import knows it. */
  readonly id?: RecordId
  readonly action: string
  readonly session?: string
  readonly task?: string
  readonly details?: Json
  /** When and by whom, where an import knows it: ISO time and name. */
  readonly at?: string
  readonly actor?: string
}

/** A text to add to a field of entries; its time and author where they are not those of the transaction. */
export interface NewEntry {
  readonly text: string
  readonly at?: number
  readonly by?: string
}

export interface CreateOptions {
  /** Entries it begins with. */
  readonly append?: Readonly<Record<string, readonly NewEntry[]>>
  readonly id?: RecordId
  readonly file?: string
  readonly front?: string
  readonly extra?: Readonly<Record<string, string>>
  /** When and by whom, where an import knows it: ISO time and name; null when nobody knows by whom. */
  readonly createdAt?: string
  readonly createdBy?: string | null
}

export interface RecordPatch {
  /** Registers: the new value. */
  readonly set?: Values
  /** Sets: members to add and to remove. */
  readonly add?: Readonly<Record<string, readonly string[]>>
  readonly remove?: Readonly<Record<string, readonly string[]>>
  /** Counters: what to add. */
  readonly increment?: Readonly<Record<string, number>>
  /** Entries to add. */
  readonly append?: Readonly<Record<string, readonly NewEntry[]>>
  /** Prose: edits of the text as it is now. */
  readonly edit?: Readonly<Record<string, readonly TextEdit[]>>
  /** Edits of the front matter's skeleton as it is now. */
  readonly front?: readonly TextEdit[]
  /** Extra keys: YAML source, or null to remove. */
  readonly extra?: Readonly<Record<string, string | null>>
  readonly file?: string
}

export interface TransactOptions {
  /** Runs inside the same SQL transaction as the row, also when `write` changes nothing: what must be durable together. */
  readonly also?: () => void
}
