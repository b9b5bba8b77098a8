import type { Json } from '../../record.ts'
import { type Issue, isEmpty, listOf, membersOf, textOf } from './issue.ts'

/** Where an issue's dependencies go. All ids are those of beads. */
export interface Edges {
  /** What must be closed first. */
  readonly blocks: readonly string[]
  readonly parent: string | undefined
  /** The ids of every other type. */
  readonly others: ReadonlyMap<string, readonly string[]>
  /** Dependencies that could not be read, or say more than what kind of edge they are: who made them, and when. */
  readonly rest: readonly Json[]
  readonly notes: readonly string[]
}

export const PARENT = 'parent-child'
const EDGE_KEYS = new Set<string>(['issue_id', 'depends_on_id', 'type'])

/** Sorts the dependencies of an issue by type. An edge leads from the issue to what it depends on, or is a part of. */
export function readEdges(issue: Issue): Edges {
  const byType = new Map<string, string[]>()
  const rest: Json[] = []
  const notes: string[] = []
  for (const raw of listOf(issue.dependencies)) {
    const edge = membersOf(raw)
    const to = textOf(edge.depends_on_id)?.trim()
    if (to === undefined || (edge.issue_id ?? issue.id) !== issue.id) {
      notes.push('a dependency is not understood; kept in beads_dependencies')
      rest.push(raw)
      continue
    }
    const type = textOf(edge.type)?.trim() ?? 'blocks'
    byType.set(type, [...(byType.get(type) ?? []), to])
    if (Object.entries(edge).some(([key, value]) => !EDGE_KEYS.has(key) && !isEmpty(value) && value !== '{}')) {
      rest.push(raw)
    }
  }
  const { blocks = [], [PARENT]: [parent, ...parents] = [], ...others } = Object.fromEntries(byType)
  if (parents.length > 0) {
    notes.push(`it is a part of ${[parent, ...parents].join(', ')}; ${parent} is its parent here, the rest is kept`)
    others[PARENT] = parents
  }
  return { blocks, parent, others: new Map(Object.entries(others)), rest, notes }
}
