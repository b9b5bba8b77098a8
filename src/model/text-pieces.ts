import { diffText } from './text-diff.ts'

/** What became of a piece of a text between two moments; of long stretches that stayed, only the edges are there. */
export type TextPiece =
  | { readonly type: 'same' | 'added' | 'removed'; readonly text: string }
  | { readonly type: 'skipped'; readonly lines: number }

/** Lines of what stayed that are shown before and after what did not. */
const CONTEXT_LINES = 1

/** Shows by words how a text became another one. */
export function textPieces(before: string, after: string): readonly TextPiece[] {
  const pieces: TextPiece[] = []
  let from = 0
  for (const edit of diffText(before, after)) {
    pushSame(pieces, before.slice(from, edit.at), from === 0, false)
    const removed = before.slice(edit.at, edit.at + edit.delete)
    if (removed !== '') pieces.push({ type: 'removed', text: removed })
    if (edit.insert !== '') pieces.push({ type: 'added', text: edit.insert })
    from = edit.at + edit.delete
  }
  if (pieces.length > 0) pushSame(pieces, before.slice(from), false, true)
  return pieces
}

function pushSame(pieces: TextPiece[], text: string, isFirst: boolean, isLast: boolean): void {
  if (text === '') return
  const lines = text.split(/(?<=\n)/)
  const head = isFirst ? 0 : CONTEXT_LINES + 1
  const tail = isLast ? 0 : CONTEXT_LINES + 1
  const skipped = lines.length - head - tail
  if (skipped <= 1) {
    pieces.push({ type: 'same', text })
    return
  }
  if (head > 0) pieces.push({ type: 'same', text: lines.slice(0, head).join('') })
  pieces.push({ type: 'skipped', lines: skipped })
  if (tail > 0) pieces.push({ type: 'same', text: lines.slice(lines.length - tail).join('') })
}
