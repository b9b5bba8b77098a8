import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { RecordId } from '../../model/id.ts'
import type { RecordKind } from '../../model/kind.ts'
import { decodeFile, type ParsedRecord, parseRecord, renderRecord } from '../../model/markdown.ts'
import { isEmptyPatch, overriddenBy, patchOf } from '../../store/file-patch.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { RecordPatch } from '../../store/tx.ts'
import type { Operation } from '../operation.ts'
import { defineOperation, originOf } from './define.ts'
import { kindNamed } from './fields.ts'
import { assertNoCircles, listOf } from './update.ts'

type Content = Extract<ParsedRecord, { readonly ok: true }>

const idSchema = z.string().describe('the record: its id, a unique beginning of it, an alias, or its file')

/** A record's file as text, and what was edited in it. */
export const editOperations: readonly Operation[] = [
  defineOperation<{ id: string }, unknown>({
    name: 'record.text',
    effect: 'read',
    role: 'reader',
    help: 'Prints the file of a task, a page or any other record, as it is now.',
    input: z.strictObject({ id: idSchema }),
    output: z.object({
      id: z.string().describe('the record'),
      kind: z.string().describe('its kind'),
      file: z.string().describe('its file, below the mirror directory'),
      text: z.string().describe('the whole file'),
    }),
    cli: {
      command: 'cat',
      positionals: ['id'],
      view: { type: 'text', field: 'text' },
      examples: ['orch cat t-7f3k', 'orch cat guides/start.md'],
    },
    run({ project }, input) {
      const { kind, id } = project.resolve(input.id)
      const record = recordOf(project, kind, id)
      if (record.deletedAt !== undefined) throw new OrchError('record_deleted', { kind: kind.name, id })
      return { id, kind: kind.name, file: project.pathOf(kind, id), text: renderRecord(kind, record) }
    },
  }),
  defineOperation<{ id: string; base: string; text: string }, unknown>({
    name: 'record.edit',
    effect: 'write',
    role: 'writer',
    help: "Merges an edited file of a record: what changed from base to text, as if the file had been saved. Nothing is changed when the text cannot be read as the record's file.",
    input: z.strictObject({
      id: idSchema,
      base: z.string().describe('the file as it was when the edit began: the text of `orch cat`'),
      text: z.string().describe('the file as it is to be'),
    }),
    output: z.object({
      id: z.string().describe('the record'),
      changed: z.boolean().describe('whether the edit changes anything'),
      merged: z.boolean().describe('whether others had changed it since base'),
      kept: z.array(z.string()).describe('keys that were edited but stay as they were'),
      message: z.string().describe('what happened'),
    }),
    cli: {
      command: 'edit',
      positionals: ['id'],
      view: { type: 'text', field: 'message' },
      examples: ['orch edit t-7f3k'],
    },
    async run(context, input) {
      const { project } = context
      const { kind, id } = project.resolve(input.id)
      const base = parseRecord(kind, input.base, input.base)
      if (!base.ok) throw new OrchError('invalid_input', { field: 'base', reason: base.reason })
      const saved = contentOf(kind, id, base, input)
      const before = recordOf(project, kind, id)
      const kept = keptKeys(kind, id, base, saved)
      const merged = renderRecord(kind, before) !== input.base
      const patch = patchOf(kind, base, saved, before)
      if (isEmptyPatch(patch))
        return { id, changed: false, merged, kept, message: messageOf('Nothing was changed.', kept) }
      assertKnownRefs(project, kind, patch)
      // A deletion that had not seen this edit does not hold.
      const isDeleted = before.deletedAt !== undefined
      if (isDeleted) await project.transact(originOf(context), (tx) => tx.restore(kind, id))
      let overridden: ReturnType<typeof overriddenBy> = []
      await project.transact(
        originOf(context),
        (tx) => {
          const current = must(tx.read(kind, id), `no record ${id}`)
          const fresh = patchOf(kind, base, saved, current)
          overridden = overriddenBy(kind, base, saved, current)
          assertNoCircles(tx, kind, current, fresh)
          if (!isEmptyPatch(fresh)) tx.update(kind, id, fresh)
        },
        {
          also() {
            for (const { field } of overridden) project.conflicts.overrode(id, field)
          },
        },
      )
      const title = String(recordOf(project, kind, id).values[kind.title] ?? '')
      const others = isDeleted
        ? ' It was deleted meanwhile, and is there again.'
        : merged
          ? ` Others changed it meanwhile; that is in it, too.${overriddenText(overridden)}`
          : ''
      return { id, changed: true, merged, kept, message: messageOf(`Updated ${id}: ${title}.${others}`, kept) }
    },
  }),
]

function recordOf(project: Project, kind: RecordKind, id: RecordId): StoredRecord {
  return must(project.read(kind, id), `no record ${id}`)
}

/** What an edited file says. Throws `invalid_file` where it says nothing valid, other than its base did already. */
function contentOf(kind: RecordKind, id: RecordId, base: Content, input: { base: string; text: string }): Content {
  const refuse = (place: { reason: string; line: number; column: number }): OrchError =>
    new OrchError('invalid_file', { id, reason: place.reason, line: place.line, column: place.column })
  const decoded = decodeFile(Buffer.from(input.text))
  if (!decoded.ok) throw refuse(decoded)
  const saved = parseRecord(kind, decoded.text, input.base)
  if (!saved.ok) throw refuse(saved)
  if (base.hasFrontMatter && !saved.hasFrontMatter) {
    throw refuse({ reason: 'the front matter is missing', line: 1, column: 1 })
  }
  const known = base.invalid.map(({ key }) => key)
  const invalid = saved.invalid.find(({ key }) => !known.includes(key))
  if (invalid) throw refuse({ ...invalid, reason: `${invalid.key}: ${invalid.reason}` })
  return saved
}

/** Keys whose edit does not count: what orch alone writes, and required ones that were emptied. */
function keptKeys(kind: RecordKind, id: RecordId, base: Content, saved: Content): readonly string[] {
  const fields = Object.entries(kind.fields).filter(([name, field]) => {
    const [before, after] = [base.values[name] ?? null, saved.values[name] ?? null]
    if (JSON.stringify(before) === JSON.stringify(after)) return false
    return field.readonly || field.merge === 'entries' || (field.required && after === null)
  })
  return [...(saved.id === id ? [] : ['id']), ...fields.map(([name]) => name)]
}

/** Throws `record_not_found` when an edit names a record that is not there. */
function assertKnownRefs(project: Project, kind: RecordKind, { add, set }: RecordPatch): void {
  for (const [name, { value }] of Object.entries(kind.fields)) {
    if (value.type !== 'ref') continue
    for (const id of [...listOf(add?.[name]), ...listOf(set?.[name])])
      project.resolve(id, kindNamed(project, value.kind))
  }
}

function messageOf(text: string, kept: readonly string[]): string {
  return kept.length === 0 ? text : `${text} Not changed by an edit: ${kept.join(', ')}.`
}

/** What somebody had set meanwhile and was edited to something else. */
function overriddenText(overridden: ReturnType<typeof overriddenBy>): string {
  if (overridden.length === 0) return ''
  const fields = overridden.map(({ field, value }) => `${field} ${JSON.stringify(value)}`).join(', ')
  return ` What they had set is in \`orch conflicts\`: ${fields}.`
}
