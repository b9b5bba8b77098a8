import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { withoutOuterNewlines } from '../../base/trim.ts'
import type { RecordKind } from '../../model/kind.ts'
import { type RecordView, recordHash } from '../../model/record.ts'
import { type Section, sectionsNamed, sectionsOf } from '../../model/sections.ts'
import { diffText } from '../../model/text-diff.ts'
import type { TextEdit } from '../../model/text-edit.ts'
import { checked } from './fields.ts'

/** What can be done to a record's text: pieces replaced, paragraphs added, a section or the whole replaced. */
const TEXT_INPUTS = ['append', 'prepend', 'find', 'replace', 'section'] as const
export interface TextInput extends Readonly<Partial<Record<(typeof TEXT_INPUTS)[number], string | undefined>>> {
  readonly under?: string | undefined
  readonly count?: number | undefined
  readonly base?: string | undefined
}

/** The properties of an input that are about a kind's text; `base` is about the whole record. */
export function textProperties(kind: RecordKind) {
  const { body } = kind
  const help = must(kind.fields[body], `no field ${body}`).help
  return {
    append: z.string().optional().describe(`a paragraph to add at the end of the ${body}`),
    prepend: z.string().optional().describe(`a paragraph to add at the beginning of the ${body}`),
    under: z
      .string()
      .optional()
      .describe('a heading, as `## Notes`: what is added goes to the end, or the beginning, of what stands below it'),
    section: z.string().optional().describe('what is to stand below the heading of --under, instead of what is there'),
    find: z.string().optional().describe(`a piece of the ${body} to replace; it must be there exactly once`),
    replace: z.string().optional().describe('what to put in its place'),
    count: z.number().int().min(1).optional().describe('how many times the piece is there; all are replaced'),
    [body]: z.string().optional().describe(`the whole text, made from the one that base names: ${help}`),
    base: z
      .string()
      .optional()
      .describe('the hash of what this change is about; refused when it is something else by now'),
  }
}

/** Whether an input says anything about a text. */
export function hasTextInput(kind: RecordKind, input: Readonly<Record<string, unknown>>): boolean {
  return [...TEXT_INPUTS, kind.body].some((name) => input[name] !== undefined)
}

/**
 * The edits of a record's text that an input asks for. Throws `invalid_input`, `text_not_found`, `text_not_unique`,
 * `heading_not_found`, and `base_required` for what would take the place of text nobody may have read.
 */
export function textEdits(kind: RecordKind, record: RecordView, input: TextInput): readonly TextEdit[] {
  const text = String(record.values[kind.body])
  const whole = (input as Readonly<Record<string, string | undefined>>)[kind.body]
  const given = checkedInput(kind, input)
  const { append, prepend, find, replace, section } = given
  if ((find === undefined) !== (replace === undefined)) throw invalid('find', 'find and replace go together')
  if (input.count !== undefined && find === undefined) throw invalid('count', 'it counts what find finds')
  if (whole !== undefined) {
    if (Object.keys(given).length > 0) throw invalid(kind.body, 'the whole text and pieces of it do not go together')
    return wholeText(kind, record, input, String(checked(kind.body, must(kind.fields[kind.body], 'a text'), whole)))
  }
  const below = input.under === undefined ? undefined : sectionNamed(record, text, input.under)
  if (section !== undefined) {
    if (!below) throw invalid('section', 'it goes with under, the heading that it stands below')
    if (append !== undefined || prepend !== undefined)
      throw invalid('section', 'it takes the place of all that is there')
  } else if (below && append === undefined && prepend === undefined) {
    throw invalid('under', 'it goes with append, prepend or section')
  }
  const { start, end } = below ?? { start: 0, end: text.length }
  return inOrder([
    ...(section === undefined ? [] : sectionEdits(kind, record, input, text, { start, end }, section)),
    ...(prepend === undefined ? [] : [paragraph(text, start, prepend)]),
    ...(find === undefined || replace === undefined ? [] : replacements(record, text, find, replace, input.count ?? 1)),
    ...(append === undefined ? [] : [paragraph(text, start + text.slice(start, end).trimEnd().length, append)]),
  ])
}

/** A whole text takes the place of one that its writer has read. */
function wholeText(kind: RecordKind, record: RecordView, { base }: TextInput, text: string): readonly TextEdit[] {
  const before = String(record.values[kind.body])
  if (base === undefined && before.trim() !== '') throw baseRequired(kind, record)
  return diffText(before, text)
}

function sectionEdits(
  kind: RecordKind,
  record: RecordView,
  { base }: TextInput,
  text: string,
  { start, end }: Pick<Section, 'start' | 'end'>,
  section: string,
): readonly TextEdit[] {
  const before = text.slice(start, end)
  if (base === undefined && before.trim() !== '') throw baseRequired(kind, record)
  const isLast = end === text.length
  const gap = before.startsWith('\n') ? '\n' : ''
  const lead = start === 0 || text.endsWith('\n', start) ? '' : '\n'
  const after = `${lead}${gap}${trimmed(section)}${isLast ? '' : '\n\n'}`
  return diffText(before, after).map((edit) => ({ ...edit, at: edit.at + start }))
}

/** A refusal that gives what a caller needs to make the change after all. */
export function baseRequired(kind: RecordKind, record: RecordView): OrchError {
  return new OrchError('base_required', { id: record.id, hash: recordHash(record), text: textFor(kind, record) })
}

const MAX_TEXT_IN_ERROR = 64 * 1024

/** The text as it is now, as an error brings it: not when it is very long. */
export function textFor(kind: RecordKind, { values }: RecordView): string {
  const text = String(values[kind.body] ?? '')
  return text.length > MAX_TEXT_IN_ERROR ? '' : text
}

function sectionNamed({ id }: RecordView, text: string, under: string): Section {
  const [found, another] = sectionsNamed(text, under)
  if (another) throw new OrchError('text_not_unique', { id, count: sectionsNamed(text, under).length })
  if (found) return found
  const known = sectionsOf(text).map(({ level, title }) => `${'#'.repeat(level)} ${title}`)
  throw new OrchError('heading_not_found', { id, heading: under, headings: known.join(', ') || 'none' })
}

/** A blank is a text here, other than in a field of its own. */
function checkedInput(kind: RecordKind, input: TextInput): Readonly<Record<string, string>> {
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

function replacements(
  { id }: RecordView,
  text: string,
  find: string,
  replace: string,
  count: number,
): readonly TextEdit[] {
  if (find === '') throw invalid('find', 'it is empty')
  const places = placesOf(text, find)
  if (places.length === 0) throw new OrchError('text_not_found', { id })
  const overlap = places.some((at, i) => i > 0 && at - (places[i - 1] ?? 0) < find.length)
  if (places.length !== count || overlap) throw new OrchError('text_not_unique', { id, count: places.length })
  return places.map((at) => ({ at, delete: find.length, insert: replace }))
}

/** Places where a piece begins; they may overlap. */
function placesOf(text: string, piece: string): readonly number[] {
  const places: number[] = []
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + 1)) places.push(at)
  return places
}

/** Puts a text in as a paragraph of its own, with a blank line to what stands before and after it. */
function paragraph(text: string, at: number, added: string): TextEdit {
  const [before, after] = [text.slice(0, at), text.slice(at)]
  const lead = before.trim() === '' ? '' : before.endsWith('\n\n') ? '' : before.endsWith('\n') ? '\n' : '\n\n'
  const gap = after.trim() === '' || after.startsWith('\n\n') ? '' : after.startsWith('\n') ? '\n' : '\n\n'
  return { at, delete: 0, insert: lead + trimmed(added) + gap }
}

const trimmed = (text: string): string => withoutOuterNewlines(text)

/** Throws `invalid_input` where what is added would stand inside what is replaced. */
function inOrder(edits: readonly TextEdit[]): readonly TextEdit[] {
  const sorted = edits.toSorted((a, b) => a.at - b.at)
  for (const [i, edit] of sorted.entries()) {
    const before = sorted[i - 1]
    if (before && before.at + before.delete > edit.at)
      throw invalid('find', 'what is replaced and what is added overlap')
  }
  return sorted
}

function invalid(field: string, reason: string): OrchError {
  return new OrchError('invalid_input', { field, reason })
}
