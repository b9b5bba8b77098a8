import type { FrontMatter, Unreadable } from './front-matter.ts'
import type { RecordKind } from './kind.ts'
import type { RecordView } from './record.ts'

/** A file as read. `values` holds only what stands there; the text below the front matter is under `kind.body`. */
export type ParsedRecord = (FrontMatter & { readonly hasFrontMatter: boolean }) | BrokenRecord

/** A file that must be left alone; `body` is there when it can be told apart. */
export interface BrokenRecord extends Unreadable {
  readonly body?: string
}

/** How a file is written down; remembered and given back, never an edit. */
export interface FileStyle {
  readonly bom: boolean
  readonly eol: 'lf' | 'crlf'
}

/** A record's file: LF, no BOM, one newline at the end. */
export function renderRecord(_kind: RecordKind, _record: RecordView): string {
  throw new Error('bug: not written yet')
}

/**
 * Reads a record's file (LF, no BOM). Merge markers make it unreadable, unless `base`, the text known to be merged,
 * has them too.
 */
export function parseRecord(_kind: RecordKind, _text: string, _base?: string): ParsedRecord {
  throw new Error('bug: not written yet')
}

/** A title for a file that names none: its first `# heading`, or its name without `.md`. */
export function titleOf(_text: string, _fileName: string): string {
  throw new Error('bug: not written yet')
}

/** Bytes as text (LF, no BOM) and style. Refuses invalid UTF-8 and NUL, with the place. */
export function decodeFile(
  _bytes: Uint8Array,
): { readonly ok: true; readonly text: string; readonly style: FileStyle } | Unreadable {
  throw new Error('bug: not written yet')
}

/** Text (LF, no BOM) as bytes in a style. */
export function encodeFile(_text: string, _style: FileStyle): Uint8Array {
  throw new Error('bug: not written yet')
}

/** Whether two texts differ only in BOM, line ends, blanks at line ends and newlines at the end: no edit. */
export function sameText(_a: string, _b: string): boolean {
  throw new Error('bug: not written yet')
}
