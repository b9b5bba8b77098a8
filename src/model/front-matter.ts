import type { RecordKind, Values } from './kind.ts'
import type { RecordView } from './record.ts'
import type { TextEdit } from './text-edit.ts'

/** A value that breaks its field's rules; `line` and `column` count from 1 in the text that was parsed. */
export interface InvalidValue {
  readonly key: string
  readonly reason: string
  readonly line: number
  readonly column: number
}

export interface FrontMatter {
  readonly ok: true
  /** The `id:` that stands there, whatever it is. */
  readonly id: string | undefined
  /** Every key, in the order of the text. */
  readonly keys: readonly string[]
  /** Fields of the kind that stand there and are valid. */
  readonly values: Values
  /** Other keys: key -> YAML source of the value, byte for byte. */
  readonly extra: Readonly<Record<string, string>>
  readonly skeleton: string
  readonly invalid: readonly InvalidValue[]
}

export interface Unreadable {
  readonly ok: false
  readonly reason: string
  readonly line: number
  readonly column: number
}

/** The skeleton of a new record: id, the fields that are always shown, then the extra keys. */
export function canonicalSkeleton(_kind: RecordKind, _extraKeys: readonly string[]): string {
  throw new Error('bug: not written yet')
}

/** The front matter of a record, without its fences: the skeleton with the values filled in. Never throws on bad data. */
export function renderFrontMatter(_kind: RecordKind, _record: RecordView): string {
  throw new Error('bug: not written yet')
}

/** Reads front matter without its fences. */
export function parseFrontMatter(_kind: RecordKind, _text: string): FrontMatter | Unreadable {
  throw new Error('bug: not written yet')
}

/** The edits of `record.front` that bring in what a person changed of the skeleton from `base` to `disk`. Empty when nothing did. */
export function mergeFront(
  _kind: RecordKind,
  _record: RecordView,
  _skeletons: { readonly base: string; readonly disk: string },
): readonly TextEdit[] {
  throw new Error('bug: not written yet')
}
