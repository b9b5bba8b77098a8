import { withoutLastNewlines, withoutOuterNewlines } from '../base/trim.ts'
import { type Entry, isEntry } from './entry.ts'
import type { RecordKind, Value } from './kind.ts'
import { compareTokens } from './token-diff.ts'

/** Where the body of a file ends and its comments begin. */
export const COMMENTS_MARKER = '<!-- orch:comments -->'

const MARKER_LINE = /^<!-- orch:comments -->[ \t]*$/
const HEAD = /^\*\*(.+)\*\*, (\S+) <!-- orch:comment ([0-9a-z]{1,32}) -->[ \t]*$/
const MAX_CELLS = 4_000_000

/** The field of a kind that is shown as comments; undefined when it has none. */
export function entriesField(kind: RecordKind): string | undefined {
  return Object.keys(kind.fields).find((name) => kind.fields[name]?.merge === 'entries')
}

/**
 * Cuts a text where its comments begin: at the last marker, so that a body may hold one too; where somebody took the
 * marker out, at the first comment. `section` is '' when there are none, else it begins with that line.
 */
export function cutComments(text: string): { readonly body: string; readonly section: string } {
  const lines = text.split('\n')
  const marker = lines.findLastIndex((line) => MARKER_LINE.test(line))
  const start = marker >= 0 ? marker : lines.findIndex((line) => HEAD.test(line))
  if (start < 0) return { body: text, section: '' }
  return { body: withoutLastNewlines(lines.slice(0, start).join('\n')), section: lines.slice(start).join('\n') }
}

/** Renders the comments below a body; '' when there is nothing to tell apart. Each text is a quotation, so that whatever it holds cannot be taken for anything else. */
export function renderComments(entries: readonly Entry[], body: string): string {
  if (entries.length === 0 && cutComments(body).section === '') return ''
  const shown = entries.map(({ id, at, by, text }) => `${headOf(by, at)} <!-- orch:comment ${id} -->\n\n${quote(text)}`)
  return `${[COMMENTS_MARKER, ...shown].join('\n\n')}\n`
}

/** Reads the comments that stand in a section with who wrote them, and when. */
export function parseComments(section: string): readonly Entry[] {
  const entries = new Map<string, Entry>()
  const lines = section.split('\n')
  for (const [i, line] of lines.entries()) {
    const [, by = '', time = '', id] = HEAD.exec(line) ?? []
    if (id === undefined || entries.has(id)) continue
    const first = lines[i + 1]?.trim() === '' ? i + 2 : i + 1
    const rest = lines.slice(first)
    const end = rest.findIndex((one) => !one.startsWith('>'))
    const text = (end < 0 ? rest : rest.slice(0, end)).map(unquote).join('\n')
    const entry = { id, at: Date.parse(time), by, text }
    if (isEntry(entry)) entries.set(id, entry)
  }
  return [...entries.values()]
}

/**
 * Finds the comments that a person wrote into a section: runs of lines that are new since `base`. Lines put into an
 * older comment are one of their own; what was changed of an older comment is none.
 */
export function addedComments(base: string, disk: string): readonly string[] {
  const [before, after] = [linesOf(base), linesOf(disk)]
  const hunks = compareTokens(before, after, { cells: MAX_CELLS })
  const known = new Set(parseComments(base).map(({ id }) => id))
  const runs: string[][] = [[]]
  /** Below the head of an old comment that stands somewhere else now: its text is not new. */
  let isMoved = false
  for (const [i, line] of after.entries()) {
    const hunk = hunks.find(({ b0, b1 }) => b0 <= i && i < b1)
    const head = HEAD.exec(line)
    if (head) isMoved = false
    if (!hunk || MARKER_LINE.test(line)) {
      if (line === '') runs.at(-1)?.push('')
      else runs.push([])
      continue
    }
    if (head) {
      isMoved = known.has(head[3] ?? '')
      runs.push(isMoved ? [] : [`**${head[1]}**, ${head[2]}`])
      continue
    }
    const isQuoted = line.startsWith('>')
    const takesPlace = before.slice(hunk.a0, hunk.a1).some((one) => one.startsWith('>') || HEAD.test(one))
    const isOpen = runs.at(-1)?.some((one) => one !== '') === true
    if (isQuoted && !isOpen && (isMoved || takesPlace)) continue
    if (line !== '' && !isQuoted) isMoved = false
    const isInside = isQuoted && !isOpen && after[i - 1]?.startsWith('>') === true
    runs.at(-1)?.push(isInside ? unquote(line) : line)
  }
  return runs.map((run) => withoutOuterNewlines(run.join('\n'))).filter((text) => text.trim() !== '')
}

/** Whether a comment that stood in `base` was changed or taken out. */
export function losesComments(base: string, disk: string): boolean {
  const left = new Map(parseComments(disk).map((entry) => [entry.id, said(entry)]))
  return parseComments(base).some((entry) => left.get(entry.id) !== said(entry))
}

/** The value of a field of entries. */
export function entriesOf(value: Value | undefined): readonly Entry[] {
  return Array.isArray(value) ? value.filter((one): one is Entry => typeof one === 'object') : []
}

function headOf(by: string, at: number): string {
  return `**${by}**, ${new Date(at).toISOString()}`
}

function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n')
}

function unquote(line: string): string {
  return line.replace(/^> ?/, '')
}

/** Blanks at line ends are no edit. */
function linesOf(section: string): readonly string[] {
  return section.split('\n').map((line) => line.trimEnd())
}

function said({ at, by, text }: Entry): string {
  return JSON.stringify([at, by, linesOf(text)])
}
