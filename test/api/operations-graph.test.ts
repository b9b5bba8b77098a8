import { expect, test } from 'vitest'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice } from '../helpers/project.ts'
import { createCaller } from './operations-caller.ts'

async function chain() {
  const caller = createCaller()
  const create = async (input: object): Promise<string> => String((await caller.call('task.create', { ...input })).id)
  const design = await create({ title: 'Design', estimatedHours: 2 })
  const build = await create({ title: 'Build', estimatedHours: 5, dependencies: [design] })
  const test = await create({ title: 'Test', dependencies: [build], parent: build })
  const docs = await create({ title: 'Docs', status: 'done', parent: build, estimatedHours: 4 })
  return { ...caller, design, build, test, docs }
}

test('around a task: what it waits for, what waits for it, the critical path, and what it sets free', async () => {
  const { call, design, build, test } = await chain()
  const answer = await call('graph', { id: build })
  expect(answer).toMatchObject({
    edges: expect.arrayContaining([
      { from: build, to: design },
      { from: test, to: build },
    ]),
    criticalPath: { ids: [design, build, test], hours: 8, unestimated: 1 },
    waitsFor: [design],
    frees: [test],
    circles: [],
  })
  expect(answer.text).toContain(`Waits for\n○ ${build}  Build  5h\n└─ ○ ${design}  Design  2h`)
  expect((await call('graph', { id: build, direction: 'before' })).nodes).toHaveLength(2)
  expect((await call('graph', { id: test, depth: 1 })).nodes).toHaveLength(2)
})

test('all open tasks, as pictures and texts', async () => {
  const { call, docs } = await chain()
  expect((await call('graph', { format: 'dot' })).text).toMatch(/^digraph orch \{/)
  expect((await call('graph', { format: 'mermaid' })).text).toMatch(/^graph LR\n/)
  const { text, nodes } = await call('graph', { format: 'svg' })
  expect(text).toMatch(/^<svg xmlns=.*<\/svg>\n$/s)
  expect(String(text).match(/<rect/g)).toHaveLength(3)
  expect(JSON.stringify(nodes)).not.toContain(docs)
  expect((await createCaller().call('graph')).text).toContain('No open task depends on another.')
})

test('a circle that two replicas closed together is shown', async () => {
  const { call, project, design, test } = await chain()
  await project.transact(byAlice, (tx) => tx.update(task, design as never, { add: { dependencies: [test] } }))
  const { circles, text } = await call('graph', { id: design })
  expect(circles).toHaveLength(1)
  expect(text).toContain('! These wait for each other: ')
})

test('the progress of parts is rolled up', async () => {
  const { call, build, test } = await chain()
  const part = String((await call('task.create', { title: 'Part of a part', parent: test, estimatedHours: 1 })).id)
  await call('task.update', { id: part, addSpentHours: 2 })
  const { items } = await call('task.list', { where: ['title=Build'], include: ['progress'] })
  expect(items).toEqual([
    expect.objectContaining({
      id: build,
      related: { progress: { total: 3, closed: 1, estimatedHours: 5, spentHours: 2 } },
    }),
  ])
})

test('wide signs have room in the picture', async () => {
  const { call } = createCaller()
  const width = async (title: string): Promise<number> => {
    const { id } = await call('task.create', { title: 'x' })
    await call('task.create', { title, dependencies: [id] })
    const { text } = await call('graph', { format: 'svg' })
    return Math.max(
      ...[...String(text).matchAll(/<rect x="[^"]*" y="[^"]*" width="([\d.]+)"/g)].map(([, one]) => Number(one)),
    )
  }
  expect(await width('デプロイする')).toBeGreaterThanOrEqual(6 * 12 + 20)
  expect(await width('東京リージョンのデータベースをPostgreSQLへ移行する')).toBeLessThan(34 * 7.2 + 21)
})
