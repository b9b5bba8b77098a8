import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { mirrorSchema, nothing } from './schemas.ts'

const dirSchema = z.string().describe('the worktree, or a directory in it')

/** The folders of files: the main one, and those of linked worktrees. */
export const mirrorOperations: readonly Operation[] = [
  defineOperation<object, unknown>({
    name: 'mirror.list',
    effect: 'read',
    role: 'reader',
    help: 'Lists the folders of files: the main one, and those of linked worktrees.',
    input: nothing,
    output: z.object({ items: z.array(mirrorSchema).describe('every folder, the main one first') }),
    cli: {
      command: 'mirror list',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'dir', head: 'folder' },
          { key: 'worktree', head: 'worktree', style: 'dim' },
        ],
        empty: 'There is none.',
      },
      examples: ['orch mirror list'],
    },
    run: ({ parts }) => ({ items: parts.mirror.list() }),
  }),
  defineOperation<{ dir: string }, unknown>({
    name: 'mirror.add',
    effect: 'write',
    role: 'admin',
    help: 'Makes a folder of files in a linked worktree, kept equal to all others, and answers when the files are there. `orch init` there does it, too.',
    input: z.strictObject({ dir: dirSchema }),
    output: mirrorSchema,
    cli: {
      command: 'mirror add',
      positionals: ['dir'],
      paths: ['dir'],
      view: { type: 'message', text: 'The files are in {dir}' },
      examples: ['orch mirror add ../shop-feature'],
    },
    run: ({ parts }, { dir }) => parts.mirror.add(dir),
  }),
  defineOperation<{ dir: string }, unknown>({
    name: 'mirror.remove',
    effect: 'write',
    role: 'admin',
    help: 'Takes the folder of files of a linked worktree away, after merging what was saved there. No record is deleted.',
    input: z.strictObject({ dir: dirSchema }),
    output: z.object({
      removed: z.number().describe('how many files are gone'),
      kept: z.array(z.string()).readonly().describe('files that stay, because what is in them is not merged'),
    }),
    cli: {
      command: 'mirror remove',
      positionals: ['dir'],
      paths: ['dir'],
      view: { type: 'message', text: 'Took {removed} files away.' },
      examples: ['orch mirror remove ../shop-feature'],
    },
    run: ({ parts }, { dir }) => parts.mirror.remove(dir),
  }),
]
