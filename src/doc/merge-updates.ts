import * as Y from 'yjs'

/** At most so many at once: the cost of one merge is quadratic in how many it is given. */
const AT_ONCE = 16

/** Several updates as one. Throws on bytes that are no update. */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  let left = [...updates]
  while (left.length > 1) {
    const merged: Uint8Array[] = []
    for (let from = 0; from < left.length; from += AT_ONCE)
      merged.push(Y.mergeUpdates(left.slice(from, from + AT_ONCE)))
    left = merged
  }
  const [whole] = left
  if (!whole) throw new Error('no update to merge')
  return whole
}
