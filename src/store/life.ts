import type { DeleteMark } from '../doc/layout.ts'

/** The last edit of a record by one replica. */
export interface Touch {
  readonly replica: string
  readonly seq: number
  readonly at: number
  readonly actor: string
}

/** The mark of deletion that holds: it has seen every edit. Of several the latest; undefined while the record lives. */
export function holdingMark(
  marks: readonly DeleteMark[],
  touches: readonly Pick<Touch, 'replica' | 'seq'>[],
): DeleteMark | undefined {
  const holding = marks.filter(({ seen }) => touches.every(({ replica, seq }) => seq <= (seen[replica] ?? 0)))
  return holding.sort((a, b) => b.at - a.at || (a.by < b.by ? -1 : 1))[0]
}

/** The latest of some edits, the same on every replica. */
export function lastTouch<T extends Touch>(touches: readonly T[]): T | undefined {
  return [...touches].sort(
    (a, b) => b.at - a.at || (a.replica < b.replica ? 1 : a.replica > b.replica ? -1 : b.seq - a.seq),
  )[0]
}
