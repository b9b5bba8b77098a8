import { MAX_PROSE_LENGTH, MAX_TITLE_LENGTH } from '../field.ts'
import { task } from '../kinds/task.ts'
import type { Json } from '../record.ts'
import { brokenText, parseValue } from '../validate.ts'
import { fieldOf } from './imported.ts'

/** JSON of another tool, one item of it. */
export type Item = Readonly<Record<string, Json>>

export const MAX_DEPTH = 32

/** The item that a value is; undefined when it is none. */
export function itemOf(value: Json | undefined): Item | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Item) : undefined
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : value === undefined || value === null ? [] : [value]
}

/** A text, or a number as text, that says something. */
export function textOf(value: Json | undefined): string | undefined {
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
  return text.trim() === '' ? undefined : text.replace(/\r\n?/g, '\n')
}

/** A title: one line, cut where it is too long. */
export function titleOf(text: string): string {
  const line = text.replace(/\s+/gu, ' ').trim()
  return line.length <= MAX_TITLE_LENGTH ? line : `${[...line].slice(0, MAX_TITLE_LENGTH / 2).join('')}…`
}

/** A time as records keep it; undefined when it is none. */
export function timeOf(value: Json | undefined): string | undefined {
  const text = textOf(value)?.trim()
  if (text === undefined) return undefined
  // Milliseconds or seconds since 1970, as programs write them.
  const numeric = typeof value === 'number' ? new Date(value < 1e11 ? value * 1000 : value) : undefined
  if (numeric !== undefined) return Number.isNaN(numeric.getTime()) ? undefined : numeric.toISOString()
  const parsed = parseValue(fieldOf(task, 'due'), text.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)$/, '$1T$2Z'))
  return parsed.ok && typeof parsed.value === 'string' ? parsed.value : undefined
}

/** More than any item of a tool has; to look through them takes long enough. */
const MAX_VALUES = 50_000

/** Says why a value cannot be kept: nested too deeply, too much, or with a text that no file could hold. */
export function faultOf(value: Json, depth = 0, seen = { values: 0 }): string | undefined {
  if (++seen.values > MAX_VALUES) return `it holds more than ${MAX_VALUES} values`
  if (typeof value === 'string') {
    const broken = brokenText(value)
    if (broken !== undefined) return `a text in it ${broken}`
    return value.length > MAX_PROSE_LENGTH / 2
      ? `a text in it is ${value.length} characters; the limit is ${MAX_PROSE_LENGTH / 2}`
      : undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH}`
  for (const member of Object.values(value)) {
    const fault = faultOf(member as Json, depth + 1, seen)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Puts texts under headings; the first needs none. */
export function bodyOf(parts: readonly (readonly [heading: string | undefined, text: string | undefined])[]): string {
  return parts
    .flatMap(([heading, text]) => (text === undefined || text.trim() === '' ? [] : [[heading, text.trim()] as const]))
    .map(([heading, text], at) =>
      heading === undefined || (at === 0 && heading === '') ? text : `## ${heading}\n\n${text}`,
    )
    .join('\n\n')
}
