import type { Field } from '../field.ts'
import type { RecordKind, Value, Values } from '../kind.ts'
import { parseValue } from '../validate.ts'

/** A task or page as it would be created; ids in it are still the old ones. */
export interface ImportedRecord {
  readonly kind: 'task' | 'page'
  /** The old id. */
  readonly alias: string | undefined
  readonly values: Values
  /** YAML sources of what has no field. */
  readonly extra: Readonly<Record<string, string>>
  /** What people said about a task, the oldest first. */
  readonly comments: readonly ImportedComment[]
  /** A page's file, below the kind's folder. */
  readonly file: string | undefined
  readonly createdAt: string | undefined
  readonly createdBy: string | undefined
  readonly dependencies: readonly string[]
  readonly parent: string | undefined
  /** Whether it is deleted there, and so becomes a deleted record. */
  readonly isDeleted: boolean
  /** What a person should know about how it was read. */
  readonly notes: readonly string[]
  /** What was said there and has no place here: `labels.color`. */
  readonly notKept?: readonly string[]
}

/** A comment with its time in milliseconds since 1970 and its author, where they are known. */
export interface ImportedComment {
  readonly text: string
  readonly at?: number
  readonly by?: string
}

/** A record that is being filled from what another tool wrote. */
export interface Filler {
  readonly values: Record<string, Value>
  /** Keys there of which nothing is left to keep. */
  readonly home: Set<string>
  readonly notes: string[]
  /** Puts the value of a key there into a field here; one that does not fit is noted and stays without a home. Undefined is empty. */
  take(key: string, name: string, input: unknown): void
}

/** Starts a record; `extraKey` says how a key is called here that has a field's name but does not fit it. */
export function createFiller(kind: RecordKind, extraKey: (key: string) => string): Filler {
  const filler: Filler = {
    values: {},
    home: new Set(),
    notes: [],
    take(key, name, input) {
      const parsed = input === undefined ? undefined : parseValue(fieldOf(kind, name), input)
      if (parsed?.ok === false) return void filler.notes.push(`${key}: ${parsed.reason}; kept as ${extraKey(key)}`)
      if (parsed) filler.values[name] = parsed.value
      filler.home.add(key)
    },
  }
  return filler
}

/** A field that the kind is known to have. */
export function fieldOf(kind: RecordKind, name: string): Field {
  return kind.fields[name] as Field
}

/** Whether a status is one that closes. */
export function isClosed(kind: RecordKind, status: string): boolean {
  return kind.stamps.closedAt?.values.includes(status) === true
}
