import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { Actor } from '../../model/actor.ts'
import type { RecordKind, Values } from '../../model/kind.ts'
import { checkFile } from '../../model/layout.ts'
import { titleOf } from '../../model/markdown.ts'
import type { RecordView } from '../../model/record.ts'
import { diffText } from '../../model/text-diff.ts'
import type { RecordPatch } from '../../store/tx.ts'
import type { Operation } from '../operation.ts'
import { defineOperation, originOf } from './define.ts'
import { checked } from './fields.ts'
import { recordSchema, toOutput } from './output.ts'
import { baseRequired } from './text-input.ts'
import { checkBase } from './update.ts'

const pathHelp = (kind: RecordKind): string => `where the ${kind.name} is, below ${kind.folder}/: guides/start.md`

/** `page read guides/start.md` */
export function readPageOperation(kind: RecordKind): Operation {
  return defineOperation({
    name: `${kind.name}.read`,
    effect: 'read',
    role: 'reader',
    help: `Prints a ${kind.name}'s text.`,
    input: z.strictObject({ path: z.string().describe(`${pathHelp(kind)}; or its id`) }),
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} read`,
      positionals: ['path'],
      view: { type: 'text', field: kind.body },
      examples: [`orch ${kind.name} read guides/start.md`],
    },
    run({ project }, input) {
      const { id } = project.resolve(input.path, kind)
      return toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
    },
  })
}

/** `page write guides/start.md < start.md` */
export function writePageOperation(kind: RecordKind): Operation {
  return defineOperation({
    name: `${kind.name}.write`,
    effect: 'write',
    role: 'writer',
    help: `Writes a whole ${kind.name}: makes it, or replaces its text by the smallest difference, so that what others write elsewhere in it stays. An agent says with base which text it was made from.`,
    input: z.strictObject({
      path: z.string().describe(pathHelp(kind)),
      text: z.string().describe(`the whole text of the ${kind.name}`),
      title: z
        .string()
        .optional()
        .describe(must(kind.fields[kind.title], `no field ${kind.title}`).help),
      base: z
        .string()
        .optional()
        .describe('the hash of what this text was made from; refused when it is something else by now'),
    }),
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} write`,
      positionals: ['path', 'text'],
      stdin: 'text',
      view: { type: 'message', text: 'Wrote {file} ({id})' },
      examples: [
        `orch ${kind.name} write guides/start.md '# How to start'`,
        `orch ${kind.name} write guides/start.md --title 'How to start' < start.md`,
      ],
    },
    async run(context, input) {
      const { project } = context
      const file = relativeFile(kind, input.path)
      const values = pageValues(kind, input)
      const id = await project.transact(originOf(context), (tx) => {
        const found = project.recordAt(`${kind.folder}/${file}`)
        if (!found) {
          if (input.base !== undefined) throw new OrchError('record_not_found', { kind: kind.name, id: input.path })
          const title = titleOf(input.text, file)
          return tx.create(kind, { [kind.title]: title, ...values }, { file: checkedFile(kind, file) })
        }
        const before = must(tx.read(kind, found.id), `no record ${found.id}`)
        checkBase(kind, before, input.base)
        mayReplace(context.actor, kind, before, input)
        tx.update(kind, found.id, pagePatch(kind, String(before.values[kind.body]), values))
        return found.id
      })
      return toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
    },
  })
}

/** A person sees what they replace; an agent names it, so that nobody's words go unread. */
function mayReplace(
  actor: Actor,
  kind: RecordKind,
  before: RecordView,
  { text, base }: { readonly text: string; readonly base?: string | undefined },
): void {
  const now = String(before.values[kind.body]).trim()
  if (actor.type === 'agent' && base === undefined && now !== '' && now !== text.trim())
    throw baseRequired(kind, before)
}

function pageValues(kind: RecordKind, input: { readonly text: string; readonly title?: string | undefined }): Values {
  const read = (name: string, value: string): Values => ({
    [name]: checked(name, must(kind.fields[name], `no field ${name}`), value),
  })
  return { ...read(kind.body, input.text), ...(input.title !== undefined && read(kind.title, input.title)) }
}

function pagePatch(kind: RecordKind, before: string, { [kind.body]: body, ...set }: Values): RecordPatch {
  const edits = diffText(before, String(body))
  return { set, ...(edits.length > 0 && { edit: { [kind.body]: edits } }) }
}

/** Throws `invalid_input` when a path cannot be a file on every system. */
function checkedFile(kind: RecordKind, file: string): string {
  const reason = checkFile(file)
  if (reason !== undefined) throw new OrchError('invalid_input', { field: `path of the ${kind.name}`, reason })
  return file
}

/** A path as its writer gave it, below the kind's folder: `pages/start.md` and `./start.md` are `start.md`. */
function relativeFile(kind: RecordKind, path: string): string {
  const plain = path.normalize('NFC').replace(/^\.\//, '')
  return plain.startsWith(`${kind.folder}/`) ? plain.slice(kind.folder.length + 1) : plain
}
