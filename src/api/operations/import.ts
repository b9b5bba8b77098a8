import { z } from 'zod'
import { importBacklog } from '../import/backlog.ts'
import { openFolder } from '../import/node-folder.ts'
import { reportSchema } from '../import/report.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'

/** Bringing in what other tools keep. */
export const importOperations: readonly Operation[] = [
  defineOperation<{ dir: string; dryRun?: boolean | undefined }, unknown>({
    name: 'import.backlog',
    effect: 'write',
    // It reads files of the daemon's user.
    role: 'admin',
    help: 'Imports the tasks, documents and decisions of Backlog.md. Its files are only read; importing again brings in what is new and changes nothing else.',
    input: z.strictObject({
      dir: z.string().describe('a repository with a backlog folder, or that folder'),
      dryRun: z.boolean().optional().describe('write nothing, only report'),
    }),
    output: reportSchema,
    cli: {
      command: 'import backlog',
      positionals: ['dir'],
      paths: ['dir'],
      view: { type: 'text', field: 'summary' },
      examples: ['orch import backlog ../shop --dry-run', 'orch import backlog ../shop'],
    },
    run: ({ project, actor, progress }, { dir, dryRun }) =>
      importBacklog(
        { project, origin: { source: 'import', actor }, folder: openFolder(dir), progress },
        { dryRun: dryRun === true, name: dir },
      ),
  }),
]
