export interface Link {
  readonly isOpen: boolean
  readonly hours: number
  readonly dependencies: readonly string[]
}

/** How much work waits behind tasks. What was asked for once is kept until it may have changed. */
export interface Chains {
  /** Hours of the longest chain of open tasks that waits for a task: the critical path. A circle counts once. */
  hoursBehind(id: string): number
  /** A task that depends on these has changed: so have their chains, and those of what they depend on, as far as it is open. */
  forget(ids: readonly string[]): void
}

export function createChains(
  tasks: ReadonlyMap<string, Link>,
  dependents: ReadonlyMap<string, ReadonlySet<string>>,
): Chains {
  const known = new Map<string, number>()

  /** Depth first, without recursion: a chain may be as long as there are tasks. */
  const measure = (start: string): number => {
    const onPath = new Set<string>()
    const stack = [{ id: start, rest: [...(dependents.get(start) ?? [])], length: 0 }]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      onPath.add(top.id)
      const next = top.rest.pop()
      if (next === undefined) {
        known.set(top.id, top.length)
        onPath.delete(top.id)
        stack.pop()
        continue
      }
      const task = tasks.get(next)
      if (!task?.isOpen || onPath.has(next)) continue
      const length = known.get(next)
      if (length === undefined) {
        top.rest.push(next)
        stack.push({ id: next, rest: [...(dependents.get(next) ?? [])], length: 0 })
      } else top.length = Math.max(top.length, length + task.hours)
    }
    return known.get(start) ?? 0
  }

  return {
    hoursBehind: (id) => known.get(id) ?? measure(id),
    forget(ids) {
      const open = [...ids]
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        // Who was measured, all that waits for it was: of what is not known, nothing that it depends on is.
        if (!known.delete(id)) continue
        const task = tasks.get(id)
        if (task?.isOpen) open.push(...task.dependencies)
      }
    },
  }
}
