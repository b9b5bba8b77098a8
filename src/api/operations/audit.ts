import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'

/** Who did what from where. */
export const auditOperations: readonly Operation[] = [
  defineOperation<{ actor?: string | undefined; operation?: string | undefined; limit: number }, unknown>({
    name: 'audit',
    effect: 'read',
    role: 'admin',
    help: 'Lists who changed what from where on this replica, and what was refused, newest first. Kept beside the database.',
    input: z.strictObject({
      actor: z.string().optional().describe('only what this actor did'),
      operation: z.string().optional().describe('only this operation, as `task.update`, or `authenticate`'),
      limit: z.number().int().min(1).max(1000).default(50).describe('how many at most'),
    }),
    output: z.object({
      items: z
        .array(
          z.object({
            at: z.string().describe('when'),
            operation: z.string().describe('what was asked; `authenticate` for a wrong token'),
            about: z.string().optional().describe('the record, as the caller named it'),
            outcome: z.string().describe('ok, or the code of the refusal'),
            actor: z.string().optional().describe('who'),
            verified: z.boolean().optional().describe('whether the name was checked'),
            role: z.string().optional().describe('as what'),
            by: z.string().optional().describe('how it was known: socket, token or jwt'),
            token: z.string().optional().describe('the id of the token'),
            session: z.string().optional().describe('in which session'),
            from: z.string().describe('from where: local, or an address'),
          }),
        )
        .describe('the entries'),
    }),
    cli: {
      command: 'audit',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'at', head: 'when', style: 'time' },
          { key: 'actor', head: 'who' },
          { key: 'operation', head: 'what' },
          { key: 'about', head: 'about', style: 'id' },
          { key: 'outcome', head: 'outcome' },
          { key: 'from', head: 'from', style: 'dim' },
        ],
        empty: 'Nothing was noted.',
      },
      examples: ['orch audit', 'orch audit --actor claude --limit 200', 'orch audit --operation authenticate'],
    },
    run: ({ parts }, query) => ({ items: parts.audit.read(query) }),
  }),
]
