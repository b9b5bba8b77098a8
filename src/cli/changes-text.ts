import pc from 'picocolors'
import { printable } from '../base/width.ts'
import { type Look, oneLine } from './render.ts'

interface Piece {
  readonly type: 'same' | 'added' | 'removed' | 'skipped'
  readonly text?: string
  readonly lines?: number
}

interface Changed {
  readonly key: string
  readonly title: string
  readonly headline: string
  readonly lines: readonly string[]
  readonly texts?: readonly { readonly field: string; readonly pieces: readonly Piece[] }[]
  /** What is to be known about it besides. */
  readonly notes?: readonly string[]
}

/** Records that differ, for a terminal: what was removed is red, what came green; without colours as `git diff --word-diff` marks it. */
export function changesText(rows: readonly unknown[], look: Look): string {
  return `${(rows as readonly Changed[]).map((row) => changeText(row, look)).join('\n\n')}\n`
}

function changeText({ key, title, headline, lines, texts = [], notes = [] }: Changed, look: Look): string {
  const colors = pc.createColors(look.color)
  const isNamed = headline.includes(`"${title}"`) || title === '' || key.endsWith(`/${title}`)
  const head = [colors.cyan(oneLine(key)), isNamed ? oneLine(headline) : colors.bold(oneLine(title))].join('  ')
  const shown =
    lines.length > 0 || isNamed
      ? lines.filter((line) => line !== headline && !headline.startsWith(`${line} `))
      : [headline]
  const inTexts = new Set(texts.map(({ field }) => field))
  return [
    head,
    ...shown.filter((line) => !inTexts.has(line.split(' ')[0] ?? '')).map((line) => `  ${oneLine(line)}`),
    ...texts.flatMap(({ field, pieces }) => [
      `  ${colors.dim(`${field}:`)}`,
      ...pieces
        .map((piece) => pieceText(piece, look))
        .join('')
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `    ${line}`.trimEnd()),
    ]),
    ...notes.map((note) => `  ${colors.yellow(oneLine(note))}`),
  ].join('\n')
}

function pieceText({ type, text = '', lines = 0 }: Piece, look: Look): string {
  const colors = pc.createColors(look.color)
  const shown = look.columns === undefined ? text : printable(text)
  switch (type) {
    case 'same':
      return shown
    case 'skipped':
      return `${colors.dim(`... ${lines} lines ...`)}\n`
    case 'added':
      return painted(shown, look.color ? colors.green : (part) => `{+${part}+}`)
    case 'removed':
      return painted(shown, look.color ? colors.red : (part) => `[-${part}-]`)
  }
}

/** Line by line, so that neither a colour nor a mark runs over a line's end. */
function painted(text: string, paint: (part: string) => string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : paint(line)))
    .join('\n')
}
