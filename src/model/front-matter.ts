import { isEntry } from './extra.ts'
import type { Field } from './field.ts'
import {
  type Chunk,
  type Entry,
  PLACEHOLDER,
  readEntry,
  readSkeletonEntry,
  sourceOf,
  splitChunks,
  withValue,
} from './front-entry.ts'
import { isEmptyValue, printValue, readValue, reprint, sameValue } from './front-value.ts'
import type { RecordKind, Value, Values } from './kind.ts'
import type { RecordView } from './record.ts'
import { diffText, mergeText } from './text-diff.ts'
import { applyEdits, type TextEdit } from './text-edit.ts'
import { guardYaml } from './yaml-guard.ts'
import { printText } from './yaml-text.ts'

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

const ID = 'id'
const MAX_KEY_LENGTH = 128

/** Makes the skeleton of a new record: id, the fields that are always shown, then the extra keys. */
export function canonicalSkeleton(kind: RecordKind, extraKeys: readonly string[]): string {
  const shown = Object.keys(fieldsOf(kind)).filter((key) => kind.fields[key]?.shown)
  return [ID, ...shown, ...extraKeys.map(printKey)].map((key) => `${key}: ${PLACEHOLDER}\n`).join('')
}

/**
 * Renders the front matter of a record, without its fences: the skeleton with the values filled in. A value's source in
 * the skeleton stays as long as it says the record's value. Keys without a value are left out unless their field is
 * shown; values without a key come where the kind has them. Whatever the record holds, the result can be parsed.
 */
export function renderFrontMatter(kind: RecordKind, record: RecordView): string {
  const { lead, chunks } = splitChunks(withLineEnd(record.front))
  const parts: Part[] = []
  for (const chunk of chunks) {
    const entry = readSkeletonEntry(chunk) ?? withoutStyle(chunk)
    const source = parts.some(({ key }) => key === entry.key) ? undefined : renderEntry(kind, record, entry)
    parts.push(source === undefined ? leftover(entry, parts.at(-1)) : partOf(entry, source))
  }
  insertMissing(kind, record, parts)
  const [first, ...others] = parts
  const id = first?.isNew && first.key === ID ? first.own : ''
  return id + lead + (id === '' ? parts : others).map(({ own, rest }) => own + rest).join('')
}

/** Reads front matter without its fences. Refuses, with the place, what is no YAML mapping that can be spliced key by key. */
export function parseFrontMatter(kind: RecordKind, source: string): FrontMatter | Unreadable {
  const text = withLineEnd(source)
  const guarded = guardYaml(text)
  if (guarded !== undefined) return unreadable(text, guarded)
  const { lead, chunks, stray } = splitChunks(text)
  if (stray !== undefined) return unreadable(text, stray)
  const read = { id: undefined as string | undefined, keys: new Set<string>(), skeleton: lead }
  const values: Record<string, Value> = {}
  const extra: Record<string, string> = {}
  const invalid: InvalidValue[] = []
  for (const chunk of chunks) {
    const entry = readEntry(chunk)
    if ('reason' in entry) return unreadable(text, entry)
    const { key, input } = entry
    const refused = checkKey(key, read.keys)
    if (refused !== undefined) return unreadable(text, { reason: refused, at: chunk.at })
    read.keys.add(key)
    const field = fieldOf(kind, key)
    let sample = false
    if (key === ID) {
      read.id = typeof input === 'string' ? input : undefined
      sample = read.id !== undefined && entry.value !== printText(read.id)
    } else if (field === undefined) {
      extra[key] = entry.value
    } else {
      const parsed = readValue(field, entry)
      if (parsed.ok) {
        values[key] = parsed.value
        sample = isSample(field, entry, parsed.value)
      } else
        invalid.push({ key, reason: parsed.reason, ...placeOf(text, chunk.at + entry.head.length + entry.gap.length) })
    }
    read.skeleton += sample ? sourceOf(entry) : withValue(entry, PLACEHOLDER)
  }
  return { ok: true, id: read.id, keys: [...read.keys], values, extra, skeleton: read.skeleton, invalid }
}

/** Finds the edits of `record.front` that bring in what a person changed of the skeleton from `base` to `disk`. Empty when nothing did. */
export function mergeFront(
  kind: RecordKind,
  record: RecordView,
  { base, disk }: { readonly base: string; readonly disk: string },
): readonly TextEdit[] {
  if (base === disk) return []
  // Against the skeleton as it shows, not as it is kept: the person saw lines that rendering put in, and no hidden ones.
  const rendered = parseFrontMatter(kind, renderFrontMatter(kind, record))
  const current = rendered.ok ? rendered.skeleton : record.front
  return diffText(record.front, applyEdits(current, mergeText(base, disk, current)))
}

/** A key with its value, and the comments and blank lines below it that rather belong to the next. */
interface Part {
  /** Undefined for what only keeps comments. */
  readonly key: string | undefined
  readonly own: string
  readonly rest: string
  readonly isNew?: true
}

/** Fields that stand in the front matter, in its order: what orch writes itself comes last, what it may still clear at the very end. */
function fieldsOf(kind: RecordKind): Readonly<Record<string, Field>> {
  const fields = Object.entries(kind.fields).filter(([key]) => fieldOf(kind, key) !== undefined)
  const place = ([key, field]: readonly [string, Field]): number =>
    Object.hasOwn(kind.stamps, key) ? 2 : field.readonly ? 1 : 0
  return Object.fromEntries(fields.sort((a, b) => place(a) - place(b)))
}

function fieldOf(kind: RecordKind, key: string): Field | undefined {
  const field = key !== kind.body && Object.hasOwn(kind.fields, key) ? kind.fields[key] : undefined
  return field?.merge === 'entries' ? undefined : field
}

function extraOf(record: RecordView, key: string): string | undefined {
  return Object.hasOwn(record.extra, key) ? record.extra[key] : undefined
}

/** Whether a value's source is kept in the skeleton: orch would not write it so, or would leave the key out. */
function isSample(field: Field, entry: Entry, value: Value): boolean {
  if (isEmptyValue(field, value) && !field.shown) return true
  return entry.value !== printValue(field, value, entry.head)
}

/** The source of an entry with the record's value; undefined when the record has none to show. */
function renderEntry(kind: RecordKind, record: RecordView, entry: Entry): string | undefined {
  const { key } = entry
  if (key === ID) return entry.input === record.id ? sourceOf(entry) : withValue(entry, printText(record.id))
  const field = fieldOf(kind, key)
  if (field === undefined) {
    const raw = extraOf(record, key)
    return raw === undefined ? undefined : renderExtra(entry, raw)
  }
  const value = record.values[key]
  if (entry.value !== PLACEHOLDER) {
    const read = readValue(field, entry)
    if (read.ok && sameValue(read.value, value)) return sourceOf(entry)
  }
  if (isEmptyValue(field, value) && !field.shown) return undefined
  return entry.value === PLACEHOLDER
    ? withValue(entry, printValue(field, value, entry.head))
    : reprint(field, entry, value)
}

const SIMPLE_SOURCE = /^(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_./() -]*[\p{L}\p{N}_./()])?)?$/u

/** An extra key with its raw value; a value that is no YAML at this place (replicas are trusted, their data is not) as text in quotes. */
function renderExtra(entry: Entry, raw: string): string {
  const source = withValue(entry, raw)
  if (SIMPLE_SOURCE.test(raw) || isEntry(source, entry.key, raw)) return source
  return withValue(entry, printText(raw, { style: 'double' }))
}

/** What stands below an entry: comments and blank lines. */
function restOf({ tail }: Entry): string {
  return tail.slice(tail.indexOf('\n') + 1)
}

function partOf(entry: Entry, source: string): Part {
  const rest = restOf(entry)
  return { key: entry.key, own: source.slice(0, source.length - rest.length), rest }
}

/**
 * What stays of an entry that is left out. It now follows another value, which may be a block of text: so that it does not
 * become a part of that, comments move to the beginning of the line, and blank lines right below a block go.
 */
function leftover(entry: Entry, before: Part | undefined): Part {
  const rest = restOf(entry).replace(/^[ \t]+/gm, '')
  const inBlock = before !== undefined && !/(?:^|\n)\S.*\n$/.test(before.own + before.rest)
  return { key: undefined, own: '', rest: inBlock ? rest.replace(/^\n+/, '') : rest }
}

/** The entry of a chunk that merging has broken: its key and its comment lines. */
function withoutStyle({ head, rest, line }: Chunk): Entry {
  const comments = rest.split('\n').filter((text, i) => i > 0 && text.trimStart().startsWith('#'))
  const tail = ['', ...comments, ''].join('\n')
  return {
    key: head.slice(0, -1).trimEnd(),
    head,
    gap: ' ',
    value: PLACEHOLDER,
    tail,
    input: null,
    style: 'plain',
    line,
  }
}

/** Puts in the keys that the skeleton lacks: each field after the one before it in the kind's order, extra keys at the end. */
function insertMissing(kind: RecordKind, record: RecordView, parts: Part[]): void {
  const order = [ID, ...Object.keys(fieldsOf(kind))]
  for (const [place, key] of order.entries()) {
    if (parts.some((part) => part.key === key)) continue
    const value = key === ID ? record.id : record.values[key]
    const field = fieldOf(kind, key)
    if (field !== undefined && isEmptyValue(field, value)) continue
    const source = field === undefined ? printText(record.id) : printValue(field, value, `${key}:`)
    const before = order.slice(0, place).findLast((name) => parts.some((part) => part.key === name))
    insertAfter(parts, before, newPart(key, source))
  }
  for (const [key, raw] of Object.entries(record.extra).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (parts.some((part) => part.key === key) || fieldOf(kind, key) !== undefined || key === ID) continue
    if (checkKey(key, new Set()) !== undefined) continue
    parts.push({ key, own: renderExtra(emptyEntry(key), raw), rest: '', isNew: true })
  }
}

function insertAfter(parts: Part[], key: string | undefined, part: Part): void {
  const at = parts.findIndex((other) => key !== undefined && other.key === key)
  const before = parts[at]
  if (before === undefined) {
    parts.unshift(part)
    return
  }
  parts.splice(at, 1, { ...before, rest: '' }, { ...part, rest: before.rest })
}

function newPart(key: string, value: string): Part {
  return { key, own: withValue(emptyEntry(key), value), rest: '', isNew: true }
}

function emptyEntry(key: string): Entry {
  return { key, head: `${printKey(key)}:`, gap: '', value: '', tail: '\n', input: null, style: 'plain', line: 1 }
}

function printKey(key: string): string {
  return /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(key) ? printText(key) : printText(key, { style: 'double' })
}

function checkKey(key: string, known: ReadonlySet<string>): string | undefined {
  if (known.has(key)) return `the key "${key}" is there twice`
  if (key === '__proto__') return 'the key __proto__ is not allowed'
  return key.length > MAX_KEY_LENGTH ? `the key is longer than ${MAX_KEY_LENGTH} characters` : undefined
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function unreadable(text: string, { reason, at }: { readonly reason: string; readonly at: number }): Unreadable {
  return { ok: false, reason, ...placeOf(text, at) }
}

function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}
