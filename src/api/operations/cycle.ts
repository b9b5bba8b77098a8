/**
 * The circle that an edge `from -> to` would close, as the nodes on it with `from` at both ends; undefined when it
 * closes none. Circles that are there already, elsewhere, are no obstacle.
 */
export function circleThrough<T>(from: T, to: T, next: (node: T) => Iterable<T>): readonly T[] | undefined {
  if (from === to) return [from, from]
  const cameFrom = new Map<T, T>([[to, from]])
  const waiting = [to]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const neighbour of next(node)) {
      if (neighbour === from) return pathBack(from, node, cameFrom)
      if (cameFrom.has(neighbour)) continue
      cameFrom.set(neighbour, node)
      waiting.push(neighbour)
    }
  }
  return undefined
}

function pathBack<T>(from: T, last: T, cameFrom: ReadonlyMap<T, T>): readonly T[] {
  const path = [from]
  for (let node: T | undefined = last; node !== undefined && node !== from; node = cameFrom.get(node))
    path.unshift(node)
  return [from, ...path]
}
