import { z } from 'zod'
import type { Operation, SnapshotInfo } from '../operation.ts'
import { defineOperation } from './define.ts'
import { itemSchema, nothing } from './schemas.ts'

const snapshotSchema = z.object({
  commit: z.string().describe('the commit'),
  at: z.string().describe('when'),
  author: z.string().describe('who'),
  subject: z.string().describe('what, in a line'),
  body: z.string().describe('what, in full'),
})

/** Snapshots of the state in git, and waiting until everything is in one. */
export const snapshotOperations: readonly Operation[] = [
  defineOperation<{ id?: string | undefined; limit: number }, unknown>({
    name: 'snapshots',
    effect: 'read',
    role: 'reader',
    help: 'Lists the snapshots in git, the newest first: all, or those that changed one record.',
    input: z.strictObject({
      id: z.string().optional().describe('only what changed this record'),
      limit: z.number().int().min(1).max(1000).default(20).describe('how many at most'),
    }),
    output: z.object({ items: z.array(snapshotSchema).describe('the snapshots') }),
    cli: {
      command: 'snapshots',
      positionals: ['id'],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'commit', head: 'commit', style: 'commit' },
          { key: 'at', head: 'when', style: 'time' },
          { key: 'author', head: 'who' },
          { key: 'subject', head: 'what' },
        ],
        empty: 'There is no snapshot yet.',
      },
      examples: ['orch snapshots', 'orch snapshots t-7f3k --limit 5'],
    },
    async run({ project, parts }, { id, limit }) {
      const record = id === undefined ? undefined : project.resolve(id).id
      return { items: await parts.snapshots.history({ limit, ...(record !== undefined && { id: record }) }) }
    },
  }),
  defineOperation<{ message?: string | undefined }, unknown>({
    name: 'snapshot',
    effect: 'write',
    role: 'writer',
    help: 'Commits what is not in git yet to the branch of snapshots, now. Your own branches, index and files are not touched.',
    input: z.strictObject({ message: z.string().optional().describe('the first line of the commit message') }),
    output: z.object({
      snapshot: snapshotSchema.nullable().describe('the commit, or null when everything was in one already'),
      message: z.string().describe('what happened'),
    }),
    cli: {
      command: 'snapshot',
      positionals: [],
      view: { type: 'text', field: 'message' },
      examples: ['orch snapshot', "orch snapshot --message 'Before the release'"],
    },
    async run({ parts }, { message }) {
      const snapshot = await parts.snapshots.take(message)
      return { snapshot: snapshot ?? null, message: snapshotSentence(snapshot) }
    },
  }),
  defineOperation<object, unknown>({
    name: 'sync',
    effect: 'write',
    role: 'writer',
    help: 'Waits until all that was saved before it is merged, written to the files and in a snapshot.',
    input: nothing,
    output: z.object({
      snapshot: snapshotSchema.nullable().describe('the commit it made, or null when there was nothing to commit'),
      problems: z.array(itemSchema).describe('what needs somebody'),
      message: z.string().describe('what happened'),
    }),
    cli: { command: 'sync', positionals: [], view: { type: 'text', field: 'message' }, examples: ['orch sync'] },
    async run({ parts }) {
      await parts.mirror.sync()
      const snapshot = await parts.snapshots.take()
      const problems = parts.attention.list()
      const needs = problems.map(({ where, what, fix }) => `${where}: ${what.replace(/\.$/, '')}. ${fix}`)
      const message = ['Everything that was saved is merged and written.', snapshotSentence(snapshot), ...needs].join(
        '\n',
      )
      return { snapshot: snapshot ?? null, problems, message }
    },
  }),
]

function snapshotSentence(snapshot: SnapshotInfo | undefined): string {
  return snapshot
    ? `Snapshot ${snapshot.commit.slice(0, 10)}: ${snapshot.subject}`
    : 'Nothing is new since the last snapshot.'
}
