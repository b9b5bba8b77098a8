import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { itemSchema, nothing, peerSchema, remoteSchema } from './schemas.ts'

/** The daemon about itself. */
export const daemonOperations: readonly Operation[] = [
  defineOperation<object, unknown>({
    name: 'status',
    effect: 'read',
    role: 'reader',
    help: 'Shows how the daemon is: addresses, sizes, peers, and problems with what to do about them.',
    input: nothing,
    output: z.object({
      pid: z.number().describe('its process id'),
      version: z.string().describe('its version'),
      project: z.object({ id: z.string(), name: z.string() }).describe('the project'),
      replica: z.string().describe('the id of this replica'),
      url: z.string().describe('its HTTP address'),
      websocket: z.string().describe('the address of its y-websocket room'),
      mirror: z.string().describe('the directory of the files'),
      linkedMirrors: z.array(z.string()).readonly().describe('those of linked worktrees'),
      fileAccess: z.string().describe('how files are read and replaced there: what the disk can do'),
      encryption: z.string().describe('by which keys database and git are encrypted at rest, or `none`'),
      branch: z.string().describe('the branch of the snapshots'),
      remote: remoteSchema.nullable().describe('the git remote it is synced with'),
      startedAt: z.string().describe('since when it runs'),
      memoryMb: z.number().describe('memory in use, in MB'),
      counts: z.record(z.string(), z.number()).describe('records by kind'),
      sizes: z.record(z.string(), z.number()).describe('sizes in bytes'),
      rows: z.number().describe('rows in the journal'),
      clients: z.number().describe('clientIDs ever seen'),
      eventLoopDelayMs: z.number().describe('how long a turn of the event loop takes at worst, in milliseconds'),
      peers: z.array(peerSchema).describe('links to other replicas'),
      here: z
        .object({ actors: z.array(z.string()), replicas: z.array(z.string()) })
        .describe('who is in the room now: y-websocket clients, and replicas that dialled in'),
      problems: z.array(itemSchema).describe('what needs somebody'),
    }),
    cli: {
      command: 'status',
      positionals: [],
      view: { type: 'record', bytes: ['sizes'] },
      examples: ['orch status', 'orch status --json'],
    },
    run: ({ parts }) => parts.daemon.status(),
  }),
  defineOperation<object, unknown>({
    name: 'doctor',
    effect: 'read',
    role: 'reader',
    help: 'Checks on the live project that document, index, files and snapshots agree, and says what does not.',
    input: nothing,
    output: z.object({
      ok: z.boolean().describe('whether all is well'),
      findings: z
        .array(
          z.object({
            check: z.string().describe('what was checked'),
            ok: z.boolean().describe('whether it is so'),
            detail: z.string().describe('what was found'),
          }),
        )
        .describe('every check'),
    }),
    cli: {
      command: 'doctor',
      positionals: [],
      view: {
        type: 'table',
        rows: 'findings',
        columns: [
          { key: 'ok', head: 'ok', style: 'status' },
          { key: 'check', head: 'check' },
          { key: 'detail', head: 'found' },
        ],
        empty: 'Nothing was checked.',
      },
      examples: ['orch doctor'],
    },
    async run({ parts }) {
      const findings = await parts.daemon.doctor()
      return { ok: findings.every(({ ok }) => ok), findings }
    },
  }),
]
