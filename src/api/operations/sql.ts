import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'

/** `orch sql 'select status, count(*) from tasks group by 1'` */
export const sqlOperations: readonly Operation[] = [
  defineOperation<{ query: string; limit: number; timeout: number }, unknown>({
    name: 'sql',
    effect: 'read',
    role: 'reader',
    help: 'Asks the index in SQL, to read only: tasks, sessions, pages, contexts, work_logs, project_state, dependencies.',
    input: z.strictObject({
      query: z.string().min(1).max(100_000).describe('one SELECT'),
      limit: z.number().int().min(1).max(10_000).default(200).describe('how many rows at most'),
      timeout: z.number().min(0.1).max(30).default(5).describe('how long it may take, in seconds'),
    }),
    output: z.object({
      columns: z.array(z.string()).describe('their names'),
      rows: z.array(z.array(z.unknown())).describe('the values of each, in the order of the columns'),
      more: z.boolean().describe('there are more rows than are shown'),
      text: z.string().describe('the same as a table with tabs between its columns'),
    }),
    cli: {
      command: 'sql',
      positionals: ['query'],
      stdin: 'query',
      view: { type: 'text', field: 'text' },
      examples: ["orch sql 'SELECT status, count(*) AS n FROM tasks WHERE deletedAt IS NULL GROUP BY status'"],
    },
    async run({ parts, signal }, { query, limit, timeout }) {
      const { columns, rows, more } = await parts.sql({ sql: query, limit, timeoutMs: timeout * 1000, signal })
      const lines = [columns, ...rows].map((row) => row.map(cell).join('\t'))
      const text = `${lines.join('\n')}\n${more ? `(only the first ${rows.length} rows)\n` : ''}`
      return { columns: [...columns], rows: rows.map((row) => [...row]), more, text }
    },
  }),
]

/** A value without what would break the table. */
function cell(value: unknown): string {
  return value === null ? '' : String(value).replace(/[\p{Cc}]+/gu, ' ')
}
