import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { Found, Project } from '../../store/project.ts'
import type { Operation } from '../operation.ts'
import { withAsOf } from './as-of.ts'
import { defineOperation } from './define.ts'
import { kindNamed } from './fields.ts'
import { atLeastSchema } from './output.ts'

function fileOf(project: Project, { kind, id }: Found): string {
  if (kind !== project.kinds.log.name) return project.pathOf(kindNamed(project, kind), id)
  const { at } = must(project.readLog(id), `no entry ${id}`)
  return `${project.kinds.log.plural}/${at.slice(0, 10)}.jsonl`
}

/** Finding records of any kind by what they say. */
export const searchOperations: readonly Operation[] = [
  withAsOf(
    defineOperation<{ text: string; kind?: readonly string[] | undefined; limit: number }, unknown>({
      name: 'search',
      effect: 'read',
      role: 'reader',
      help: 'Finds records of every kind, and entries of the work log, that hold all the words or their beginnings; the best first.',
      input: z.strictObject({
        text: z.string().describe('the words, in any case and order; a phrase in double quotes'),
        kind: z.array(z.string()).optional().describe('only of these kinds: task, page, log, ...'),
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
        atLeast: atLeastSchema,
      }),
      cli: {
        command: 'search',
        positionals: ['text'],
        view: {
          type: 'table',
          rows: 'items',
          isOnePage: true,
          columns: [
            { key: 'id', head: 'id', style: 'id' },
            { key: 'where', head: 'in', style: 'dim' },
            { key: 'title', head: 'title' },
            { key: 'snippet', head: 'text' },
          ],
          empty: 'Nothing holds all these words.',
        },
        examples: ["orch search 'login loop'", 'orch search \'"expired token"\' --kind task'],
      },
      run({ project }, { text, kind, limit }) {
        const names = [...project.kinds.records.map(({ name }) => name), project.kinds.log.name]
        for (const name of kind ?? []) {
          if (!names.includes(name)) {
            throw new OrchError('invalid_input', {
              field: 'kind',
              reason: `"${name}" is not one of: ${names.join(', ')}`,
            })
          }
        }
        const { items, total, isAtLeast } = project.search({ text, kinds: kind, limit })
        return {
          items: items.map((one) => ({ ...one, file: fileOf(project, one) })),
          total,
          ...(isAtLeast && { atLeast: true }),
        }
      },
    }),
  ),
]
