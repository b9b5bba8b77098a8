import type { RecordView } from '../record.ts'

/** What an import wrote down of where a record came from: the tool, and the file or id there. */
export interface OldName {
  readonly tool: string
  readonly path: string
}

/** Where a record was imported from; undefined for one that was made here. */
export function oldNameOf({ extra }: Pick<RecordView, 'extra'>): OldName | undefined {
  const source = extra.imported?.trim()
  if (source === undefined) return undefined
  const text = source.startsWith('"') ? unquoted(source) : source.replace(/^'|'$/g, '')
  const [, tool, path] = /^(\S+) (.+) [0-9a-f]{12}$/.exec(text ?? '') ?? []
  return tool === undefined || path === undefined ? undefined : { tool, path }
}

function unquoted(source: string): string | undefined {
  try {
    return String(JSON.parse(source))
  } catch {
    // Somebody changed it by hand: then it says nothing.
    return undefined
  }
}
