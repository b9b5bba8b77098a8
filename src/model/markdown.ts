import { withoutLast, withoutLastNewlines } from '../base/trim.ts'
import { cutComments, entriesField, entriesOf, parseComments, renderComments } from './comments.ts'
import { MAX_TITLE_LENGTH } from './field.ts'
import { type FrontMatter, parseFrontMatter, renderFrontMatter, type Unreadable } from './front-matter.ts'
import { headingOf } from './heading.ts'
import type { RecordKind } from './kind.ts'
import type { RecordView } from './record.ts'
import { parseValue } from './validate.ts'

/** A file as read. `values` holds only what stands there; the text below the front matter is under `kind.body`. */
export type ParsedRecord = (FrontMatter & { readonly hasFrontMatter: boolean; readonly section: string }) | BrokenRecord

/** A file that must be left alone; `body` is there when it can be told apart. */
export interface BrokenRecord extends Unreadable {
  readonly body?: string
}

/** How a file is written down; remembered and given back, never an edit. */
export interface FileStyle {
  readonly bom: boolean
  readonly eol: 'lf' | 'crlf'
}

const FENCE = '---'

/** Renders a record's file: front matter, a blank line and the body, then the comments; LF, no BOM, one newline at the end. */
export function renderRecord(kind: RecordKind, record: RecordView): string {
  const front = `${FENCE}\n${renderFrontMatter(kind, record)}${FENCE}\n`
  const value = record.values[kind.body]
  const body = typeof value === 'string' ? withoutLastNewlines(value) : ''
  const field = entriesField(kind)
  const comments = field === undefined ? '' : renderComments(entriesOf(record.values[field]), body)
  return [front, body === '' ? '' : `${body}\n`, comments].filter((part) => part !== '').join('\n')
}

/**
 * Reads a record's file (LF, no BOM). Merge markers make it unreadable, unless `base`, the text known to be merged,
 * has them too.
 */
export function parseRecord(kind: RecordKind, text: string, base?: string): ParsedRecord {
  const { front, body: below, unclosed } = split(text)
  const field = entriesField(kind)
  const { body, section } = field === undefined ? { body: below, section: '' } : cutComments(below)
  const markers = base !== undefined && findMergeMarkers(base) !== undefined ? undefined : findMergeMarkers(text)
  if (markers !== undefined) {
    const inFront = front !== undefined && findMergeMarkers(body) === undefined
    return { ...markers, ...(inFront && { body }) }
  }
  if (unclosed)
    return { ok: false, reason: 'the front matter is not closed by a line with only ---', line: 1, column: 1 }
  const parsed = parseFrontMatter(kind, front ?? '')
  // The fence is the first line.
  if (!parsed.ok) return { ...parsed, line: parsed.line + 1, body }
  const invalid = parsed.invalid.map((value) => ({ ...value, line: value.line + 1 }))
  const bodyField = kind.fields[kind.body]
  const prose = bodyField === undefined ? undefined : parseValue(bodyField, body)
  if (prose?.ok === false) {
    const line = text.slice(0, text.length - below.length).split('\n').length
    invalid.push({ key: kind.body, reason: prose.reason, line, column: 1 })
  }
  const values = {
    ...parsed.values,
    ...(prose?.ok && { [kind.body]: prose.value }),
    ...(field !== undefined && { [field]: parseComments(section) }),
  }
  return { ...parsed, values, invalid, section, hasFrontMatter: front !== undefined }
}

/** Gives a title to a file that names none: its first `# heading`, or its name without `.md`. */
export function titleOf(text: string, fileName: string): string {
  let code: string | undefined
  for (const line of split(text).body.split('\n')) {
    const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== undefined && (code === undefined || fence.startsWith(code)))
      code = code === undefined ? fence : undefined
    const heading = code === undefined ? headingOf(line.replace(/^ {1,3}/, '')) : undefined
    if (heading?.level === 1 && heading.text !== '') return limited(heading.text)
  }
  const name = fileName.slice(fileName.lastIndexOf('/') + 1).replace(/\.md$/i, '')
  return limited(name.replace(/[-_\s]+/g, ' ').trim() || 'Untitled')
}

/** Reads bytes as text (LF, no BOM) and style. Refuses invalid UTF-8 and NUL, with the place. */
export function decodeFile(
  bytes: Uint8Array,
): { readonly ok: true; readonly text: string; readonly style: FileStyle } | Unreadable {
  const decoded = decodeUtf8(bytes)
  if (decoded === undefined) return invalidUtf8(bytes)
  const bom = decoded.startsWith('\ufeff')
  const raw = bom ? decoded.slice(1) : decoded
  const nul = raw.indexOf('\0')
  if (nul >= 0) {
    const before = raw.slice(0, nul)
    const line = before.split('\n').length
    return { ok: false, reason: 'holds NUL: it is no text', line, column: nul - before.lastIndexOf('\n') }
  }
  const text = raw.replaceAll('\r\n', '\n')
  const crlf = raw.length - text.length
  const isCrlf = crlf > 0 && crlf * 2 > text.split('\n').length - 1
  return { ok: true, text, style: { bom, eol: isCrlf ? 'crlf' : 'lf' } }
}

/** Writes text (LF, no BOM) as bytes in a style. */
export function encodeFile(text: string, { bom, eol }: FileStyle): Uint8Array {
  return new TextEncoder().encode((bom ? '\ufeff' : '') + (eol === 'crlf' ? text.replaceAll('\n', '\r\n') : text))
}

/** Whether two texts differ only in BOM, line ends, blanks at line ends and newlines at the end: that is no edit. */
export function sameText(a: string, b: string): boolean {
  return a === b || bare(a) === bare(b)
}

function bare(text: string): string {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  return withoutLastNewlines(lines.map((line) => withoutLast(line, ' \t\r')).join('\n'))
}

interface Split {
  /** What stands between the fences; undefined without them. */
  readonly front: string | undefined
  readonly body: string
  readonly unclosed: boolean
}

/** Cuts a file at its fences. An indented `---` is inside a value, so only a line that begins with it ends the front matter. */
function split(text: string): Split {
  const open = /^---[ \t]*(?:\n|$)/.exec(text)?.[0]
  if (open === undefined) return { front: undefined, body: withoutLastNewlines(text), unclosed: false }
  const close = /^---[ \t]*$/m.exec(text.slice(open.length))
  if (close === null) return { front: undefined, body: '', unclosed: true }
  const end = open.length + close.index
  const below = text.slice(end + close[0].length + 1)
  return {
    front: text.slice(open.length, end),
    body: withoutLastNewlines(below.replace(/^[ \t]*\n/, '')),
    unclosed: false,
  }
}

/** The place of conflict markers that git, or another merge, left: the three in order. */
function findMergeMarkers(text: string): Unreadable | undefined {
  if (!text.includes('<<<<<<<')) return undefined
  const lines = text.split('\n')
  const ours = lines.findIndex((line) => /^<{7}(?: |$)/.test(line))
  const middle = ours < 0 ? -1 : lines.findIndex((line, i) => i > ours && /^={7}$/.test(line))
  const theirs = middle < 0 ? -1 : lines.findIndex((line, i) => i > middle && /^>{7}(?: |$)/.test(line))
  if (theirs < 0) return undefined
  return { ok: false, reason: 'holds merge markers (<<<<<<< ======= >>>>>>>)', line: ours + 1, column: 1 }
}

function limited(title: string): string {
  return [...title].slice(0, MAX_TITLE_LENGTH / 2).join('')
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Its only failure is a byte sequence that is no UTF-8: an answer here.
    return undefined
  }
}

function invalidUtf8(bytes: Uint8Array): Unreadable {
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  const reason = wide ? 'is UTF-16; it must be UTF-8' : 'is not valid UTF-8'
  for (let line = 1, from = 0; ; line++) {
    const next = bytes.indexOf(0x0a, from)
    const part = bytes.subarray(from, next < 0 ? bytes.length : next)
    if (decodeUtf8(part) === undefined) {
      return { ok: false, reason, line, column: new TextDecoder().decode(part).indexOf('\ufffd') + 1 }
    }
    if (next < 0) return { ok: false, reason, line, column: 1 }
    from = next + 1
  }
}
