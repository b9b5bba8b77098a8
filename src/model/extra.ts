import { readEntry, splitChunks } from './front-entry.ts'
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

function entryOf(source: string) {
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
