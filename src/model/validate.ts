import { unreachable } from '../base/assert.ts'
import { utf8Length } from '../base/utf8.ts'
import type { Entry } from './entry.ts'
import type { Field, FieldType } from './field.ts'
import { isRecordId, normalizeId } from './id.ts'
import { emptyValue, type RecordKind, type Value, type Values } from './kind.ts'

/** A key of a keyed kind. `__proto__` is none: it vanishes in objects. */
export const STATE_KEY = /^(?!__proto__$)[A-Za-z_][\w.-]{0,63}$/

const MAX_JSON_BYTES = 256 * 1024
const MAX_JSON_DEPTH = 8
/** Of a JSON field: it stands in a front matter with others. */
const MAX_FIELD_BYTES = 64 * 1024
const MAX_MEMBER_LENGTH = 200
const MAX_MEMBERS = 1000

export type Parsed = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string }

/**
 * Reads a field's value from a flag, JSON or YAML into its canonical form. Empty text, an empty list and null are the
 * field's empty value, which a required field refuses. A set takes a list, or one text with commas between its members.
 */
export function parseValue(field: Field, input: unknown): Parsed {
  const isEmptyInput =
    field.value.type === 'json' ? input === undefined || input === null || input === '' : isEmpty(input)
  const parsed = isEmptyInput ? accept(emptyValue(field)) : parseFilled(field, input)
  if (parsed.ok && field.required && isEmpty(parsed.value)) return refuse('must not be empty')
  return parsed
}

/** Says what is wrong with a record's values, each as `<field> <reason>`. */
export function issuesOf(
  kind: RecordKind,
  { values, extra }: { readonly values: Values; readonly extra: Readonly<Record<string, string>> },
): readonly string[] {
  return Object.entries(kind.fields).flatMap(([key, field]) => {
    const parsed = parseValue(field, values[key])
    const written = field.own && Object.hasOwn(extra, key) ? (extra[key] ?? '').trim() : undefined
    return [
      ...(parsed.ok ? [] : [`${key} ${parsed.reason}`]),
      ...(written === undefined
        ? []
        : [`${key} also stands there as ${written}, from where it is not declared: set it to decide`]),
    ]
  })
}

/** Says why a value cannot be kept under a key of a keyed kind: not JSON, nested deeper than 8, or larger than 256 KiB. Undefined when it can. */
export function checkJson(value: unknown): string | undefined {
  const reason = checkJsonNode(value, 0)
  if (reason !== undefined) return reason
  const size = utf8Length(JSON.stringify(value))
  return size > MAX_JSON_BYTES ? `is ${size} bytes; the limit is ${MAX_JSON_BYTES}` : undefined
}

function parseFilled(field: Field, input: unknown): Parsed {
  switch (field.merge) {
    case 'register':
    case 'counter':
      return parseScalar(field.value, input)
    case 'prose':
      return parseProse(field.value, input)
    case 'set':
      return parseSet(field.value, input)
    case 'entries':
      return Array.isArray(input) ? accept(input as readonly Entry[]) : refuse('must be a list')
    default:
      return unreachable(field.merge)
  }
}

function parseScalar(type: FieldType, input: unknown): Parsed {
  switch (type.type) {
    case 'text':
      return parseText(type.maxLength, input)
    case 'number':
      return parseNumber(type, input)
    case 'time':
      return parseTime(input)
    case 'choice':
      return parseChoice(type, input)
    case 'ref':
      return parseRef(type, input)
    case 'json':
      return parseJson(input)
    default:
      return unreachable(type)
  }
}

/** JSON as JSON text. A text that is no JSON is taken as itself. */
function parseJson(input: unknown): Parsed {
  const value: unknown = typeof input === 'string' ? jsonOrText(input) : input
  const reason = checkJson(value)
  if (reason !== undefined) return refuse(reason)
  if (value === null) return accept(null)
  const text = JSON.stringify(value)
  const size = utf8Length(text)
  return size > MAX_FIELD_BYTES ? refuse(`is ${size} bytes; the limit is ${MAX_FIELD_BYTES}`) : accept(text)
}

/** A text that is JSON is taken as what it says; everything else as it is. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Its only failure is a text that is no JSON: an answer here.
    return text
  }
}

function parseText(maxLength: number, input: unknown): Parsed {
  if (typeof input !== 'string') return refuse('must be text')
  const value = input.trim()
  if (value.length > maxLength) return refuse(`is ${value.length} characters; the limit is ${maxLength}`)
  if (/[\n\r\u2028\u2029]/.test(value)) return refuse('must be one line')
  const broken = brokenText(value)
  return broken === undefined ? accept(value) : refuse(broken)
}

function parseProse(type: FieldType, input: unknown): Parsed {
  if (typeof input !== 'string' || type.type !== 'text') return refuse('must be text')
  const value = input.replace(/\r\n?/g, '\n')
  if (value.length > type.maxLength) return refuse(`is ${value.length} characters; the limit is ${type.maxLength}`)
  const broken = brokenText(value)
  return broken === undefined ? accept(value) : refuse(broken)
}

/** Says why no file could hold a text; undefined when one can. */
export function brokenText(text: string): string | undefined {
  if (text.includes('\0')) return 'must not hold NUL'
  return /\p{Surrogate}/u.test(text) ? 'is cut inside a character (half a surrogate pair)' : undefined
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

function parseNumber(type: { readonly min: number; readonly max: number }, input: unknown): Parsed {
  const value = typeof input === 'string' && NUMBER.test(input.trim()) ? Number(input) : input
  if (typeof value !== 'number' || !Number.isFinite(value)) return refuse('must be a number')
  if (value < type.min) return refuse(`must be at least ${type.min}`)
  // 0 + -0 is 0: files and indexes know no negative zero.
  return value > type.max ? refuse(`must be at most ${type.max}`) : accept(value + 0)
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?( ?(?:[Zz]|[+-]\d\d:?\d\d))?)?$/

function parseTime(input: unknown): Parsed {
  if (typeof input !== 'string') return refuse('must be a date or time, such as 2026-11-23 or 2026-11-23T08:30:00Z')
  const value = input.trim()
  const [, year, month, day, hour, minute, second, zone] = TIME.exec(value) ?? []
  if (year === undefined) return refuse('must be a date or time, such as 2026-11-23 or 2026-11-23T08:30:00Z')
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  if (!exists) return refuse(`names a day that does not exist: ${year}-${month}-${day}`)
  if (hour === undefined) return accept(value)
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59)
    return refuse('names a time that does not exist')
  return zone === undefined ? refuse('needs a time zone: add Z, or an offset such as +09:00') : accept(value)
}

type Ref = Extract<FieldType, { readonly type: 'ref' }>

type Choice = Extract<FieldType, { readonly type: 'choice' }>

function parseChoice({ choices, synonyms }: Choice, input: unknown): Parsed {
  const word = typeof input === 'string' ? input.trim().toLowerCase() : ''
  const value = choices.find((choice) => choice.toLowerCase() === word) ?? new Map(Object.entries(synonyms)).get(word)
  return value === undefined ? refuse(`must be one of: ${choices.join(', ')}`) : accept(value)
}

function parseRef({ kind, letter }: Ref, input: unknown): Parsed {
  const id = typeof input === 'string' ? normalizeId(input.trim()) : ''
  return isRecordId(id) && id.startsWith(`${letter}-`)
    ? accept(id)
    : refuse(`must be the id of a ${kind}, such as ${letter}-7f3k9q2m`)
}

function parseSet(type: FieldType, input: unknown): Parsed {
  const list: unknown = typeof input === 'string' ? input.split(',') : input
  if (!Array.isArray(list)) return refuse('must be a list')
  const members = new Set<string>()
  for (const member of list) {
    if (isEmpty(member)) continue
    const parsed = parseScalar(type.type === 'text' ? { ...type, maxLength: MAX_MEMBER_LENGTH } : type, member)
    if (!parsed.ok) return refuse(`has a member that ${parsed.reason}`)
    if (parsed.value !== '') members.add(String(parsed.value).normalize('NFC'))
  }
  if (members.size > MAX_MEMBERS) return refuse(`has ${members.size} members; the limit is ${MAX_MEMBERS}`)
  return accept([...members].sort())
}

function checkJsonNode(value: unknown, depth: number): string | undefined {
  if (value === null || typeof value === 'boolean') return undefined
  if (typeof value === 'string') return brokenText(value)
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'holds a number that JSON cannot write'
  if (typeof value !== 'object' || !(Array.isArray(value) || isPlain(value))) return 'holds what JSON cannot write'
  if (depth === MAX_JSON_DEPTH) return `is nested deeper than ${MAX_JSON_DEPTH}`
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') return 'holds the key __proto__'
    const reason = brokenText(key) ?? checkJsonNode(member, depth + 1)
    if (reason !== undefined) return reason
  }
  return undefined
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isEmpty(input: unknown): boolean {
  if (typeof input === 'string') return input.trim() === ''
  return input === undefined || input === null || (Array.isArray(input) && input.length === 0)
}

function accept(value: Value): Parsed {
  return { ok: true, value }
}

function refuse(reason: string): Parsed {
  return { ok: false, reason }
}
