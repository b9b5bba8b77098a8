import { shortHash } from '../base/hash.ts'
import type { RecordId } from './id.ts'
import type { Values } from './kind.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * A record as it is read: every field of its kind, and what orch knows around them. Never throws on bad data: a value
 * that breaks the kind's rules is there as it is, and named in `issues`.
 */
export interface RecordView {
  readonly id: RecordId
  /** The kind's name. */
  readonly kind: string
  readonly values: Values
  /** Front matter keys that are not fields of the kind: key -> YAML source of the value, byte for byte as a person wrote it. */
  readonly extra: Readonly<Record<string, string>>
  /** The front matter's skeleton (see docs/formats.md): comments, order and style. */
  readonly front: string
  /** The file's path below the kind's folder, as the record asks for it: `t-7f3k9q2m-fix-login.md`. */
  readonly file: string
  readonly issues: readonly string[]
}

/** What the rows say around a record. Times are milliseconds since 1970. */
export interface RecordMeta {
  readonly updatedAt: number
  readonly updatedBy: string
  /** Where its file is, below the mirror directory, when it is read from the index; a deleted record has none. */
  readonly path?: string
  /** Set while the record counts as deleted. */
  readonly deletedAt?: number
  readonly deletedBy?: string
}

/** Names what a record says, whoever said it and when: 12 hex digits that change with any of its fields or extra keys. */
export function recordHash({ values, extra }: Pick<RecordView, 'values' | 'extra'>): string {
  return shortHash(JSON.stringify([sortedEntries(values), sortedEntries(extra)]))
}

function sortedEntries<T>(object: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))
}
