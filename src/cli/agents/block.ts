/** A piece of a file that is orch's, between two lines that say so. */
export interface Marks {
  readonly begin: string
  readonly end: string
}

export const MARKDOWN: Marks = { begin: '<!-- orch:begin -->', end: '<!-- orch:end -->' }
export const TOML: Marks = {
  begin: '# orch:begin (put here by init --agents, taken out by uninstall)',
  end: '# orch:end',
}

/** The text with the block: in the place of the one that is there, else at the end. */
export function withBlock(text: string, lines: string, { begin, end }: Marks): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const block = [begin, ...lines.split('\n'), end].join(newline)
  const place = blockOf(text, { begin, end })
  if (place) return text.slice(0, place.start) + block + text.slice(place.end)
  if (text === '') return block + newline
  const gap = text.endsWith(newline + newline) ? '' : text.endsWith('\n') ? newline : newline + newline
  return text + gap + block + newline
}

/** The text without the block and the blank line before it; undefined when there is none. */
export function withoutBlock(text: string, marks: Marks): string | undefined {
  const place = blockOf(text, marks)
  if (!place) return undefined
  const before = text.slice(0, place.start).replace(/(\r?\n)\r?\n$/, '$1')
  const after = text.slice(place.end).replace(/^\r?\n/, '')
  return before + after
}

function blockOf(text: string, { begin, end }: Marks): { readonly start: number; readonly end: number } | undefined {
  const start = text.indexOf(begin)
  const at = start < 0 ? -1 : text.indexOf(end, start)
  return at < 0 ? undefined : { start, end: at + end.length }
}
