import { z } from 'zod'
import { type FormatName, IMPORT_FORMATS } from '../import/formats.ts'
import { openPath } from '../import/node-folder.ts'
import { reportSchema } from '../import/report.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'

interface ImportInput {
  readonly path?: string | undefined
  readonly dir?: string | undefined
  readonly format?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly deleted?: boolean | undefined
  readonly mapping?: string | undefined
}

const shape = {
  dryRun: z.boolean().optional().describe('write nothing, only report'),
}
const deleted = z.boolean().optional().describe('bring in deleted records too, as deleted ones')
const mapping = z
  .string()
  .optional()
  .describe('of a home-made system: a file, YAML or JSON, that says which key is which field; guessed without')

const names = Object.keys(IMPORT_FORMATS) as [FormatName, ...FormatName[]]

/** Bringing in what other tools keep. */
export const importOperations: readonly Operation[] = [
  importOperation('import', undefined, {
    help: 'Imports what another tool or an earlier orch keeps: finds out by itself what is there. Its files are only read; importing again brings in what is new and changes nothing else.',
    path: 'a repository, or the folder or file of the tool',
    more: {
      format: z
        .enum(names)
        .optional()
        .describe(names.map((name) => `${name}: ${IMPORT_FORMATS[name]}`).join('; ')),
      deleted,
      mapping,
    },
    examples: [
      'orch import ../shop --dry-run',
      'orch import issues.json',
      'orch import old-tasks.json --mapping map.yml',
    ],
  }),
  importOperation('import backlog', 'backlog', {
    help: 'Imports the tasks, documents and decisions of Backlog.md.',
    property: 'dir',
    path: 'a repository with a backlog folder, or that folder',
    more: {},
    examples: ['orch import backlog ../shop --dry-run', 'orch import backlog ../shop'],
  }),
  importOperation('import beads', 'beads', {
    help: 'Imports the issues of beads.',
    path: 'issues.jsonl, the folder it is in, or a repository with .beads/issues.jsonl',
    more: { deleted },
    examples: ['orch import beads ../shop --dry-run', 'orch import beads ../shop/.beads/issues.jsonl'],
  }),
  importOperation('import taskmaster', 'taskmaster', {
    help: 'Imports the tasks of Task Master, with their subtasks and tags.',
    path: 'tasks.json, or a repository with .taskmaster/tasks/tasks.json',
    more: {},
    examples: ['orch import taskmaster ../shop --dry-run'],
  }),
  importOperation('import github', 'github', {
    help: 'Imports issues of GitHub from a file of them, as gh or the REST interface writes it.',
    path: 'the file',
    more: {},
    examples: ['orch import github issues.json --dry-run'],
  }),
  importOperation('import json', 'json', {
    help: 'Imports JSON or JSON Lines of a home-made system.',
    path: 'the file',
    more: { mapping },
    examples: ['orch import json old-tasks.json --dry-run', 'orch import json old-tasks.json --mapping map.yml'],
  }),
  importOperation('import markdown', 'markdown', {
    help: 'Imports Markdown of a home-made system: files with a status become tasks, checkboxes too, all others pages.',
    path: 'a file or folder',
    more: { mapping },
    examples: ['orch import markdown notes --dry-run'],
  }),
  importOperation('import orch', 'orch', {
    help: 'Imports an export of orch: all of it with its history into a project that is empty or has a part of it, else the records that are not here.',
    path: 'what `orch export --to` wrote',
    more: { deleted },
    examples: ['orch import orch ../shop.jsonl --dry-run'],
  }),
]

function importOperation(
  command: string,
  format: FormatName | undefined,
  words: {
    readonly help: string
    /** What the path is called in the input, where that is not `path`. */
    readonly property?: 'dir'
    readonly path: string
    readonly more: z.ZodRawShape
    readonly examples: readonly string[]
  },
): Operation {
  const { property = 'path' } = words
  return defineOperation<ImportInput, unknown>({
    name: command.replace(' ', '.'),
    effect: 'write',
    role: 'writer',
    help: words.help,
    input: z.strictObject({
      [property]: z.string().describe(words.path),
      ...shape,
      ...words.more,
    }) as unknown as z.ZodType<ImportInput>,
    output: reportSchema,
    cli: {
      command,
      positionals: [property],
      paths: [property, ...('mapping' in words.more ? ['mapping'] : [])],
      view: { type: 'text', field: 'summary' },
      examples: words.examples,
    },
    async run({ project, actor, progress }, input) {
      const path = input[property] ?? ''
      // Every start would read what knows the formats of others.
      const { importAny } = await import('../import/run.ts')
      return await importAny(
        { project, origin: { source: 'import', actor }, progress, ...(await openPath(path)) },
        {
          format: format ?? (input.format as FormatName | undefined),
          dryRun: input.dryRun === true,
          withDeleted: input.deleted === true,
          mapping: input.mapping,
          name: path,
        },
      )
    },
  })
}
