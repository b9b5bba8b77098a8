import { z } from 'zod'
import { unreachable } from '../../base/assert.ts'
import { entriesField, entriesOf } from '../../model/comments.ts'
import type { Field } from '../../model/field.ts'
import type { RecordKind, Value } from '../../model/kind.ts'
import { task } from '../../model/kinds/task.ts'
import { recordHash } from '../../model/record.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { Column } from '../operation.ts'

/** A record as every surface shows it. */
export type RecordOutput = Readonly<Record<string, unknown>>

export const entrySchema = z.object({
  id: z.string().describe('its id'),
  at: z.string().describe('when it was written'),
  by: z.string().describe('who wrote it'),
  text: z.string().describe('what it says: any Markdown'),
})

/** Beside the numbers of an answer, where there may be more: of words that very many records hold, not all are counted. */
export const atLeastSchema = z
  .boolean()
  .optional()
  .describe('true where there are at least so many: of words that very many hold, not all are counted')

const related = z.record(z.string(), z.unknown()).optional().describe('what was included, by name')

/** The schema of a record as every surface shows it. Values are not held to their kind's rules: what is there is shown. */
export function recordSchema(
  kind: RecordKind,
  options: { readonly bodyOptional?: boolean; readonly partial?: boolean } = {},
): z.ZodType<RecordOutput> {
  const fields = Object.entries(kind.fields).map(([name, field]) => {
    const schema = fieldSchema(field).describe(field.help)
    return [name, options.bodyOptional && isLong(kind, name) ? schema.optional() : schema] as const
  })
  const schema = z.object({
    id: z.string().describe('its id, for good'),
    kind: z.literal(kind.name),
    ...Object.fromEntries(fields),
    extra: z
      .record(z.string(), z.string())
      .optional()
      .describe('front matter keys that are no fields: YAML source by key'),
    file: z.string().describe('its file, below the mirror directory'),
    ...Object.fromEntries(
      Object.entries(kind.fields)
        .filter(([, field]) => field.merge === 'entries')
        .map(([name]) => [`${name}Count`, z.number().optional().describe(`how many ${name} it has, in lists`)]),
    ),
    hash: z.string().describe('names this content: send it as base of a change that is about this content'),
    updatedAt: z.string().describe('when it was changed last'),
    updatedBy: z.string().describe('who changed it last'),
    deletedAt: z.string().optional().describe('when it was deleted, if it is'),
    deletedBy: z.string().optional().describe('who deleted it'),
    issues: z.array(z.string()).optional().describe('what is wrong with its values'),
    ...(kind.name === task.name && mentionSchemas),
  })
  if (options.partial) return schema.partial().extend({ related }) as z.ZodType<RecordOutput>
  return schema as unknown as z.ZodType<RecordOutput>
}

/** A record's schema with more around its fields. */
export function extendSchema(schema: z.ZodType<RecordOutput>, more: z.ZodRawShape): z.ZodType<RecordOutput> {
  return schema instanceof z.ZodObject ? (schema.extend(more) as unknown as z.ZodType<RecordOutput>) : schema
}

/** Where the code speaks of a task; only where one is shown. */
const mentionSchemas = {
  commits: z
    .array(
      z.object({
        commit: z.string().describe('the commit'),
        at: z.string().describe('when'),
        author: z.string().describe('who'),
        subject: z.string().describe('what, in a line'),
        branch: z.string().describe('a branch that it is on'),
      }),
    )
    .optional()
    .describe('commits of the code that name it, the newest first'),
  branches: z.array(z.string()).optional().describe('branches of the code that are named after it'),
}

function fieldSchema(field: Field): z.ZodType {
  switch (field.merge) {
    case 'register':
      return field.value.type === 'json' ? z.json() : z.union([z.string(), z.number(), z.null()])
    case 'prose':
      return z.string()
    case 'set':
      return z.array(z.string())
    case 'counter':
      return z.number()
    case 'entries':
      return z.array(entrySchema)
    default:
      return unreachable(field.merge)
  }
}

/** A record as every surface shows it; without the body for lists. */
export function toOutput(
  project: Pick<Project, 'pathOf' | 'kinds'>,
  kind: RecordKind,
  record: StoredRecord,
  options: { readonly withBody: boolean } = { withBody: true },
): RecordOutput {
  const { fields } = project.kinds.own(kind)
  const values = Object.entries(record.values)
    .filter(([name]) => options.withBody || !isLong(kind, name))
    .map(([name, value]) => [name, shownValue(fields[name], value)])
  return {
    id: record.id,
    kind: kind.name,
    ...Object.fromEntries(values),
    ...(Object.keys(record.extra).length > 0 && { extra: record.extra }),
    ...(!options.withBody && countsOf(kind, record)),
    file: record.path ?? project.pathOf(kind, record.id),
    hash: recordHash(record),
    updatedAt: isoTime(record.updatedAt),
    updatedBy: record.updatedBy,
    ...(record.deletedAt !== undefined && { deletedAt: isoTime(record.deletedAt) }),
    ...(record.deletedBy !== undefined && { deletedBy: record.deletedBy }),
    ...(record.issues.length > 0 && { issues: record.issues }),
  }
}

/** What a list leaves out. */
function isLong(kind: RecordKind, name: string): boolean {
  return name === kind.body || kind.fields[name]?.merge === 'entries'
}

function shownValue(field: Field | undefined, value: Value): unknown {
  if (field?.merge === 'entries') return entriesOf(value).map((entry) => ({ ...entry, at: isoTime(entry.at) }))
  return field?.value.type === 'json' && typeof value === 'string' ? JSON.parse(value) : value
}

function countsOf(kind: RecordKind, { values }: StoredRecord): Readonly<Record<string, number>> {
  const field = entriesField(kind)
  return field === undefined ? {} : { [`${field}Count`]: entriesOf(values[field]).length }
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** What a list shows on a terminal: id, the registers a person sees in a new file, the title last. */
export function listColumns(kind: RecordKind): readonly Column[] {
  const shown = Object.entries(kind.fields)
    .filter(([name, field]) => field.shown && field.merge === 'register' && name !== kind.title)
    .map(([name]): Column => ({ key: name, head: name, ...(isStyled(name) && { style: name }) }))
  const place: readonly Column[] = kind.fileName === 'path' ? [{ key: 'file', head: 'file', style: 'dim' }] : []
  return [{ key: 'id', head: 'id', style: 'id' }, ...shown, ...place, { key: kind.title, head: kind.title }]
}

function isStyled(name: string): name is 'status' | 'priority' {
  return name === 'status' || name === 'priority'
}
