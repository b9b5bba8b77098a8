import { isScalar, type YAMLSeq } from 'yaml'
import type { Field } from './field.ts'
import { type Entry, jsonInput, listOf, readEntry, sourceOf, splitChunks, withValue } from './front-entry.ts'
import { emptyValue, type Value } from './kind.ts'
import { type Parsed, parseValue } from './validate.ts'
import { printText } from './yaml-text.ts'

const MAX_LINE = 100

/** Reads the value of an entry as its field understands it. */
export function readValue(field: Field, entry: Entry): Parsed {
  if (field.value.type !== 'json') return parseValue(field, entry.input)
  const value = jsonInput(entry)
  // As JSON text: a text that looks like JSON is still a text.
  return parseValue(field, value === undefined || value === null ? null : (JSON.stringify(value) ?? value))
}

export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b
  return a.length === b.length && a.every((member, i) => member === b[i])
}

export function isEmptyValue(field: Field, value: Value | undefined): boolean {
  return value === undefined || value === null || sameValue(value, emptyValue(field))
}

/** Prints a value the one way orch writes it of itself: lists inside brackets as long as the line is not too long. */
export function printValue(field: Field, value: Value | undefined, head: string): string {
  if (Array.isArray(value)) return printList(field, value, head)
  return isEmptyValue(field, value) ? '' : printScalar(field, value as string | number)
}

/** Prints another value in place of an entry's, in the style a person chose: quotes where they fit; untouched list items with their comments. */
export function reprint(field: Field, entry: Entry, value: Value | undefined): string {
  if (Array.isArray(value)) {
    const edited = editList(field, entry, value)
    if (edited !== undefined) return edited
  } else if (entry.style !== 'plain' && field.value.type !== 'json' && !isEmptyValue(field, value)) {
    return withValue(entry, printText(String(value), { style: entry.style }))
  }
  return withValue(entry, printValue(field, value, entry.head))
}

/** JSON as YAML on one line, which every YAML 1.2 reader takes for the same. */
function printJson(value: unknown, flow = false): string {
  if (typeof value === 'string') return printText(value, { flow })
  if (Array.isArray(value)) return printFlow(value.map((item) => printJson(item, true)))
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const pairs = Object.entries(value).map(
    ([key, item]) => `${printText(key, { style: isWord(key) ? 'plain' : 'double' })}: ${printJson(item, true)}`,
  )
  return `{${pairs.join(', ')}}`
}

function isWord(key: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key)
}

function printScalar(field: Field, value: string | number, flow = false): string {
  if (field.value.type === 'json') return printJson(JSON.parse(String(value)))
  if (typeof value === 'number') return String(value)
  // A date or time needs no quotes: here it is what it looks like.
  const bare = field.value.type === 'time' && /^\d{4}-\d\d-\d\d(?:[T ][\d:.]+ ?(?:Z|[+-][\d:]+))?$/i.test(value)
  return bare ? value : printText(value, { flow })
}

function printList(field: Field, members: readonly string[], head: string): string {
  const flow = printFlow(members.map((member) => printScalar(field, member, true)))
  if (head.length + flow.length < MAX_LINE) return flow
  return members.map((member) => `\n  - ${printScalar(field, member)}`).join('')
}

function printFlow(items: readonly string[]): string {
  return `[${items.join(', ')}]`
}

/** An entry's list with members taken out and put in at the end; undefined when that cannot be done in its style. */
function editList(field: Field, entry: Entry, members: readonly string[]): string | undefined {
  const list = listOf(entry)
  const items = list?.items.map((item) => readItem(field, item))
  if (list === undefined || items === undefined || items.length === 0 || members.length === 0) return undefined
  const added = members.filter((member) => !items.some((item) => item?.member === member))
  const edit = list.flow ? editFlow : editBlock
  const edited = edit(sourceOf(entry), list, {
    items,
    keeps: items.map((item) => item !== undefined && members.includes(item.member)),
    added: added.map((member) => printScalar(field, member, list.flow === true)),
  })
  return edited !== undefined && reads(field, edited, members) ? edited : undefined
}

interface Item {
  readonly member: string
  readonly start: number
  readonly end: number
}

interface ListEdit {
  readonly items: readonly (Item | undefined)[]
  readonly keeps: readonly boolean[]
  /** Sources of the new items. */
  readonly added: readonly string[]
}

function readItem(field: Field, item: unknown): Item | undefined {
  if (!isScalar(item) || item.range == null) return undefined
  const parsed = parseValue(field, [item.value])
  const member = parsed.ok && Array.isArray(parsed.value) ? parsed.value[0] : undefined
  return member === undefined ? undefined : { member, start: item.range[0], end: item.range[1] }
}

/** Takes out whole lines, but none that holds only a comment, and puts new ones below the last item. */
function editBlock(source: string, _list: YAMLSeq, { items, keeps, added }: ListEdit): string | undefined {
  let result = ''
  let from = 0
  let indent = '  - '
  for (const [i, item] of items.entries()) {
    if (item === undefined) return undefined
    const line = source.lastIndexOf('\n', item.start) + 1
    const next = source.indexOf('\n', item.end) + 1 || source.length
    indent = source.slice(line, item.start)
    result += keeps[i] ? source.slice(from, next) : source.slice(from, line)
    from = next
  }
  if (!/^ *- +$/.test(indent)) return undefined
  for (const item of added) result += `${indent}${item}\n`
  return result + source.slice(from)
}

function editFlow(source: string, list: YAMLSeq, { items, keeps, added }: ListEdit): string | undefined {
  const [first, last] = [items[0], items.at(-1)]
  if (first === undefined || last === undefined || list.range == null) return undefined
  let result = source.slice(0, first.start)
  let kept: number | undefined
  for (const [i, item] of items.entries()) {
    if (item === undefined) return undefined
    if (!keeps[i]) continue
    const before = i > 0 && kept === i - 1 ? source.slice(items[i - 1]?.end, item.start) : ', '
    result += (kept === undefined ? '' : before) + source.slice(item.start, item.end)
    kept = i
  }
  const joined = kept === undefined ? added.join(', ') : added.map((item) => `, ${item}`).join('')
  return result + joined + source.slice(last.end)
}

/** Whether an entry's source says these members and nothing else. */
function reads(field: Field, source: string, members: readonly string[]): boolean {
  const { chunks, stray } = splitChunks(source)
  const [chunk, more] = chunks
  if (chunk === undefined || more !== undefined || stray !== undefined) return false
  const entry = readEntry(chunk)
  if ('reason' in entry) return false
  const parsed = readValue(field, entry)
  return parsed.ok && sameValue(parsed.value, members)
}
