import { z } from 'zod'
import type { Conflict, ConflictSide } from '../../store/conflicts.ts'
import type { Operation } from '../operation.ts'
import { conflictText } from './conflict-text.ts'
import { defineOperation, originOf } from './define.ts'
import { keyOf } from './history.ts'
import { isoTime } from './output.ts'

const sideSchema = z.object({
  value: z.json().describe('the value; null where the field was cleared'),
  actor: z.string().describe('who wrote it'),
  at: z.string().describe('when'),
  session: z.string().nullable().describe('in which session'),
  change: z.string().describe('in which change'),
})

const conflictSchema = z.object({
  id: z.string().describe('its id'),
  key: z.string().describe('the record, or the key of the state'),
  field: z.string().describe('the field'),
  source: z.enum(['concurrent', 'stale']).describe('written at the same time, or from an older text'),
  winner: sideSchema.describe('the value that shows'),
  loser: sideSchema.describe('the value that lost'),
  state: z
    .enum(['open', 'taken', 'decided', 'kept'])
    .describe('open; what lost was taken; somebody wrote another value; or what shows was found right'),
  settledBy: z.string().optional().describe('who decided'),
  settledAt: z.string().optional().describe('when'),
  text: z.string().describe('all of it in a line'),
})

const idSchema = z.string().describe('the conflict: its id, or a unique beginning of it')

/** Values that lost against others written at the same time. */
export const conflictOperations: readonly Operation[] = [
  defineOperation<{ id?: string | undefined; all?: boolean | undefined; limit: number }, unknown>({
    name: 'conflict.list',
    effect: 'read',
    role: 'reader',
    help: 'Lists fields that several wrote at the same time: both values, by whom and when. One of them shows, the other can be taken.',
    input: z.strictObject({
      id: z.string().optional().describe('only of this record, or key of the state'),
      all: z.boolean().optional().describe('also those that are decided'),
      limit: z.number().int().min(1).max(500).default(50).describe('how many at most'),
    }),
    output: z.object({ items: z.array(conflictSchema).describe('the newest first') }),
    cli: {
      command: 'conflicts',
      positionals: ['id'],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'id', head: 'id', style: 'id' },
          { key: 'loser.at', head: 'when', style: 'time' },
          { key: 'state', head: 'state', style: 'status' },
          { key: 'text', head: 'what' },
        ],
        empty: 'Nobody wrote one field at the same time as another.',
      },
      examples: ['orch conflicts', 'orch conflicts t-7f3k --all'],
    },
    run: ({ project }, { id, all, limit }) => ({
      items: project.conflicts
        .list({ ...(id !== undefined && { key: keyOf(project, id) }), all, limit })
        .map(toConflict),
    }),
  }),
  defineOperation<{ id: string }, unknown>({
    name: 'conflict.take',
    effect: 'write',
    role: 'writer',
    help: 'Puts the value that lost back, as a new change.',
    input: z.strictObject({ id: idSchema }),
    output: conflictSchema,
    cli: {
      command: 'conflict take',
      positionals: ['id'],
      view: { type: 'message', text: '{text}' },
      examples: ['orch conflict take x-3f21'],
    },
    async run(context, input) {
      const { project, actor } = context
      const { id } = project.conflicts.get(input.id)
      await project.transact(originOf(context), (tx) => project.conflicts.take(tx, id, actor.name))
      return toConflict(project.conflicts.get(id))
    },
  }),
  defineOperation<{ id: string }, unknown>({
    name: 'conflict.keep',
    effect: 'write',
    role: 'writer',
    help: 'Says that the value that shows is right: the conflict is decided.',
    input: z.strictObject({ id: idSchema }),
    output: conflictSchema,
    cli: {
      command: 'conflict keep',
      positionals: ['id'],
      view: { type: 'message', text: '{text}' },
      examples: ['orch conflict keep x-3f21'],
    },
    run: ({ project, actor }, { id }) => toConflict(project.conflicts.keep(id, actor.name)),
  }),
]

function toConflict({ settledAt, ...conflict }: Conflict) {
  return {
    ...conflict,
    winner: sideOf(conflict.winner),
    loser: sideOf(conflict.loser),
    ...(settledAt !== undefined && { settledAt: isoTime(settledAt) }),
    text: conflictText(conflict),
  }
}

function sideOf(side: ConflictSide) {
  return { ...side, at: isoTime(side.at), session: side.session === '' ? null : side.session }
}
