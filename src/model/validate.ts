import type { Field } from './field.ts'
import type { RecordKind, Value, Values } from './kind.ts'

/** A key of a keyed kind. `__proto__` is none: it vanishes in objects. */
export const STATE_KEY = /^(?!__proto__$)[A-Za-z_][\w.-]{0,63}$/

export type Parsed = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string }

/** Reads a field's value from a flag, JSON or YAML into its canonical form. Empty becomes the field's empty value. */
export function parseValue(_field: Field, _input: unknown): Parsed {
  throw new Error('bug: not written yet')
}

/** What is wrong with a record's values, one sentence each. */
export function issuesOf(_kind: RecordKind, _values: Values): readonly string[] {
  throw new Error('bug: not written yet')
}

/** Why a value cannot be kept under a key of a keyed kind; undefined when it can. */
export function checkJson(_value: unknown): string | undefined {
  throw new Error('bug: not written yet')
}
