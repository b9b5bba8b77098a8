import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { ExportFormat } from '../export/format.ts'
import { EXPORT_FORMATS } from '../export/formats.ts'
import { writeTarget } from '../export/target.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { asOfSchema, atMoment } from './as-of.ts'
import { defineOperation } from './define.ts'

/** What an answer may hold, with room for what JSON and the protocol add. */
const MAX_TEXT_LENGTH = 5_000_000

interface ExportInput {
  readonly format: string
  readonly kind?: string | undefined
  readonly current?: boolean | undefined
  readonly asOf?: string | undefined
}

const names = EXPORT_FORMATS.map(({ name }) => name) as [string, ...string[]]

const inputShape = {
  format: z
    .enum(names)
    .default(names[0])
    .describe(EXPORT_FORMATS.map(({ name, help }) => `${name}: ${help}`).join('; ')),
  kind: z.string().optional().describe('of csv: records of this kind; task by default'),
  current: z.boolean().optional().describe('of jsonl: what is now, without the journal of what was'),
  asOf: asOfSchema,
}

/** Writing a project down for other programs. */
export const exportOperations: readonly Operation[] = [
  defineOperation<ExportInput, unknown>({
    name: 'export.text',
    effect: 'read',
    role: 'reader',
    help: 'Writes the project down in the format of another tool, or whole, and answers with the text.',
    input: z.strictObject(inputShape),
    output: z.object({ text: z.string().describe('what a file of that format holds') }),
    cli: {
      hidden: true,
      command: 'export text',
      positionals: ['format'],
      view: { type: 'text', field: 'text' },
      examples: ['orch export text csv'],
    },
    run: async (context, input) => ({ text: await atMoment(context, input.asOf, (then) => textOf(then, input)) }),
  }),
  defineOperation<ExportInput & { readonly to?: string | undefined; readonly replace?: boolean | undefined }, unknown>({
    name: 'export',
    effect: 'read',
    role: 'reader',
    help: 'Writes the project down: whole, to keep or to import elsewhere; for people to read; or in the format of another tool. Prints it, or writes it to a file or folder.',
    input: z.strictObject({
      ...inputShape,
      to: z.string().optional().describe('a file to write; for backlog a folder. Printed without'),
      replace: z.boolean().optional().describe('take the place of a file that is there'),
    }),
    output: z.object({
      text: z.string().describe('the export, or what was written'),
      to: z.string().optional().describe('where it is'),
      files: z.number().optional().describe('how many files were written'),
      bytes: z.number().optional().describe('how many bytes in all'),
    }),
    cli: {
      command: 'export',
      positionals: ['format'],
      paths: ['to'],
      view: { type: 'text', field: 'text' },
      examples: [
        'orch export --to ../shop.jsonl',
        'orch export csv > tasks.csv',
        'orch export html --to shop.html',
        'orch export csv --as-of yesterday',
      ],
    },
    async run(context, { to, replace, ...input }) {
      if (to === undefined) return { text: await atMoment(context, input.asOf, (then) => textOf(then, input)) }
      const format = formatOf(input.format)
      const options = { kind: input.kind, current: input.current === true }
      const target = { to, isFolder: format.isFolder, replace: replace === true }
      const { files, bytes } = await atMoment(context, input.asOf, (then) =>
        writeTarget(format.write(then, options), target),
      )
      const what = format.isFolder ? `${files} files` : `${bytes} bytes`
      return { text: `Wrote ${what} to ${to}\n`, to, files, bytes }
    },
  }),
]

function formatOf(name: string): ExportFormat {
  return must(
    EXPORT_FORMATS.find((format) => format.name === name),
    `no format ${name}`,
  )
}

async function textOf(context: OperationContext, { format: name, kind, current }: ExportInput): Promise<string> {
  const format = formatOf(name)
  if (format.isFolder) {
    throw new OrchError('invalid_input', { field: 'format', reason: `${name} makes a folder: say with --to where` })
  }
  let text = ''
  for await (const piece of format.write(context, { kind, current: current === true })) {
    text += piece.text
    if (text.length > MAX_TEXT_LENGTH) {
      throw new OrchError('too_large', {
        what: 'What would be printed',
        size: `over ${MAX_TEXT_LENGTH}`,
        limit: `${MAX_TEXT_LENGTH}: with --to it is written to a file`,
      })
    }
  }
  return text
}
