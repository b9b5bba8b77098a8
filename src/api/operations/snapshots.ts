import { z } from 'zod'
import { placeText } from '../../base/place-text.ts'
import type { Operation, RemoteSync, SnapshotInfo } from '../operation.ts'
import { defineOperation } from './define.ts'
import { itemSchema } from './schemas.ts'

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
  defineOperation<{ git: boolean }, unknown>({
    name: 'sync',
    effect: 'write',
    role: 'writer',
    help: 'Waits until all that was saved before it is merged, written to the files and in a snapshot; with --git, also synced with the git remote.',
    input: z.strictObject({
      git: z.boolean().default(false).describe('also fetch from the git remote, merge and push'),
    }),
    output: z.object({
      snapshot: snapshotSchema.nullable().describe('the commit it made, or null when there was nothing to commit'),
      remote: z
        .object({
          remote: z.string().describe('its name'),
          commit: z.string().describe('the commit that both have now'),
          received: z.boolean().describe('whether something came'),
          sent: z.boolean().describe('whether something went'),
        })
        .nullable()
        .describe('the git remote, if it was synced with'),
      problems: z.array(itemSchema).describe('what needs somebody'),
      message: z.string().describe('what happened'),
    }),
    cli: {
      command: 'sync',
      positionals: [],
      view: { type: 'text', field: 'message' },
      examples: ['orch sync', 'orch sync --git'],
    },
    async run({ parts }, { git }) {
      await parts.mirror.sync()
      const snapshot = await parts.snapshots.take()
      const remote = git ? await parts.remote.sync() : undefined
      // What came from there is in the files, too, when this answers.
      if (remote?.received) await parts.mirror.sync()
      const problems = parts.attention.list()
      const needs = problems.map((one) => `${placeText(one)}: ${one.what.replace(/\.$/, '')}. ${one.fix}`)
      const message = [
        'Everything that was saved is merged and written.',
        snapshotSentence(snapshot),
        ...(remote ? [remoteSentence(remote)] : []),
        ...needs,
      ].join('\n')
      return { snapshot: snapshot ?? null, remote: remote ?? null, problems, message }
    },
  }),
]

function remoteSentence({ remote, received, sent }: RemoteSync): string {
  const what = [received ? 'what others did came here' : '', sent ? 'what is here went there' : ''].filter(Boolean)
  return `Synced with ${remote}: ${what.length > 0 ? what.join(', ') : 'both had the same'}.`
}

function snapshotSentence(snapshot: SnapshotInfo | undefined): string {
  return snapshot
    ? `Snapshot ${snapshot.commit.slice(0, 10)}: ${snapshot.subject}`
    : 'Nothing is new since the last snapshot.'
}
