import { expect, it } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import type { Change } from '../../src/store/project.ts'
import { createWorkGraph, type WorkGraph } from '../../src/store/work-graph.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'

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
