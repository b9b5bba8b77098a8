import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { BlamedText } from '../../doc/blame.ts'
import { entriesOf } from '../../model/comments.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { StoredRecord } from '../../store/project.ts'
import { oneLine } from '../../store/record-diff.ts'
import type { TracedRow } from '../../store/traces.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { momentHelp, readMoment } from './moments.ts'
import { isoTime } from './output.ts'
import { recordHelp } from './past.ts'

const byFields = {
  actor: z.string().describe('who'),
  at: z.string().describe('when'),
  session: z.string().nullable().describe('in which session'),
  change: z.string().describe('in which change'),
}

/** Who wrote what. */
export const blameOperations: readonly Operation[] = [
  defineOperation<{ id: string; at?: string | undefined; deleted?: boolean | undefined }, unknown>({
    name: 'blame',
    effect: 'read',
    role: 'reader',
    help: 'Says who wrote every phrase and every field of a record, in which session and when; and who deleted what is gone.',
    input: z.strictObject({
      id: z.string().describe(recordHelp),
      at: z.string().optional().describe(`as it was at ${momentHelp}`),
      deleted: z.boolean().optional().describe('with the text that was deleted, and who deleted it'),
    }),
    output: z.object({
      id: z.string().describe('the record'),
      kind: z.string().describe('its kind'),
      fields: z
        .array(
          z.object({
            ...byFields,
            field: z.string().describe('the field'),
            value: z.string().nullable().describe('what it says; null where it was cleared'),
          }),
        )
        .describe('every field that somebody wrote, and every member of a set'),
      texts: z
        .array(
          z.object({
            ...byFields,
            field: z.string().describe('the text'),
            text: z.string().describe('the phrase'),
            deleted: z.object(byFields).optional().describe('who deleted it, where it is gone'),
          }),
        )
        .describe('every phrase in its place'),
    }),
    cli: {
      command: 'blame',
      positionals: ['id'],
      view: { type: 'blame' },
      examples: ['orch blame t-7f3k', 'orch blame guides/start.md --deleted'],
    },
    async run(context, input) {
      const { project } = context
      const { kind, id } = project.resolve(input.id)
      const moment = input.at === undefined ? undefined : await readMoment(context, input.at)
      const record = moment ? await project.past.record(kind, id, moment.vector) : project.read(kind, id)
      if (!record) throw new OrchError('record_not_then', { id, moment: moment?.name ?? 'now' })
      const own = project.kinds.own(kind)
      const { values, texts } = await project.past.blame(kind, id, moment?.vector)
      return {
        id,
        kind: kind.name,
        fields: values
          .filter(({ isDeleted, member }) => !isDeleted || member === undefined || input.deleted)
          .map(({ field, member, isDeleted, row }) => ({
            field,
            value:
              isDeleted && member === undefined ? null : `${isDeleted ? '-' : ''}${shown(own, record, field, member)}`,
            ...byOf(row),
          })),
        texts: texts.flatMap(({ field, pieces }) =>
          pieces.filter(({ deletedBy }) => !deletedBy || input.deleted).map((piece) => textOf(field, piece)),
        ),
      }
    },
  }),
]

function byOf({ actor, at, session, replica, seq }: TracedRow) {
  return { actor, at: isoTime(at), session: session === '' ? null : session, change: `${replica}:${seq}` }
}

function textOf(field: string, { text, row, deletedBy }: BlamedText<TracedRow>) {
  return { field, text, ...byOf(row), ...(deletedBy && { deleted: byOf(deletedBy) }) }
}

/** A field's value; a member of a set; of an entry its text, of a counter nothing but that somebody added to it. */
function shown(kind: RecordKind, record: StoredRecord, name: string, member: string | undefined): string {
  const field = must(kind.fields[name], `no field ${name}`)
  if (field.merge === 'entries') {
    return oneLine(entriesOf(record.values[name]).find(({ id }) => id === member)?.text ?? '', 60)
  }
  if (field.merge === 'set' && member !== undefined) return member
  return oneLine(record.values[name] ?? '', 60)
}
