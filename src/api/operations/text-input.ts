import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { RecordId } from '../../model/id.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { RecordView } from '../../model/record.ts'
import type { TextEdit } from '../../model/text-edit.ts'
import { checked } from './fields.ts'

/** Patches of a prose: a paragraph at its end, a piece found exactly once and replaced. */
export const TEXT_INPUTS = ['append', 'find', 'replace'] as const
export type TextInput = { readonly [name in (typeof TEXT_INPUTS)[number]]?: string | undefined }

/** The edits of a record's body that an input asks for. Throws `invalid_input`, `text_not_found` or `text_not_unique`. */
export function textEdits(kind: RecordKind, { id, values }: RecordView, input: TextInput): readonly TextEdit[] {
  const text = String(values[kind.body])
  const { append, find, replace } = checkedInput(kind, input)
  if ((find === undefined) !== (replace === undefined)) {
    throw new OrchError('invalid_input', { field: 'find', reason: 'find and replace go together' })
  }
  return [
    ...(find === undefined || replace === undefined ? [] : [replacement(id, text, find, replace)]),
    ...(append === undefined
      ? []
      : [{ at: text.length, delete: 0, insert: gapAfter(text) + append.replace(/^\n+|\n+$/g, '') }]),
  ]
}

/** A blank is a text here, other than in a field of its own. */
function checkedInput(kind: RecordKind, input: TextInput): TextInput {
  const field = must(kind.fields[kind.body], `no field ${kind.body}`)
  return Object.fromEntries(
    TEXT_INPUTS.flatMap((name) => {
      const text = input[name]
      if (text === undefined) return []
      checked(name, field, text)
      return [[name, text.replace(/\r\n?/g, '\n')]]
    }),
  )
}

function replacement(id: RecordId, text: string, find: string, replace: string): TextEdit {
  if (find === '') throw new OrchError('invalid_input', { field: 'find', reason: 'it is empty' })
  const at = text.indexOf(find)
  if (at < 0) throw new OrchError('text_not_found', { id })
  const count = countOf(text, find)
  if (count > 1) throw new OrchError('text_not_unique', { id, count })
  return { at, delete: find.length, insert: replace }
}

/** Places where a piece begins; they may overlap. */
function countOf(text: string, piece: string): number {
  let count = 0
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + 1)) count++
  return count
}

/** What makes what follows a paragraph of its own. */
function gapAfter(text: string): string {
  if (text.trim() === '') return ''
  return text.endsWith('\n\n') ? '' : text.endsWith('\n') ? '\n' : '\n\n'
}
