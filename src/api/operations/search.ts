import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { kindNamed } from './fields.ts'

/** Finding records of any kind by what they say. */
export const searchOperations: readonly Operation[] = [
  defineOperation<{ text: string; limit: number }, unknown>({
    name: 'search',
    effect: 'read',
    role: 'reader',
    help: 'Finds records of every kind that hold all the words: in the title first, then in the text, then in comments.',
    input: z.strictObject({
      text: z.string().describe('the words, in any case and order'),
      limit: z.number().int().min(1).max(200).default(20).describe('how many at most'),
    }),
    output: z.object({
      items: z
        .array(
          z.object({
            id: z.string().describe('the record'),
            kind: z.string().describe('its kind'),
            title: z.string().describe('what it is called'),
            where: z.string().describe('the field that holds the words, or one of them'),
            snippet: z.string().describe('what stands around them; empty when that is the title'),
            file: z.string().describe('its file, below the mirror directory'),
          }),
        )
        .describe('the best first'),
      total: z.number().describe('how many there are in all'),
    }),
    cli: {
      command: 'search',
      positionals: ['text'],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'id', head: 'id', style: 'id' },
          { key: 'where', head: 'in', style: 'dim' },
          { key: 'title', head: 'title' },
          { key: 'snippet', head: 'text' },
        ],
        empty: 'Nothing holds all these words.',
      },
      examples: ["orch search 'login loop'", 'orch search windows --limit 5'],
    },
    run({ project }, { text, limit }) {
      const { items, total } = project.search(text, limit)
      return {
        items: items.map((one) => ({ ...one, file: project.pathOf(kindNamed(project, one.kind), one.id) })),
        total,
      }
    },
  }),
]
