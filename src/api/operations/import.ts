import { z } from 'zod'
import { importBacklog } from '../import/backlog.ts'
import { importBeads } from '../import/beads.ts'
import { openFolder, openPath } from '../import/node-folder.ts'
import { importOrch } from '../import/orch.ts'
import { reportSchema } from '../import/report.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'

/** Bringing in what other tools keep. */
export const importOperations: readonly Operation[] = [
  defineOperation<{ dir: string; dryRun?: boolean | undefined }, unknown>({
    name: 'import.backlog',
    effect: 'write',
    // It reads files of the daemon's user.
    role: 'writer',
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
  defineOperation<{ path: string; dryRun?: boolean | undefined; deleted?: boolean | undefined }, unknown>({
    name: 'import.beads',
    effect: 'write',
    // It reads files of the daemon's user.
    role: 'writer',
    help: 'Imports the issues of beads. The file is only read; importing again brings in what is new and changes nothing else.',
    input: z.strictObject({
      path: z.string().describe('issues.jsonl, the folder it is in, or a repository with .beads/issues.jsonl'),
      dryRun: z.boolean().optional().describe('write nothing, only report'),
      deleted: z.boolean().optional().describe('bring in deleted issues too, as deleted tasks'),
    }),
    output: reportSchema,
    cli: {
      command: 'import beads',
      positionals: ['path'],
      paths: ['path'],
      view: { type: 'text', field: 'summary' },
      examples: ['orch import beads ../shop --dry-run', 'orch import beads ../shop/.beads/issues.jsonl'],
    },
    run: async ({ project, actor, progress }, { path, dryRun, deleted }) =>
      importBeads(
        { project, origin: { source: 'import', actor }, progress, ...(await openPath(path)) },
        { dryRun: dryRun === true, withDeleted: deleted === true, name: path },
      ),
  }),
  defineOperation<{ path: string; dryRun?: boolean | undefined; deleted?: boolean | undefined }, unknown>({
    name: 'import.orch',
    effect: 'write',
    // It reads files of the daemon's user.
    role: 'admin',
    help: 'Imports an export of orch: all of it with its history into a project that is empty or has a part of it, else the records that are not here.',
    input: z.strictObject({
      path: z.string().describe('what `orch export --to` wrote'),
      dryRun: z.boolean().optional().describe('write nothing, only report'),
      deleted: z.boolean().optional().describe('without the history, bring in deleted records too'),
    }),
    output: reportSchema,
    cli: {
      command: 'import orch',
      positionals: ['path'],
      paths: ['path'],
      view: { type: 'text', field: 'summary' },
      examples: ['orch import orch ../shop.jsonl --dry-run'],
    },
    run: async ({ project, actor, progress }, { path, dryRun, deleted }) => {
      const { folder, file = '' } = await openPath(path)
      return await importOrch(
        { project, origin: { source: 'import', actor }, progress, folder, file },
        { dryRun: dryRun === true, withDeleted: deleted === true, name: path },
      )
    },
  }),
]
