import { OrchError } from '../base/error.ts'
import { isObject } from '../base/json.ts'
import type { Field } from './field.ts'
import type { RecordKind, Value } from './kind.ts'
import { type Relation, relationsOf } from './relation.ts'
import { parseValue } from './validate.ts'

/**
 * Which records are wanted, as the JSON that callers write (docs/queries.md), checked: every clause holds.
 *
 *     { "status": ["todo", "blocked"], "due": { "lt": "2026-12-01" }, "dependencies": { "every": { "status": "completed" } } }
 */
export type Filter = readonly Clause[]

export type Clause =
  | { readonly type: 'or'; readonly of: readonly Filter[] }
  | { readonly type: 'not'; readonly of: Filter }
  /** The value of a field is one of these; null stands for empty. Of a set: it has one of these members. */
  | { readonly type: 'in'; readonly place: Place; readonly values: readonly (string | number | null)[] }
  /** A set has all of these members. */
  | { readonly type: 'all'; readonly place: Place; readonly values: readonly string[] }
  | { readonly type: 'range'; readonly place: Place; readonly than: Than; readonly value: string | number }
  /** Holds a text, in any case; at its beginning. */
  | { readonly type: 'holds'; readonly place: Place; readonly text: string; readonly where: 'anywhere' | 'start' }
  | { readonly type: 'missing'; readonly place: Place; readonly isMissing: boolean }
  /** Of the living records that a relation leads to, some, every or none is so. */
  | {
      readonly type: 'related'
      readonly relation: Relation
      readonly quantifier: 'some' | 'every' | 'none'
      readonly of: Filter
    }

export type Than = 'gt' | 'gte' | 'lt' | 'lte'

/** What is compared: a field of the kind, or what orch knows around every record. */
export interface Place {
  readonly name: string
  /** Undefined for `id`, `updatedAt` and `updatedBy`. */
  readonly field: Field | undefined
  /** How its values compare. Times around a record are kept in milliseconds, those in fields as they were written. */
  readonly as: 'text' | 'number' | 'time' | 'milliseconds'
}

/** What reading a filter needs to know of the project. */
export interface FilterWorld {
  readonly kinds: readonly RecordKind[]
  /** The full id that a person means. May throw. */
  readonly resolve: (kind: string, text: string) => string
}

const MAX_DEPTH = 6
const MAX_CLAUSES = 100
const MAX_VALUES = 1000

/** Reads a caller's filter. Throws `invalid_input` that names the place in it, also for what is too deep or too long. */
export function parseFilter(world: FilterWorld, kind: RecordKind, input: unknown): Filter {
  let clauses = 0

  const readAll = (of: RecordKind, json: unknown, path: string, depth: number): Filter => {
    if (depth > MAX_DEPTH) throw refused(path, `it is nested deeper than ${MAX_DEPTH}`)
    return Object.entries(objectOf(json, path)).flatMap(([name, condition]) => {
      if (++clauses > MAX_CLAUSES) throw refused(path, `it has more than ${MAX_CLAUSES} conditions`)
      return readOne(of, name, condition, path === '' ? name : `${path}.${name}`, depth)
    })
  }

  const readOne = (of: RecordKind, name: string, condition: unknown, path: string, depth: number): Filter => {
    if (name === 'and' || name === 'or') {
      const parts = listOf(condition, path).map((part, i) => readAll(of, part, `${path}[${i}]`, depth + 1))
      return name === 'and' ? parts.flat() : [{ type: 'or', of: parts }]
    }
    if (name === 'not') return [{ type: 'not', of: readAll(of, condition, path, depth + 1) }]
    const relation = relationsOf(world.kinds, of).find((one) => one.name === name)
    if (relation && isQuantified(condition)) {
      return Object.entries(condition).map(([quantifier, inner]) => {
        if (quantifier !== 'some' && quantifier !== 'every' && quantifier !== 'none') {
          throw refused(path, `"${quantifier}" is not one of: some, every, none`)
        }
        const target = relation.target
        return { type: 'related', relation, quantifier, of: readAll(target, inner, `${path}.${quantifier}`, depth + 1) }
      })
    }
    const place = placeOf(world, of, name, path)
    if (isObject(condition)) {
      return Object.entries(condition).flatMap(([operator, value]) => readOperator(place, operator, value, path))
    }
    return [{ type: 'in', place, values: valuesOf(place, Array.isArray(condition) ? condition : [condition], path) }]
  }

  const readOperator = (place: Place, operator: string, value: unknown, path: string): Filter => {
    switch (operator) {
      case 'eq':
        return [{ type: 'in', place, values: valuesOf(place, [value], path) }]
      case 'ne':
        return [{ type: 'not', of: [{ type: 'in', place, values: valuesOf(place, [value], path) }] }]
      case 'in':
        return [{ type: 'in', place, values: valuesOf(place, listOf(value, path), path) }]
      case 'notIn':
        return [{ type: 'not', of: [{ type: 'in', place, values: valuesOf(place, listOf(value, path), path) }] }]
      case 'all': {
        if (place.field?.merge !== 'set') throw refused(path, '"all" is for fields with several values')
        const values = valuesOf(place, listOf(value, path), path)
        return [{ type: 'all', place, values: values.map(String) }]
      }
      case 'gt':
      case 'gte':
      case 'lt':
      case 'lte':
        return [{ type: 'range', place, than: operator, value: boundOf(place, value, path) }]
      case 'contains':
      case 'startsWith':
        if (typeof value !== 'string' || value === '') throw refused(path, `"${operator}" takes a text`)
        return [{ type: 'holds', place, text: value, where: operator === 'contains' ? 'anywhere' : 'start' }]
      case 'missing':
        if (typeof value !== 'boolean') throw refused(path, '"missing" takes true or false')
        return [{ type: 'missing', place, isMissing: value }]
      default:
        throw refused(path, `"${operator}" is not one of: ${OPERATORS.join(', ')}`)
    }
  }

  const valuesOf = (place: Place, values: readonly unknown[], path: string): readonly (string | number | null)[] => {
    if (values.length > MAX_VALUES) throw refused(path, `it lists more than ${MAX_VALUES} values`)
    return values.map((value) => readValue(world, place, value, path))
  }

  return readAll(kind, input, '', 0)
}

const OPERATORS = [
  'eq',
  'ne',
  'in',
  'notIn',
  'all',
  'gt',
  'gte',
  'lt',
  'lte',
  'contains',
  'startsWith',
  'missing',
] as const

const AROUND: Readonly<Record<string, Place['as']>> = { id: 'text', updatedAt: 'milliseconds', updatedBy: 'text' }

/** What a name in a filter, a sort or a grouping means. Throws `invalid_input` that lists the names there are. */
export function placeOf(world: Pick<FilterWorld, 'kinds'>, kind: RecordKind, name: string, path = name): Place {
  const field = Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined
  if (field) return { name, field, as: comparisonOf(field) }
  const as = Object.hasOwn(AROUND, name) ? AROUND[name] : undefined
  if (as) return { name, field: undefined, as }
  const relations = relationsOf(world.kinds, kind).map((relation) => relation.name)
  const known = [...Object.keys(kind.fields), ...Object.keys(AROUND), ...relations, 'and', 'or', 'not']
  throw refused(path, `there is no such field of a ${kind.name}; there are: ${[...new Set(known)].join(', ')}`)
}

function comparisonOf({ value }: Field): Place['as'] {
  return value.type === 'number' || value.type === 'time' ? value.type : 'text'
}

function readValue(world: FilterWorld, place: Place, value: unknown, path: string): string | number | null {
  if (value === null || value === '') return null
  const { field } = place
  if (!field) return boundOf(place, value, path)
  if (field.merge === 'prose' || field.merge === 'entries') {
    throw refused(path, 'it is a long text: ask whether it "contains" something, or is "missing"')
  }
  if (field.value.type === 'ref') return world.resolve(field.value.kind, String(value))
  const parsed = parseValue(field, field.merge === 'set' ? [value] : value)
  if (!parsed.ok) throw refused(path, parsed.reason)
  return scalarOf(parsed.value)
}

function scalarOf(value: Value): string | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  const [first] = value
  return typeof first === 'string' ? first : null
}

/** A value that others can be larger or smaller than. */
function boundOf(place: Place, value: unknown, path: string): string | number {
  const { as, field } = place
  if (field && (field.merge === 'set' || field.merge === 'prose' || field.merge === 'entries' || isChoice(field))) {
    throw refused(path, 'its values have no order')
  }
  if (as === 'number') {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && Number.isFinite(number)) return number
    throw refused(path, `${JSON.stringify(value)} is not a number`)
  }
  if (typeof value !== 'string') throw refused(path, `${JSON.stringify(value)} is not a text`)
  if (as === 'text') return value
  const time = Date.parse(value)
  if (!/^\d{4}-\d\d-\d\d/.test(value) || Number.isNaN(time)) {
    throw refused(path, `"${value}" is not a date (2026-11-23) or a time (2026-11-23T08:30:00Z)`)
  }
  return as === 'milliseconds' ? time : value
}

function isChoice(field: Field): boolean {
  return field.value.type === 'choice'
}

function isQuantified(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && ['some', 'every', 'none'].some((name) => Object.hasOwn(value, name))
}

function objectOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value
  throw refused(path, 'it must be an object such as {"status": "todo"}')
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw refused(path, 'it must be a list')
}

function refused(path: string, reason: string): OrchError {
  return new OrchError('invalid_input', { field: path === '' ? 'filter' : `filter ${path}`, reason })
}
