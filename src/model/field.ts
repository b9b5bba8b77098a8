/** How concurrent writes to a field combine. A closed set: every layer switches over it. */
export type Merge = 'register' | 'prose' | 'set' | 'counter' | 'entries'

/** What a value is, beside how it merges. */
export type FieldType =
  | { readonly type: 'text'; readonly maxLength: number }
  | { readonly type: 'number'; readonly min: number; readonly max: number }
  | { readonly type: 'time' }
  | {
      readonly type: 'choice'
      readonly choices: readonly string[]
      readonly synonyms: Readonly<Record<string, string>>
      /** A choice that a project added -> the one of orch that it counts as, wherever orch asks for that. */
      readonly countsAs: Readonly<Record<string, string>>
    }
  /** The id of a record of a kind, which begins with the kind's letter. */
  | { readonly type: 'ref'; readonly kind: string; readonly letter: string }
  /** Any JSON; as a value of the model it is JSON text. */
  | { readonly type: 'json' }

interface FieldOptions {
  readonly help: string
  /** May not be empty. */
  readonly required?: boolean
  /** Written by orch only: not in a create or update call, and a hand edit of it is not an edit. */
  readonly readonly?: boolean
  /** What a caller types for it, where that is not the name: `estimate`; for a set the name of one member: `label`. False: not written by callers. */
  readonly flag?: string | false
  /** Has an index in SQL, and a filter in `list`. */
  readonly indexed?: boolean
  /** Of ids: what the records that are named call those that name them: `dependents`. Queries can go back by it. */
  readonly inverse?: string
  /** Stands in a new file even when it is empty, so that a person sees where to write. */
  readonly shown?: boolean
}

export interface Field extends FieldOptions {
  readonly merge: Merge
  readonly value: FieldType
  /** Declared by the project, not by orch. */
  readonly own?: true
}

/**
 * The name under which a record keeps a field. A field of the project's own has its merge in it: a declaration that changes,
 * or that another replica does not have or has otherwise, never meets a value of another shape.
 */
export function storedName(name: string, field: Field | undefined): string {
  return field?.own ? `${name}:${field.merge}` : name
}

export const MAX_TITLE_LENGTH = 500
export const MAX_TEXT_LENGTH = 10_000
/** Longest prose, in UTF-16 code units. */
export const MAX_PROSE_LENGTH = 2_000_000

const plain = { type: 'text', maxLength: MAX_TEXT_LENGTH } as const

export const text = (options: FieldOptions & { maxLength?: number }): Field => {
  const { maxLength = MAX_TEXT_LENGTH, ...rest } = options
  return { merge: 'register', value: { type: 'text', maxLength }, ...rest }
}
export const number = (options: FieldOptions & { min?: number; max?: number }): Field => {
  const { min = -1e15, max = 1e15, ...rest } = options
  return { merge: 'register', value: { type: 'number', min, max }, ...rest }
}
/** A date (`2026-11-23`) or a time in ISO 8601 (`2026-11-23T08:30:00Z`), kept as written. */
export const time = (options: FieldOptions): Field => ({ merge: 'register', value: { type: 'time' }, ...options })
export const choice = (
  choices: readonly string[],
  options: FieldOptions & { synonyms?: Readonly<Record<string, string>> },
): Field => {
  const { synonyms = {}, ...rest } = options
  return { merge: 'register', value: { type: 'choice', choices, synonyms, countsAs: {} }, ...rest }
}
/** A kind as fields refer to it: anything with its name and letter. */
export interface RefTarget {
  readonly name: string
  readonly letter: string
}
export const ref = ({ name, letter }: RefTarget, options: FieldOptions): Field => ({
  merge: 'register',
  value: { type: 'ref', kind: name, letter },
  ...options,
})
/** Any JSON, written as a whole. */
export const json = (options: FieldOptions): Field => ({ merge: 'register', value: { type: 'json' }, ...options })
export const prose = (options: FieldOptions): Field => ({
  merge: 'prose',
  value: { type: 'text', maxLength: MAX_PROSE_LENGTH },
  ...options,
})
/** A set of short texts. */
export const tags = (options: FieldOptions): Field => ({ merge: 'set', value: plain, ...options })
/** A set of ids of records of a kind. */
export const refs = ({ name, letter }: RefTarget, options: FieldOptions): Field => ({
  merge: 'set',
  value: { type: 'ref', kind: name, letter },
  ...options,
})
/** A number that everybody adds to; concurrent additions all count. */
export const counter = (options: FieldOptions): Field => ({
  merge: 'counter',
  value: { type: 'number', min: -1e15, max: 1e15 },
  ...options,
})
/** Texts that are only ever added, each with its time and author; below the body in a file. One a kind at most. */
export const entries = (options: FieldOptions): Field => ({ merge: 'entries', value: plain, flag: false, ...options })
