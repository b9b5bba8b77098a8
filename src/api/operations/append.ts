import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { entriesField, entriesOf } from '../../model/comments.ts'
import { inOrder } from '../../model/entry.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Operation } from '../operation.ts'
import { defineOperation, exampleId, idHelp, originOf } from './define.ts'
import { checkFence, type FenceInput, fenceProperty } from './fence.ts'
import { resolveLiving } from './fields.ts'
import { entrySchema, isoTime } from './output.ts'

/** `task comment t-7f3k 'Tried it on Windows.'`: for kinds that have entries. */
export function appendOperations(kind: RecordKind): readonly Operation[] {
  const field = entriesField(kind)
  if (field === undefined) return []
  const word = field.replace(/s$/, '')
  return [
    defineOperation<{ id: string; text: string } & FenceInput, unknown>({
      name: `${kind.name}.${word}`,
      effect: 'write',
      role: 'writer',
      help: `Adds a ${word} to a ${kind.name}. It stays as it was written.`,
      input: z.strictObject({
        id: z.string().describe(idHelp(kind)),
        text: z.string().describe('what to say: any Markdown'),
        ...fenceProperty(kind),
      }),
      output: z.object({
        id: z.string().describe(`the ${kind.name}`),
        title: z.string().describe('what it is called'),
        [word]: entrySchema.describe('what was added'),
      }),
      cli: {
        command: `${kind.name} ${word}`,
        positionals: ['id', 'text'],
        stdin: 'text',
        view: { type: 'message', text: 'Added to {id}: {title}' },
        examples: [`orch ${kind.name} ${word} ${exampleId(kind)} 'Tried it on Windows: works.'`],
      },
      async run(context, { id: said, text, ...under }) {
        const { project } = context
        const id = resolveLiving(project, kind, said)
        const known = await project.transact(originOf(context), (tx) => {
          checkFence(context, id, under)
          const before = entriesOf(must(tx.read(kind, id), `no record ${id}`).values[field])
          tx.update(kind, id, { append: { [field]: [{ text }] } })
          return new Set(before.map((entry) => entry.id))
        })
        const { values } = must(project.read(kind, id), `no record ${id}`)
        const made = entriesOf(values[field]).filter((entry) => !known.has(entry.id) && entry.by === context.actor.name)
        const entry = must(made.toSorted(inOrder)[0], 'it was added')
        return { id, title: String(values[kind.title] ?? ''), [word]: { ...entry, at: isoTime(entry.at) } }
      },
    }),
  ]
}
