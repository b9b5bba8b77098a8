import { task } from '../../kinds/task.ts'
import type { Json } from '../../record.ts'
import { parseValue } from '../../validate.ts'
import { fieldOf } from '../imported.ts'

/** One line of `issues.jsonl`, checked: it has an id and a title, and every text in it can stand in a file. */
export interface Issue {
  readonly id: string
  readonly [key: string]: Json
}

const MAX_DEPTH = 64

/** Reads a line of `issues.jsonl`, or says why it holds no issue. */
export function readIssue(line: string): Issue | { readonly reason: string; readonly id?: never } {
  let value: Json
  try {
    value = JSON.parse(line) as Json
  } catch (error) {
    // Lines are cut and merged, by hand and by git: a broken one is an answer.
    return { reason: `it is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { reason: 'it is no JSON object' }
  const issue = value as Readonly<Record<string, Json>>
  const fault = faultOf(issue, 0)
  if (fault !== undefined) return { reason: fault }
  const ids = parseValue(fieldOf(task, 'aliases'), [issue.id])
  const id = ids.ok && Array.isArray(ids.value) ? ids.value[0] : undefined
  if (id === undefined) return { reason: ids.ok ? 'it has no id' : `its id ${ids.reason}` }
  return textOf(issue.title) === undefined ? { reason: `it has no title (${id})` } : { ...issue, id }
}

/** What a value says, where it is text that is not blank. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** Whether a value says nothing. Go writes the year 1 for a time that was never set. */
export function isEmpty(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.trim() === '' || value === '0001-01-01T00:00:00Z'
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

/** The items of a list, without those that say nothing; what is no list is its only item. */
export function listOf(value: Json | undefined): readonly Json[] {
  const list: readonly (Json | undefined)[] = Array.isArray(value) ? value : [value]
  return list.flatMap((one) => (one === undefined || isEmpty(one) ? [] : [one]))
}

/** A value's members, where it has any. */
export function membersOf(value: Json): Readonly<Record<string, Json>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Readonly<Record<string, Json>>) : {}
}

/** Says what of a value cannot be kept as it stands there. */
function faultOf(value: Json, depth: number): string | undefined {
  if (typeof value === 'string') {
    const parsed = parseValue(fieldOf(task, 'body'), value)
    return parsed.ok ? undefined : `a text in it ${parsed.reason}`
  }
  if (typeof value === 'number') {
    const isExact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
    return isExact ? undefined : 'a number in it is too large to be read exactly'
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH}`
  for (const [key, member] of Object.entries<Json>({ ...value })) {
    const fault = faultOf(key, depth) ?? faultOf(member, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}
