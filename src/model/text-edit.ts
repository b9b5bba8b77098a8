/** An edit of a text: at UTF-16 offset `at` of the text before any of the edits, delete and insert. Lists are sorted and do not overlap. */
export interface TextEdit {
  readonly at: number
  readonly delete: number
  readonly insert: string
}

/** The text after the edits. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = ''
  let from = 0
  for (const edit of edits) {
    result += text.slice(from, edit.at) + edit.insert
    from = edit.at + edit.delete
  }
  return result + text.slice(from)
}
