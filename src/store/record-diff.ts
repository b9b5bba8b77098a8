import { unreachable } from '../base/assert.ts'
import { entriesOf } from '../model/comments.ts'
import type { Field } from '../model/field.ts'
import { emptyValue, type RecordKind, type Value, type Values } from '../model/kind.ts'
import type { KeyedValue, StoredRecord } from './project.ts'

/** What happened to a record or key between two moments, in words for a person. */
export interface Difference {
  /** `created "Fix login"`, `todo -> in_progress`, `body +12 -3 words`: fits a subject line. */
  readonly headline: string
  /** Every field that changed: `labels +api -old`. */
  readonly lines: readonly string[]
}

/** Says how a record differs from what it was; undefined stands for "was not there". */
export function recordDifference(
  kind: RecordKind,
  before: StoredRecord | undefined,
  after: StoredRecord | undefined,
): Difference {
  if (!after) return { headline: NOTHING, lines: [] }
  const title = `"${oneLine(after.values[kind.title] ?? after.id, 60)}"`
  const [was, is] = [before !== undefined && before.deletedAt === undefined, after.deletedAt === undefined]
  const fields = fieldLines(kind, before, after)
  const lines = fields.map(({ line }) => line)
  if (!before)
    return is ? { headline: `created ${title}`, lines } : { headline: `created and deleted ${title}`, lines: [] }
  if (was && !is) return { headline: `deleted ${title}`, lines: ['deleted', ...lines] }
  if (!was && is) return { headline: `restored ${title}`, lines: ['restored', ...lines] }
  return { headline: headlineOf(kind, fields), lines }
}

/** The fields of a record that differ, and its other keys: by name, as `recordDifference` words them. */
export function changedFields(
  kind: RecordKind,
  before: StoredRecord | undefined,
  after: StoredRecord,
): readonly { readonly name: string; readonly line: string }[] {
  return fieldLines(kind, before, after)
}

/** Says how the value of a key differs from what it was. */
export function keyDifference(before: KeyedValue | undefined, after: KeyedValue | undefined): Difference {
  const [from, to] = [jsonOf(before), jsonOf(after)]
  const headline =
    from === to ? NOTHING : to === undefined ? `removed (was ${from})` : from === undefined ? to : `${from} -> ${to}`
  return { headline, lines: [headline] }
}

/** A value on one line of a message, at most `length` characters. */
export function oneLine(value: Value, length: number): string {
  const text = String(value ?? 'none')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
  const characters = [...text.slice(0, length * 2)]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

const NOTHING = 'no visible change'

interface FieldLine {
  readonly name: string
  readonly line: string
}

/** One line that says most: the register that stamps hang on (a task's status) or an end, then a single change, then names. */
function headlineOf(kind: RecordKind, fields: readonly FieldLine[]): string {
  const end = fields.find(({ name }) => endsWith(kind, name))
  if (end) return end.line
  const stamped = new Set(Object.values(kind.stamps).map(({ field }) => field))
  const step = fields.find(({ name }) => stamped.has(name))
  if (step) return step.line.slice(step.name.length + 1)
  const [first, second] = fields
  if (!first) return NOTHING
  return second ? fields.map(({ name }) => name).join(', ') : first.line
}

function fieldLines(kind: RecordKind, before: StoredRecord | undefined, after: StoredRecord): readonly FieldLine[] {
  const old: Values = before?.values ?? kind.defaults
  const lines: FieldLine[] = []
  for (const [name, field] of Object.entries(kind.fields)) {
    if (endsWith(kind, name)) {
      const line = endLine(name, before?.values[name] ?? null, after.values[name] ?? null)
      if (line !== undefined) lines.push({ name, line })
      continue
    }
    // What orch sets itself repeats another change, and the headline of a new record has its title.
    if (field.readonly || (!before && name === kind.title)) continue
    const line = fieldLine(name, field, old[name] ?? emptyValue(field), after.values[name] ?? emptyValue(field))
    if (line !== undefined) lines.push({ name, line: field.merge === 'entries' ? line : `${name} ${line}` })
  }
  for (const name of new Set([...Object.keys(before?.extra ?? {}), ...Object.keys(after.extra)])) {
    const line = arrow(before?.extra[name] ?? null, after.extra[name] ?? null)
    if (line !== undefined) lines.push({ name, line: `${oneLine(name, 40)} ${line}` })
  }
  if (!before) return lines
  const renamed = arrow(before.file, after.file)
  if (renamed !== undefined) lines.push({ name: 'file', line: `file ${renamed}` })
  if (lines.length === 0 && before.front !== after.front)
    lines.push({ name: 'front matter', line: 'front matter rearranged' })
  return lines
}

/** Whether a record is active as long as this field of it, which orch sets, is empty: a session's `endedAt`. */
function endsWith(kind: RecordKind, name: string): boolean {
  const allowed = kind.filters.active?.where[name]
  return kind.fields[name]?.readonly === true && allowed?.length === 1 && allowed[0] === null
}

/** `endedAt` -> `ended` */
function endLine(name: string, from: Value, to: Value): string | undefined {
  if (from !== null && to !== null) return undefined
  return from === to
    ? undefined
    : `${to === null ? 'not ' : ''}${name.replace(/At$/, '')}${to === null ? ' any more' : ''}`
}

function fieldLine(name: string, field: Field, from: Value, to: Value): string | undefined {
  switch (field.merge) {
    case 'register':
      return arrow(from, to)
    case 'prose':
      return from === to ? undefined : wordsChanged(String(from), String(to))
    case 'set':
      return membersChanged(from as readonly string[], to as readonly string[])
    case 'counter':
      return from === to ? undefined : signed(Number(to) - Number(from))
    case 'entries':
      return entriesAdded(name, entriesOf(to).length - entriesOf(from).length)
    default:
      return unreachable(field.merge)
  }
}

const arrow = (from: Value, to: Value): string | undefined =>
  from === to ? undefined : `${oneLine(from, 60)} -> ${oneLine(to, 60)}`

/** Sums of hours such as 0.1 + 0.2 are said as people wrote them. */
const signed = (amount: number): string => `${amount < 0 ? '' : '+'}${Number(amount.toFixed(6))}`

/** `+1 comment` */
function entriesAdded(name: string, count: number): string | undefined {
  return count === 0 ? undefined : `${signed(count)} ${Math.abs(count) === 1 ? name.replace(/s$/, '') : name}`
}

function membersChanged(from: readonly string[], to: readonly string[]): string | undefined {
  const said = [
    ...to.filter((member) => !from.includes(member)).map((member) => `+${oneLine(member, 40)}`),
    ...from.filter((member) => !to.includes(member)).map((member) => `-${oneLine(member, 40)}`),
  ]
  if (said.length === 0) return undefined
  return said.length <= 12 ? said.join(' ') : `${said.slice(0, 12).join(' ')} and ${said.length - 12} more`
}

/** Words as people count them; in scripts written without blanks every character is one. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu

/**
 * Counts words that came and words that went, whatever their place: linear in the part that differs, where a real
 * difference of two long texts would keep everybody waiting.
 */
function wordsChanged(from: string, to: string): string {
  const [start, end] = commonEnds(from, to)
  const balance = new Map<string, number>()
  const count = (text: string, by: 1 | -1): void => {
    for (const word of text.match(WORD) ?? []) balance.set(word, (balance.get(word) ?? 0) + by)
  }
  count(to.slice(start, to.length - end), 1)
  count(from.slice(start, from.length - end), -1)
  let [came, went] = [0, 0]
  for (const change of balance.values()) {
    if (change > 0) came += change
    else went -= change
  }
  if (came + went === 0) return 'rearranged'
  const parts = [...(came > 0 ? [`+${came}`] : []), ...(went > 0 ? [`-${went}`] : [])]
  return `${parts.join(' ')} ${came + went === 1 ? 'word' : 'words'}`
}

/** How much two texts share at the beginning and at the end, cut back to blanks so that no word is split. */
function commonEnds(a: string, b: string): readonly [number, number] {
  const most = Math.min(a.length, b.length)
  let start = 0
  while (start < most && a.charCodeAt(start) === b.charCodeAt(start)) start++
  while (start > 0 && !/\s/.test(a.charAt(start - 1))) start--
  let end = 0
  while (end < most - start && a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)) end++
  while (end > 0 && !/\s/.test(a.charAt(a.length - end))) end--
  return [start, end]
}

const jsonOf = (value: KeyedValue | undefined): string | undefined =>
  value?.value === undefined ? undefined : oneLine(JSON.stringify(value.value), 60)
