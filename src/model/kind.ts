import { assert } from '../base/assert.ts'
import type { Entry } from './entry.ts'
import { type Field, storedName, tags, text, time } from './field.ts'
import type { LogValues } from './log.ts'

/** Fields of every record of every kind. */
const common = {
  aliases: tags({ help: 'other ids this record is known by, for example from an import', flag: false }),
  createdAt: time({ help: 'when it was created', readonly: true, indexed: true }),
  createdBy: text({ help: 'who created it', readonly: true, maxLength: 64 }),
} as const

/** The names of the fields that every kind of records has. */
export const COMMON_FIELDS: readonly string[] = Object.keys(common)

/** What a record keeps beside its fields, in the document and the index: no field can be called so. */
export const RESERVED_NAMES: readonly string[] = [
  'id',
  'kind',
  'front',
  'file',
  'path',
  'extra',
  'life',
  'hash',
  'issues',
  'updatedAt',
  'updatedBy',
  'deletedAt',
  'deletedBy',
]

export interface RecordKind {
  readonly shape: 'records'
  readonly name: string
  /** Root type in the document, and what several are called. */
  readonly plural: string
  /** The SQL table; those of its sets begin with it, too, where the project declares the kind. */
  readonly table: string
  /** First letter of its ids. */
  readonly letter: string
  readonly help: string
  /** Declared by the project, not by orch. */
  readonly own: boolean
  readonly fields: Readonly<Record<string, Field>>
  /** The register that names a record for people; file names are made from it. */
  readonly title: string
  /** The prose field that is the file's text below the front matter. */
  readonly body: string
  /** Values of a new record, where the caller gives none. */
  readonly defaults: Readonly<Record<string, Value>>
  /** How a new record's file is called: `<id>-<slug of title>.md`, `<id>.md`, or as its writer says (a page's path). */
  readonly fileName: 'id-slug' | 'id' | 'path'
  /** Where its files are, below the mirror directory. */
  readonly folder: string
  /** The operation that makes its records, where that is not the derived `create`. */
  readonly creator: string | undefined
  /** Fields that orch fills when a record is made: with the time, or with who made it. */
  readonly born: Readonly<Record<string, 'at' | 'actor'>>
  /** Filters of `list` by name: `active` -> only records whose fields have these values; null stands for empty. */
  readonly filters: Readonly<Record<string, Filter>>
  /** Fields that lists are sorted by, before creation and id. */
  readonly order: readonly string[]
  /** Times that orch sets: the field named by the key, when the register `field` enters one of `values`; cleared when it leaves. */
  readonly stamps: Readonly<Record<string, { readonly field: string; readonly values: readonly string[] }>>
}

export interface Filter {
  readonly help: string
  readonly where: Readonly<Record<string, readonly (string | null)[]>>
}

/** A kind whose records are the keys of one JSON object, in one file. */
export interface KeyedKind {
  readonly shape: 'keys'
  readonly name: string
  readonly plural: string
  readonly help: string
  /** The file, below the mirror directory. */
  readonly file: string
  readonly table: string
}

/** A kind whose records are only ever added: entries of plain values, in a document of its own for each month. */
export interface LogKind {
  readonly shape: 'log'
  readonly name: string
  /** Root type in the documents of the months, and folder of the daily files. */
  readonly plural: string
  /** First letter of its entries' ids. */
  readonly letter: string
  readonly help: string
  readonly table: string
  /** What the fields of an entry mean, and which of them a list can be filtered by. */
  readonly fields: Readonly<Record<keyof LogValues, Pick<Field, 'help' | 'indexed'>>>
}

export type Kind = RecordKind | KeyedKind | LogKind

/** What a field holds, by merge: register -> text, number or null; prose -> text; set -> sorted texts; counter -> number; entries -> a list in their order. */
export type Value = string | number | null | readonly string[] | readonly Entry[]
export type Values = Readonly<Record<string, Value>>

export interface KindDeclaration {
  readonly plural: string
  readonly letter: string
  readonly help: string
  readonly fields: Readonly<Record<string, Field>>
  readonly title?: string
  readonly body?: string
  readonly defaults?: Readonly<Record<string, Value>>
  readonly fileName?: RecordKind['fileName']
  readonly folder?: string
  readonly creator?: string
  readonly born?: RecordKind['born']
  readonly filters?: RecordKind['filters']
  readonly order?: readonly string[]
  readonly stamps?: RecordKind['stamps']
  readonly own?: boolean
  readonly table?: string
}

/** Declares a kind of records. Everything else about it is derived from this one declaration. */
export function defineKind(name: string, declaration: KindDeclaration): RecordKind {
  const kind: RecordKind = {
    shape: 'records',
    name,
    title: 'title',
    body: 'body',
    defaults: {},
    fileName: 'id-slug',
    folder: declaration.plural,
    table: declaration.plural,
    own: false,
    creator: undefined,
    born: {},
    filters: {},
    order: [],
    stamps: {},
    ...declaration,
    fields: { ...declaration.fields, ...common },
  }
  for (const taken of RESERVED_NAMES) assert(!(taken in kind.fields), `the field name "${taken}" is taken`)
  const lists = Object.values(kind.fields).filter(({ merge }) => merge === 'entries')
  assert(lists.length <= 1, 'a file has one place for entries')
  return kind
}

/** Declares a kind of keyed JSON values. */
export function defineKeys(name: string, declaration: Omit<KeyedKind, 'shape' | 'name'>): KeyedKind {
  return { shape: 'keys', name, ...declaration }
}

/** Declares a kind of entries that are only ever added. */
export function defineLog(name: string, declaration: Omit<LogKind, 'shape' | 'name'>): LogKind {
  return { shape: 'log', name, ...declaration }
}

/** The field that a record keeps under a name. */
export function fieldStoredAs(kind: RecordKind, stored: string): readonly [name: string, field: Field] | undefined {
  const colon = stored.indexOf(':')
  const name = colon < 0 ? stored : stored.slice(0, colon)
  const field = Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined
  return field && storedName(name, field) === stored ? [name, field] : undefined
}

/** The choices of a field that are, or count as, one of these. */
export function choicesLike(kind: RecordKind, name: string, ...wanted: readonly string[]): readonly string[] {
  const value = kind.fields[name]?.value
  if (value?.type !== 'choice') return []
  return value.choices.filter((one) => wanted.includes(one) || wanted.includes(value.countsAs[one] ?? ''))
}

/** The members of a set, or of any list of texts; none for every other value. */
export function textsOf(value: Value | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

/** The value a field has when nothing was ever written to it. */
export function emptyValue(field: Field): Value {
  switch (field.merge) {
    case 'register':
      return null
    case 'prose':
      return ''
    case 'set':
    case 'entries':
      return []
    case 'counter':
      return 0
  }
}
