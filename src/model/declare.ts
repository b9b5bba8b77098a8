import type { Declaration, DeclaredField, DeclaredKind } from './declaration.ts'
import { DeclarationError } from './declaration.ts'
import { assertFieldName, assertFree, assertNoneMissing, assertOneEntries } from './declare-checks.ts'
import type { Field, RefTarget } from './field.ts'
import * as fields from './field.ts'
import { COMMON_FIELDS, defineKind, type Filter, type RecordKind, type Value } from './kind.ts'
import { type Kinds, kindSet } from './kind-set.ts'
import { parseValue } from './validate.ts'

const EMPTY: Declaration = { statuses: {}, fields: {}, kinds: {} }

/**
 * The kinds of a project: orch's own with the statuses and fields that it adds, and those it declares. Throws a
 * `DeclarationError` that names the key.
 */
export function declareKinds(base: Kinds, declaration: Partial<Declaration>): Kinds {
  const { statuses, fields: added, kinds } = { ...EMPTY, ...declaration }
  const targets = new Map<string, RefTarget>(base.records.map((kind) => [kind.name, kind]))
  for (const [name, kind] of Object.entries(kinds)) {
    assertFree(base, kinds, name, kind)
    targets.set(name, { name, letter: kind.letter })
  }
  for (const name of Object.keys(added)) {
    if (!base.record(name)) {
      const where = kinds[name] ? `its fields belong below kinds.${name}.fields` : namesOf(base)
      throw new DeclarationError(`fields.${name}`, `is no kind of records of orch: ${where}`)
    }
  }
  const extended = base.all.map((kind) => {
    if (kind.shape !== 'records') return kind
    const withStatuses = kind.name === 'task' ? withOwnStatuses(kind, statuses) : kind
    return withOwnFields(withStatuses, added[kind.name] ?? {}, targets)
  })
  const own = Object.entries(kinds).map(([name, kind]) => ownKind(name, kind, targets))
  return kindSet([...extended, ...own])
}

/** Fields that a project declares for a kind of orch. */
function withOwnFields(
  kind: RecordKind,
  declared: Readonly<Record<string, DeclaredField>>,
  targets: ReadonlyMap<string, RefTarget>,
): RecordKind {
  const names = Object.keys(declared)
  if (names.length === 0) return kind
  const key = (name: string): string => `fields.${kind.name}.${name}`
  const taken = Object.keys(kind.fields)
  const own: Record<string, Field> = {}
  for (const name of names) {
    assertFieldName(key(name), name, [...taken, ...Object.keys(own)], `${kind.name} has it already`)
    own[name] = ownField(key(name), name, declared[name] as DeclaredField, targets)
  }
  assertOneEntries(kind.name, [...Object.entries(kind.fields), ...Object.entries(own)], key)
  if (kind.creator !== undefined)
    assertNoneMissing(declared, key, `\`orch ${kind.creator.replace('.', ' ')}\` does not ask for it`)
  const before = Object.entries(kind.fields).filter(([name]) => !COMMON_FIELDS.includes(name))
  const common = Object.entries(kind.fields).filter(([name]) => COMMON_FIELDS.includes(name))
  return {
    ...kind,
    fields: Object.fromEntries([...before, ...Object.entries(own), ...common]),
    defaults: { ...kind.defaults, ...defaultsOf(declared, own, key) },
  }
}

function withOwnStatuses(task: RecordKind, declared: Declaration['statuses']): RecordKind {
  const status = task.fields.status
  if (status?.value.type !== 'choice' || Object.keys(declared).length === 0) return task
  const { choices, synonyms } = status.value
  const ordered = [...choices]
  const countsAs: Record<string, string> = {}
  for (const [name, { as }] of Object.entries(declared)) {
    if (choices.includes(name)) throw new DeclarationError(`statuses.${name}`, 'orch has it already')
    if (Object.hasOwn(synonyms, name)) throw new DeclarationError(`statuses.${name}`, `means ${synonyms[name]} already`)
    if (!choices.includes(as))
      throw new DeclarationError(`statuses.${name}.as`, `must be one of: ${choices.join(', ')}`)
    countsAs[name] = as
    // After what it counts as, and after those that were declared to count as the same before it.
    ordered.splice(ordered.findLastIndex((one) => one === as || (countsAs[one] === as && one !== name)) + 1, 0, name)
  }
  const stamps = Object.entries(task.stamps).map(([name, { field, values }]) => {
    const like = ordered.filter((one) => values.includes(one) || values.includes(countsAs[one] ?? ''))
    return [name, { field, values: field === 'status' ? like : values }] as const
  })
  return {
    ...task,
    fields: { ...task.fields, status: { ...status, value: { ...status.value, choices: ordered, countsAs } } },
    stamps: Object.fromEntries(stamps),
  }
}

function ownKind(name: string, declared: DeclaredKind, targets: ReadonlyMap<string, RefTarget>): RecordKind {
  const {
    plural = `${name}s`,
    letter,
    folder = plural,
    help = `a ${name} of this project`,
    title,
    body,
    fileName,
  } = declared
  const key = (field: string): string => `kinds.${name}.fields.${field}`
  const made: Record<string, Field> = {}
  if (!declared.fields[title])
    made[title] = fields.text({
      help: 'what it is, in a line',
      required: true,
      maxLength: fields.MAX_TITLE_LENGTH,
      shown: true,
    })
  for (const [field, one] of Object.entries(declared.fields)) {
    assertFieldName(key(field), field, Object.keys(made), 'is there twice')
    if (COMMON_FIELDS.includes(field)) throw new DeclarationError(key(field), 'every record has it already')
    const { own: _, ...plain } = ownField(key(field), field, one, targets)
    // These two are kept like orch's, whether they are declared or made: what they are is the same.
    const isMade = (field === 'title' && one.type === 'text') || (field === 'body' && one.type === 'prose')
    made[field] = isMade ? plain : { ...plain, own: true }
  }
  if (!declared.fields[body]) made[body] = fields.prose({ help: 'what it is about: any Markdown' })
  if (made[title]?.value.type !== 'text' || made[title]?.merge !== 'register')
    throw new DeclarationError(key(title), 'names the record, so its type must be text')
  if (made[body]?.merge !== 'prose')
    throw new DeclarationError(key(body), "is the file's text, so its type must be prose")
  assertOneEntries(name, Object.entries(made), key)
  const stamps = stampsOf(name, declared, made)
  if (Object.keys(stamps).length > 0) made.closedAt = fields.time({ help: 'when it was closed', readonly: true })
  for (const one of declared.order) {
    if (made[one]?.merge !== 'register')
      throw new DeclarationError(`kinds.${name}.order`, `"${one}" is no field of one value of this kind`)
  }
  return defineKind(name, {
    plural,
    table: `own_${plural}`,
    own: true,
    letter,
    folder,
    help,
    fields: made,
    title,
    body,
    fileName,
    defaults: defaultsOf(declared.fields, made, key),
    order: declared.order,
    stamps,
    filters: filtersOf(name, declared, made),
  })
}

/** A field as orch has it. */
function ownField(key: string, name: string, declared: DeclaredField, targets: ReadonlyMap<string, RefTarget>): Field {
  const { type, help = words(name), choices, to, min, max, required, indexed, shown, flag } = declared
  const only = (option: string, value: unknown, types: readonly string[]): void => {
    if (value !== undefined && !types.includes(type))
      throw new DeclarationError(`${key}.${option}`, `is for ${types.join(' and ')}, not for ${type}`)
  }
  only('choices', choices, ['choice'])
  only('to', to, ['ref', 'refs'])
  only('min', min, ['number'])
  only('max', max, ['number'])
  if (indexed) only('indexed', indexed, ['text', 'number', 'time', 'choice', 'ref', 'set', 'refs'])
  if (required) only('required', required, ['text', 'number', 'time', 'choice', 'ref', 'json'])
  if (shown)
    only('shown', shown, ['text', 'number', 'time', 'choice', 'ref', 'json', 'set', 'refs', 'prose', 'counter'])
  const options = { help, required, indexed, shown, ...(flag !== undefined && { flag }) }
  const target = (): RefTarget => {
    const found = targets.get(to ?? '')
    if (found) return found
    throw new DeclarationError(`${key}.to`, `must name a kind of records: ${[...targets.keys()].join(', ')}`)
  }
  const own = (field: Field): Field => ({ ...field, own: true })
  switch (type) {
    case 'text':
      return own(fields.text(options))
    case 'number':
      if ((min ?? -1e15) > (max ?? 1e15)) throw new DeclarationError(`${key}.min`, 'is more than max')
      return own(fields.number({ ...options, ...(min !== undefined && { min }), ...(max !== undefined && { max }) }))
    case 'time':
      return own(fields.time(options))
    case 'choice': {
      const lower = choices?.map((one) => one.toLowerCase()) ?? []
      if (choices === undefined) throw new DeclarationError(`${key}.choices`, 'is missing')
      if (new Set(lower).size < lower.length) throw new DeclarationError(`${key}.choices`, 'names one twice')
      return own(fields.choice(choices, options))
    }
    case 'ref':
      return own(fields.ref(target(), options))
    case 'json':
      return own(fields.json(options))
    case 'prose':
      return own(fields.prose(options))
    case 'set':
      return own(fields.tags(options))
    case 'refs':
      return own(fields.refs(target(), options))
    case 'counter':
      return own(fields.counter(options))
    case 'entries':
      return own(fields.entries({ help }))
  }
}

function defaultsOf(
  declared: Readonly<Record<string, DeclaredField>>,
  made: Readonly<Record<string, Field>>,
  key: (name: string) => string,
): Readonly<Record<string, Value>> {
  const defaults: Record<string, Value> = {}
  for (const [name, { default: said, type }] of Object.entries(declared)) {
    const field = made[name]
    if (said === undefined || field === undefined) continue
    if (type === 'counter' || type === 'entries')
      throw new DeclarationError(`${key(name)}.default`, `is not for ${type}`)
    const parsed = parseValue(field, said)
    if (!parsed.ok) throw new DeclarationError(`${key(name)}.default`, parsed.reason)
    defaults[name] = parsed.value
  }
  return defaults
}

/** `closed: {status: [mitigated]}`: lists leave such records out, and their closedAt says when. */
function stampsOf(name: string, { closed }: DeclaredKind, made: Readonly<Record<string, Field>>): RecordKind['stamps'] {
  const [first, second] = Object.entries(closed)
  if (!first) return {}
  const key = `kinds.${name}.closed`
  if (second) throw new DeclarationError(key, 'one field says whether a record is closed')
  const [field, said] = first
  if (made[field]?.value.type !== 'choice')
    throw new DeclarationError(`${key}.${field}`, 'is no choice field of this kind')
  if (made.closedAt)
    throw new DeclarationError(`kinds.${name}.fields.closedAt`, 'orch makes this field, where closed is declared')
  return { closedAt: { field, values: valuesOf(`${key}.${field}`, made[field] as Field, said) } }
}

function filtersOf(
  name: string,
  { filters }: DeclaredKind,
  made: Readonly<Record<string, Field>>,
): Readonly<Record<string, Filter>> {
  const entries = Object.entries(filters).map(([filter, { help = `only ${words(filter)} ones`, where }]) => {
    const key = `kinds.${name}.filters.${filter}`
    assertFieldName(key, filter, Object.keys(made), 'is the name of a field')
    const wanted = Object.entries(where).map(([field, values]) => {
      const declared = made[field]
      if (!declared || (declared.merge !== 'register' && declared.merge !== 'set'))
        throw new DeclarationError(`${key}.where.${field}`, 'is no field of this kind that can be filtered by')
      const texts = values.filter((value): value is string => value !== null)
      return [
        field,
        [...valuesOf(`${key}.where.${field}`, declared, texts), ...(texts.length < values.length ? [null] : [])],
      ] as const
    })
    return [filter, { help, where: Object.fromEntries(wanted) }] as const
  })
  return Object.fromEntries(entries)
}

function valuesOf(key: string, field: Field, said: readonly string[]): readonly string[] {
  return said.map((one) => {
    const parsed = parseValue(field, field.merge === 'set' ? [one] : one)
    if (!parsed.ok) throw new DeclarationError(key, `"${one}" ${parsed.reason}`)
    return Array.isArray(parsed.value) ? String(parsed.value[0]) : String(parsed.value)
  })
}

/** `reviewDate` -> `review date` */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function namesOf(base: Kinds): string {
  return base.records.map(({ name }) => name).join(', ')
}
