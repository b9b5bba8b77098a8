import type { Declaration, DeclaredField, DeclaredKind } from './declaration.ts'
import { DeclarationError } from './declaration.ts'
import type { Field } from './field.ts'
import { RESERVED_NAMES } from './kind.ts'
import type { Kinds } from './kind-set.ts'

/** Words that mean something where a kind is named: root types, folders and places of orch's own. */
const RESERVED_WORDS = new Set(
  'record records actor actors peer peers project projects replica replicas client clients arbiter deleted crdt key keys orch'.split(
    ' ',
  ),
)
/** Names that objects and SQL tables have already. */
const RESERVED_FIELDS = new Set(
  [
    ...RESERVED_NAMES,
    'rowid',
    'oid',
    'updated',
    'constructor',
    'prototype',
    ...Object.getOwnPropertyNames(Object.prototype),
  ].map((name) => name.toLowerCase()),
)

/** Whether the name, plural, folder and letter of a kind are nobody else's. Throws a `DeclarationError`. */
export function assertFree(
  base: Kinds,
  kinds: Declaration['kinds'],
  name: string,
  { letter, plural = `${name}s`, folder = plural }: DeclaredKind,
): void {
  const key = (option: string): string => `kinds.${name}${option === '' ? '' : `.${option}`}`
  const others = Object.entries(kinds)
    .filter(([other]) => other !== name)
    .map(([other, kind]) => ({
      name: other,
      letter: kind.letter,
      plural: kind.plural ?? `${other}s`,
      folder: kind.folder ?? kind.plural ?? `${other}s`,
    }))
  const all = [...base.all.map((kind) => ({ folder: '', letter: '', ...kind })), ...others]
  const words = new Set(all.flatMap((kind) => [kind.name, kind.plural]))
  const refuse = (option: string, reason: string): never => {
    throw new DeclarationError(key(option), reason)
  }
  for (const [option, value] of [
    ['', name],
    ['plural', plural],
    ['folder', folder],
  ] as const) {
    if (RESERVED_WORDS.has(value)) refuse(option, `the name "${value}" is taken by orch`)
  }
  if (words.has(name))
    refuse(
      '',
      base.record(name) ? `orch has this kind; fields can be added to it: fields.${name}` : 'the name is taken',
    )
  if (words.has(plural) || plural === name)
    refuse('plural', `"${plural}" is taken${plural === name ? ' by its own name' : ''}`)
  const sameLetter = all.find((kind) => kind.letter === letter)
  if (sameLetter) refuse('letter', `"${letter}" is the letter of ${sameLetter.name}`)
  const sameFolder = all.find((kind) => kind.folder === folder || (kind.folder === '' && kind.plural === folder))
  if (sameFolder) refuse('folder', `"${folder}" is the folder of ${sameFolder.name}`)
}

/** Whether a field or filter may have a name. Throws a `DeclarationError`, with `reason` where it is in `taken`. */
export function assertFieldName(key: string, name: string, taken: readonly string[], reason: string): void {
  const lower = name.toLowerCase()
  if (RESERVED_FIELDS.has(lower)) throw new DeclarationError(key, `the name "${name}" is taken by orch`)
  if (taken.some((one) => one.toLowerCase() === lower)) throw new DeclarationError(key, reason)
}

/** A file has one section for entries. Throws a `DeclarationError`. */
export function assertOneEntries(
  kind: string,
  all: readonly (readonly [string, Field])[],
  key: (name: string) => string,
): void {
  const [first, second] = all.filter(([, field]) => field.merge === 'entries')
  if (second)
    throw new DeclarationError(key(second[0]), `a file has one place for entries, and ${kind} has ${first?.[0]}`)
}

/** A required field has a default where records are there already. Throws a `DeclarationError`. */
export function assertNoneMissing(
  declared: Readonly<Record<string, DeclaredField>>,
  key: (name: string) => string,
  reason: string,
): void {
  const missing = Object.entries(declared).find(([, field]) => field.required && field.default === undefined)
  if (missing)
    throw new DeclarationError(`${key(missing[0])}.default`, `is missing: a required field needs one where ${reason}`)
}
