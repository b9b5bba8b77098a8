import type { Clock } from '../base/clock.ts'
import { createTurns, inTurns } from '../base/turns.ts'
import { task } from '../model/kinds/task.ts'
import type { Project } from './project.ts'
import type { WorkGraph } from './work-graph.ts'

/** What can be begun and what waits for what, now or as it was. */
export type WorkQueries = Pick<Project, 'ready' | 'blocked' | 'todo' | 'blockersOf' | 'dependentsOf' | 'readGraph'>

/** Answers with the records that a graph names. */
export function createWorkQueries(
  graph: WorkGraph,
  { read }: Pick<Project, 'read'>,
  clock: Pick<Clock, 'monotonic'>,
): WorkQueries {
  return {
    ready(query) {
      const { ids, total } = graph.ready(query)
      return { items: ids.flatMap((id) => read(task, id) ?? []), total }
    },
    blocked(query) {
      const { items, total } = graph.blocked(query)
      const found = items.flatMap(({ id, by }) => {
        const record = read(task, id)
        return record ? [{ task: record, by }] : []
      })
      return { items: found, total }
    },
    todo: (limit) => graph.todo(limit),
    blockersOf: (id) => graph.blockersOf(id),
    dependentsOf: (id) => graph.dependentsOf(id),
    readGraph: () => inTurns(graph.read(), createTurns(clock)),
  }
}
