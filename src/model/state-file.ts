import type { Json } from './record.ts'

/** A JSON file of keyed values: keys sorted at every level, two blanks of indent, one newline at the end. */
export function renderState(_values: Readonly<Record<string, Json>>): string {
  throw new Error('bug: not written yet')
}

/** Reads such a file; refuses with the place: bad JSON, a key twice, a key, size or depth that is not allowed. */
export function parseState(
  _text: string,
):
  | { readonly ok: true; readonly values: Readonly<Record<string, Json>> }
  | { readonly ok: false; readonly reason: string; readonly line: number; readonly column: number } {
  throw new Error('bug: not written yet')
}
