import * as Y from 'yjs'

/** Whether one update has every struct and every deletion of another. Cannot tell, and says no, where one has holes. */
export function covers(update: Uint8Array, other: Uint8Array): boolean {
  const [whole, part] = [reachOf(update), reachOf(other)]
  const isInside = (of: Reach['structs'], within: Reach['structs']): boolean =>
    [...of].every(([client, ranges]) =>
      ranges.every(([from, to]) => within.get(client)?.some(([start, end]) => start <= from && to <= end) === true),
    )
  return isInside(part.structs, whole.structs) && isInside(part.deleted, whole.deleted)
}

/** Ranges of clocks by clientID, those that touch made one. */
interface Reach {
  readonly structs: ReadonlyMap<number, readonly (readonly [from: number, to: number])[]>
  readonly deleted: Reach['structs']
}

function reachOf(update: Uint8Array): Reach {
  const { structs, ds } = Y.decodeUpdate(update)
  const written = new Map<number, [number, number][]>()
  for (const { id, length } of structs.filter((struct) => !(struct instanceof Y.Skip))) {
    add(written, id.client, id.clock, id.clock + length)
  }
  const deleted = new Map<number, [number, number][]>()
  for (const [client, ranges] of ds.clients) {
    for (const { clock, len } of [...ranges].sort((a, b) => a.clock - b.clock)) add(deleted, client, clock, clock + len)
  }
  return { structs: written, deleted }
}

function add(to: Map<number, [number, number][]>, client: number, from: number, end: number): void {
  const ranges = to.get(client) ?? []
  to.set(client, ranges)
  const last = ranges.at(-1)
  if (last && from <= last[1]) last[1] = Math.max(last[1], end)
  else ranges.push([from, end])
}
