import { nextTurn } from '../../base/turns.ts'

/** A line without its end. One that is longer than the limit has no bytes. */
export interface Line {
  /** Counts from 1. */
  readonly number: number
  readonly size: number
  readonly bytes: Uint8Array | undefined
}

const LF = 0x0a
/** Memory that is new is written slowly: a millisecond or two. */
const BYTES_PER_TURN = 2 << 20

/** Cuts pieces of a file into its lines, keeping no more of it than one line of at most `limit` bytes. */
export async function* splitLines(pieces: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Line> {
  let number = 0
  let size = 0
  let parts: Uint8Array[] = []
  const add = (part: Uint8Array): void => {
    size += part.length
    if (size <= limit) parts.push(part)
    else parts = []
  }
  const take = async (): Promise<Line> => {
    const line = { number: ++number, size, bytes: size > limit ? undefined : await joined(parts, size) }
    size = 0
    parts = []
    return line
  }
  for await (const piece of pieces) {
    let from = 0
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, from)) {
      add(piece.subarray(from, end))
      yield await take()
      from = end + 1
    }
    add(piece.subarray(from))
  }
  if (size > 0) yield await take()
}

/** Pieces of so many bytes together, as one. */
export async function joined(parts: readonly Uint8Array[], size: number): Promise<Uint8Array> {
  if (size <= BYTES_PER_TURN) return Buffer.concat(parts)
  const all = Buffer.allocUnsafe(size)
  let [end, rested] = [0, 0]
  for (const part of parts) {
    all.set(part, end)
    end += part.length
    if (end - rested < BYTES_PER_TURN) continue
    rested = end
    await nextTurn()
  }
  return all
}
