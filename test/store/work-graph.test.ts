import { expect, it } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import type { Change } from '../../src/store/project.ts'
import { createWorkGraph, type WorkGraph } from '../../src/store/work-graph.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

/** More than a page of the graph. */
const TASKS = 450

const answers = (graph: WorkGraph) => ({
  ready: graph.ready({ claimed: new Set(), limit: 1000 }),
  blocked: graph.blocked({ limit: 1000 }),
  todo: graph.todo(1000),
})

async function setUp() {
  let note: ((changes: readonly Change[]) => void) | undefined
  const { project, database } = createTestProject({ note: (changes) => note?.(changes) })
  for (let made = 0; made < TASKS; made++) {
    const dependsOn = project.ids(task)[made * 7]
    await project.transact(byAlice, (tx) =>
      tx.create(task, { title: `Task ${made}`, ...(dependsOn && made % 3 === 0 && { dependencies: [dependsOn] }) }),
    )
  }
  const graph = createWorkGraph(database, builtInKinds)
  note = graph.note
  return { project, graph, fresh: () => createWorkGraph(database, builtInKinds) }
}

it('knows what was changed before and behind the pages that it has read', async () => {
  const { project, graph, fresh } = await setUp()
  const steps = graph.read()
  expect(steps.next().done).toBe(false)
  const ids = project.ids(task)
  const [first, last] = [must(ids[0], 'made above'), must(ids.at(-1), 'made above')]
  await project.transact(byAlice, (tx) => tx.update(task, first, { set: { status: 'completed' } }))
  await project.transact(byAlice, (tx) =>
    tx.update(task, last, { add: { dependencies: [must(ids[1], 'made above')] } }),
  )
  expect(steps.next().done).toBe(false)
  await project.transact(byAlice, (tx) => tx.update(task, first, { set: { status: 'todo', priority: 'critical' } }))
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'In between' }))
  while (!steps.next().done);
  expect(answers(graph)).toEqual(answers(fresh()))
  expect(graph.dependentsOf(must(ids[1], 'made above'))).toContain(last)
})

it('answers while it is being read, with all there is', async () => {
  const { graph, fresh } = await setUp()
  graph.read().next()
  expect(answers(graph)).toEqual(answers(fresh()))
})

it('begins again when what it was told may have been taken back', async () => {
  const { project, graph, fresh } = await setUp()
  const steps = graph.read()
  steps.next()
  graph.forget()
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'After it' }))
  while (!steps.next().done);
  expect(answers(graph)).toEqual(answers(fresh()))
})

it('is, after any change, the one that is read anew', async () => {
  const kept: { graph?: WorkGraph } = {}
  const { project, database } = createTestProject({ note: (changes) => kept.graph?.note(changes) })
  const graph = createWorkGraph(database, project.kinds)
  kept.graph = graph
  const random = createRandom(7)
  const pick = (n: number): number => ((random(1)[0] ?? 0) * 256 + (random(1)[0] ?? 0)) % n
  const ids: RecordId[] = []
  /** Older ones than a task, so that there is no circle. */
  const some = (end: number): readonly RecordId[] => [ids[pick(end)], ids[pick(end)]].filter((id) => id !== undefined)
  for (let step = 0; step < 150; step++) {
    await project.transact(byAlice, (tx) => {
      const id = ids[pick(ids.length)]
      if (id === undefined || pick(3) === 0) {
        ids.push(tx.create(task, { title: `${step}`, dependencies: some(ids.length), estimatedHours: pick(9) }))
      } else if (project.read(task, id)?.deletedAt !== undefined) tx.restore(task, id)
      else if (pick(6) === 0) tx.delete(task, id)
      else {
        const patches = [
          { set: { status: ['todo', 'in_progress', 'completed', 'blocked'][pick(4)] ?? 'todo' } },
          { set: { estimatedHours: pick(9) } },
          { add: { dependencies: some(ids.indexOf(id)) } },
          { remove: { dependencies: some(ids.indexOf(id)) } },
          { set: { priority: ['critical', 'low'][pick(2)] ?? 'low', due: '2026-12-01' } },
        ]
        tx.update(task, id, patches[pick(patches.length)] ?? {})
      }
    })
    const grown = answers(graph)
    expect(grown, `after step ${step}`).toEqual(answers(createWorkGraph(database, project.kinds)))
  }
})
