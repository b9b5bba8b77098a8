import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { withoutLastNewlines } from '../../base/trim.ts'
import type { Field } from '../../model/field.ts'
import type { RecordId } from '../../model/id.ts'
import type { RecordKind, Value } from '../../model/kind.ts'
import { parseValue } from '../../model/validate.ts'
import type { Project } from '../../store/project.ts'

/** The fields that callers write, in the order of their declaration. */
export function writableFields(kind: RecordKind): readonly (readonly [string, Field])[] {
  return Object.entries(kind.fields).filter(([, field]) => !field.readonly && field.flag !== false)
}

/** What a caller types for a field. */
export function flagOf(name: string, field: Field): string {
  return field.flag || kebabCase(name)
}

export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** The schema of a register's or prose's new value. Numbers may come as text, and an empty text clears. */
export function valueSchema(field: Field): z.ZodType {
  if (field.value.type === 'json') return describe(z.json(), field)
  return describe(field.value.type === 'number' ? z.union([z.number(), z.string()]) : z.string(), field)
}

/** The schema of a set's members. */
export function membersSchema(field: Field, before = ''): z.ZodType {
  return describe(z.array(z.string()), field, before)
}

/** Gives a schema the field's help, with its choices. */
export function describe(schema: z.ZodType, field: Field, before = ''): z.ZodType {
  const choices = field.value.type === 'choice' ? `: ${field.value.choices.join(', ')}` : ''
  return schema.describe(`${before}${field.help}${choices}`)
}

/**
 * A caller's value for a field, checked; ids and aliases of records become their full ids. Throws `invalid_status`,
 * `invalid_input`, and for records `record_not_found`, `ambiguous_id` or `record_deleted`.
 */
export function readInput(project: Project, name: string, field: Field, input: unknown): Value {
  return checked(name, field, resolveRefs(project, field, input))
}

/** A caller's value for a field, checked, with ids as they are. */
export function checked(name: string, field: Field, input: unknown): Value {
  const parsed = parseValue(field, input)
  // A text ends where its last line does; the line's end belongs to the file.
  if (parsed.ok) return field.merge === 'prose' ? withoutLastNewlines(String(parsed.value)) : parsed.value
  if (field.value.type === 'choice' && name === 'status') {
    throw new OrchError('invalid_status', { value: String(input), allowed: field.value.choices.join(', ') })
  }
  throw new OrchError('invalid_input', { field: name, reason: parsed.reason })
}

function resolveRefs(project: Project, field: Field, input: unknown): unknown {
  if (field.value.type !== 'ref') return input
  const kind = kindNamed(project, field.value.kind)
  if (Array.isArray(input)) return input.map((text) => resolveLiving(project, kind, String(text)))
  return input === '' || input === null ? input : resolveLiving(project, kind, String(input))
}

/** The id of a record that is not deleted. Throws `record_not_found`, `ambiguous_id` or `record_deleted`. */
export function resolveLiving(project: Project, kind: RecordKind, text: string): RecordId {
  const { id } = project.resolve(text, kind)
  assertLiving(project, kind, id)
  return id
}

/** Throws `record_deleted` when a record is deleted. */
export function assertLiving(project: Project, kind: RecordKind, id: RecordId): void {
  if (project.read(kind, id)?.deletedAt !== undefined) throw new OrchError('record_deleted', { kind: kind.name, id })
}

export function kindNamed({ kinds }: Pick<Project, 'kinds'>, name: string): RecordKind {
  return must(kinds.record(name), `no kind ${name}`)
}
