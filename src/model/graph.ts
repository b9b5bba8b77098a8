/** Records and the ids they hold of one another: pure questions about them. */
export interface Graph {
  readonly nodes: readonly GraphNode[]
  /** `from` holds the id of `to`: it depends on it, or is a part of it. */
  readonly edges: readonly Edge[]
}

export interface GraphNode {
  readonly id: string
  readonly title: string
  readonly status: string
  readonly isOpen: boolean
  /** What it is estimated to take, in hours; null when nobody has said. */
  readonly hours: number | null
}

export interface Edge {
  readonly from: string
  readonly to: string
}

/** For each node, where its edges lead. */
export function neighbours(
  edges: readonly Edge[],
  direction: 'forward' | 'backward',
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const edge of edges) {
    const [from, to] = direction === 'forward' ? [edge.from, edge.to] : [edge.to, edge.from]
    const list = found.get(from)
    if (list) list.push(to)
    else found.set(from, [to])
  }
  return found
}

/**
 * The circles: sets of nodes each of which leads to all others of its set. Tarjan's strongly connected components
 * (SIAM J. Comput. 1972), without recursion.
 */
export function circlesOf({ nodes, edges }: Graph): readonly (readonly string[])[] {
  const next = neighbours(edges, 'forward')
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const circles: (readonly string[])[] = []

  const enter = (id: string): { id: string; at: number } => {
    index.set(id, index.size)
    low.set(id, index.get(id) ?? 0)
    open.push(id)
    isOpen.add(id)
    return { id, at: 0 }
  }
  const lower = (id: string, to: number | undefined): void => {
    if (to !== undefined && to < (low.get(id) ?? 0)) low.set(id, to)
  }

  for (const { id: start } of nodes) {
    if (index.has(start)) continue
    const path = [enter(start)]
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const to = next.get(top.id)?.[top.at++]
      if (to === undefined) {
        path.pop()
        const above = path.at(-1)
        if (above) lower(above.id, low.get(top.id))
        if (low.get(top.id) !== index.get(top.id)) continue
        const members = open.splice(open.indexOf(top.id))
        for (const member of members) isOpen.delete(member)
        const isCircle = members.length > 1 || next.get(top.id)?.includes(top.id)
        if (isCircle) circles.push(members.sort())
      } else if (!index.has(to)) path.push(enter(to))
      else if (isOpen.has(to)) lower(top.id, index.get(to))
    }
  }
  return circles.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
}

export interface Path {
  /** What must be done first comes first. */
  readonly ids: readonly string[]
  readonly hours: number
  /** How many of them nobody has estimated: each counts as an hour. */
  readonly unestimated: number
}

/** What a node counts that nobody has estimated, in hours. */
const UNKNOWN_HOURS = 1

/**
 * The chain of open nodes that takes longest, each waiting for the one before: no way to be done earlier. Undefined when
 * nothing is open. Nodes in a circle, and what waits for them, are left out: they can never be done.
 */
export function criticalPath({ nodes, edges }: Graph): Path | undefined {
  const open = new Map(nodes.filter(({ isOpen }) => isOpen).map((node) => [node.id, node]))
  const inside = edges.filter(({ from, to }) => open.has(from) && open.has(to))
  const waiting = new Map([...open.keys()].map((id) => [id, 0]))
  for (const { from } of inside) waiting.set(from, (waiting.get(from) ?? 0) + 1)
  const dependents = neighbours(inside, 'backward')
  const best = new Map<string, { readonly hours: number; readonly before: string | undefined }>()
  const costOf = (id: string): number => open.get(id)?.hours ?? UNKNOWN_HOURS
  const ready = [...waiting].filter(([, count]) => count === 0).map(([id]) => id)
  for (const id of ready) if (!best.has(id)) best.set(id, { hours: costOf(id), before: undefined })
  let last: string | undefined
  // Kahn's order: grows while it is walked.
  for (const id of ready) {
    const hours = best.get(id)?.hours ?? 0
    if (last === undefined || hours > (best.get(last)?.hours ?? 0)) last = id
    for (const dependent of dependents.get(id) ?? []) {
      const through = hours + costOf(dependent)
      if (through > (best.get(dependent)?.hours ?? -1)) best.set(dependent, { hours: through, before: id })
      const left = (waiting.get(dependent) ?? 0) - 1
      waiting.set(dependent, left)
      if (left === 0) ready.push(dependent)
    }
  }
  if (last === undefined) return undefined
  const ids: string[] = []
  for (let id: string | undefined = last; id !== undefined; id = best.get(id)?.before) ids.unshift(id)
  return {
    ids,
    hours: best.get(last)?.hours ?? 0,
    unestimated: ids.filter((id) => (open.get(id)?.hours ?? null) === null).length,
  }
}

/** Open nodes that a node waits for, however far away; itself aside. */
export function openBefore(graph: Graph, id: string): readonly string[] {
  const next = neighbours(graph.edges, 'forward')
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const found = new Set<string>()
  const todo = [id]
  for (const from of todo) {
    for (const to of next.get(from) ?? []) {
      if (found.has(to) || to === id || !nodes.get(to)?.isOpen) continue
      found.add(to)
      todo.push(to)
    }
  }
  return [...found]
}

/** Open nodes that wait for this one and for no other open node: what completing it sets free. */
export function freedBy(graph: Graph, id: string): readonly string[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const next = neighbours(graph.edges, 'forward')
  const dependents = neighbours(graph.edges, 'backward').get(id) ?? []
  return dependents.filter(
    (one) => nodes.get(one)?.isOpen && (next.get(one) ?? []).every((to) => to === id || !nodes.get(to)?.isOpen),
  )
}
