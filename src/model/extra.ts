import type { Field } from './field.ts'
import { type Entry, jsonInput, readEntry, splitChunks } from './front-entry.ts'
import { readValue } from './front-value.ts'
import type { Value } from './kind.ts'
import type { Json } from './record.ts'
import { guardYaml } from './yaml-guard.ts'
import { printText } from './yaml-text.ts'

const MAX_LINE = 100

/** Whether a front matter is one key with this value, byte for byte. */
export function isEntry(source: string, key: string, raw: string): boolean {
  const entry = entryOf(source)
  return entry?.key === key && entry.value === raw
}

/**
 * Prints a value as the YAML source of an extra key, which rendering and parsing give back byte for byte: text of
 * several lines as a block, a long list line by line, everything else on one line. What is
 * nested too deeply is printed as text that holds its JSON.
 */
export function printExtra(value: Json): string {
  const isText = typeof value === 'string'
  const reads = (source: string): boolean => {
    const entry = entryOf(source.startsWith('\n') ? `x:${source}` : `x: ${source}`)
    return entry?.value === source && (!isText || entry.input === value)
  }
  const printed = [...(isText ? blockText(value) : blockList(value)), printInline(value)].find(reads)
  if (printed !== undefined) return printed
  // Brackets inside text count as nesting too.
  const text = printText(isText ? value : JSON.stringify(value), { style: 'double' })
  return text.replaceAll('[', '\\u005b').replaceAll('{', '\\u007b')
}

/**
 * What an extra key says as the value of a field that was declared after it was written; undefined where it says nothing.
 * A value that breaks the field's rules is given as it is, for somebody to see.
 */
export function valueOfExtra(field: Field, key: string, raw: string): Value | undefined {
  const entry = entryOf(`${key}:${raw.startsWith('\n') ? '' : ' '}${raw}\n`)
  if (entry === undefined || entry.input === null || entry.input === undefined) return undefined
  const parsed = readValue(field, entry)
  if (parsed.ok) return parsed.value
  const text = typeof entry.input === 'string' ? entry.input : raw.trim()
  return field.merge === 'set' ? [text] : text
}

/** What an extra key's source says to YAML's own rules; undefined where it cannot be read. */
export function jsonOfExtra(raw: string): Json | undefined {
  const entry = entryOf(`x:${raw.startsWith('\n') ? '' : ' '}${raw}\n`)
  return entry && (jsonInput(entry) as Json | undefined)
}

function entryOf(source: string): Entry | undefined {
  const { chunks, lead, stray } = splitChunks(source)
  const [chunk, more] = chunks
  if (chunk === undefined || more !== undefined || stray !== undefined || lead !== '') return undefined
  if (guardYaml(source) !== undefined) return undefined
  const entry = readEntry(chunk)
  return 'reason' in entry ? undefined : entry
}

function blockText(text: string): readonly string[] {
  return text.includes('\n') ? [`|-\n${text.replace(/^(?!$)/gm, '  ')}`] : []
}

function blockList(value: Json): readonly string[] {
  if (!Array.isArray(value) || printInline(value).length < MAX_LINE) return []
  return [value.map((item: Json) => `\n  - ${printInline(item)}`).join('')]
}

function printInline(value: Json, flow = false): string {
  if (typeof value === 'string') return printText(value, { flow })
  if (typeof value !== 'object' || value === null) return String(value)
  const isList = Array.isArray(value)
  const parts = isList
    ? value.map((item: Json) => printInline(item, true))
    : Object.entries(value).map(([key, item]) => `${printText(key, { flow: true })}: ${printInline(item, true)}`)
  return isList ? `[${parts.join(', ')}]` : `{${parts.join(', ')}}`
}
