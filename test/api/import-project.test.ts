import { expect, test } from 'vitest'
import { importProject, planProject } from '../../src/api/import/project.ts'
import { must } from '../../src/base/assert.ts'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openReader } from '../../src/store/reader.ts'
import { DECLARED, kindsOfText } from '../helpers/own-kinds.ts'
import { byAlice, byClaude, claude, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const id = (text: string): RecordId => text as RecordId

async function worlds() {
  const [target, source] = [createTestProject({ name: 'platform' }), createTestProject({ seed: 5, name: 'my shop' })]
  const { project: into } = target
  const { project: old } = source
  await into.transact(byAlice, (tx) => {
    tx.create(task, { title: 'Theirs' }, { id: id('t-00000001') })
    tx.setKey('state', 'phase', 'build')
    tx.setKey('state', 'same', { a: 1 })
  })
  await old.transact(byClaude, (tx) => {
    tx.create(task, { title: 'Ours, same id', body: 'text' }, { id: id('t-00000001') })
    tx.create(
      task,
      {
        title: 'Free',
        status: 'completed',
        labels: ['b', 'a'],
        dependencies: ['t-00000001', 't-00000003'],
        parent: 't-00000001',
        spentHours: 2.5,
        aliases: ['OLD-1'],
      },
      {
        id: id('t-00000002'),
        file: 'sub/free.md',
        extra: { milestone: '"two"' },
        createdAt: '2020-01-02T03:04:05.000Z',
        createdBy: 'grace',
      },
    )
    tx.create(task, { title: 'Gone' }, { id: id('t-00000003') })
    tx.create(page, { title: 'Guide', body: 'see t-00000001' }, { id: id('p-00000001'), file: 'guide.md' })
    for (const [key, value] of [
      ['phase', 'plan'],
      ['same', { a: 1 }],
      ['mine', [1]],
    ] as const)
      tx.setKey('state', key, value)
  })
  const logged = { at: '2020-02-03T04:05:06.000Z', actor: 'grace' }
  await old.transact(byClaude, (tx) => {
    tx.appendLog({ ...logged, id: id('l-00000001'), action: 'began', task: 't-00000001', details: { a: [1] } })
    tx.appendLog({ ...logged, id: id('l-00000002'), action: 'ended' })
  })
  await into.transact(byAlice, (tx) => tx.appendLog({ id: id('l-00000002'), action: 'theirs' }))
  await old.transact(byClaude, (tx) => tx.delete(task, id('t-00000003')))
  await old.transact(byClaude, (tx) => tx.update(task, id('t-00000002'), { increment: { spentHours: 1 } }))
  const from = openReader(source.database, builtInKinds)
  const plan = planProject(from, into, createRandom(3))
  return { into, old, from, plan, database: target.database }
}

test('the plan says what collides and changes nothing', async () => {
  const { plan, into, from, old } = await worlds()
  expect([from.id, from.name, from.replica]).toEqual([old.id, 'my shop', old.replica])
  expect(plan).toMatchObject({ counts: { tasks: 2, pages: 1, log: 2 }, deleted: 1 })
  expect([...plan.renamed.keys()]).toEqual(['t-00000001'])
  expect(plan.keys).toEqual([
    { kind: 'state', key: 'mine', as: 'mine' },
    { kind: 'state', key: 'phase', as: 'phase.my-shop' },
  ])
  expect(into.rowCount()).toBe(2)
})

test('[P5] records come over as they were, with who made them; equal ids get a new id and an alias, and references follow', async () => {
  const { into, from, plan, old } = await worlds()
  const made = await importProject({ from, into, plan, origin: { source: 'import', actor: claude } })
  const renamed = must(plan.renamed.get(id('t-00000001')), 'renamed')
  expect(made).toBe(3)
  expect(into.read(task, id('t-00000001'))?.values.title).toBe('Theirs')
  expect(into.read(task, renamed)).toMatchObject({
    values: { title: 'Ours, same id', body: 'text', aliases: ['t-00000001'], createdBy: 'claude' },
    file: `${renamed}-ours-same-id.md`,
  })
  const before = must(old.read(task, id('t-00000002')), 'before')
  expect(into.read(task, id('t-00000002'))).toEqual({
    ...before,
    values: { ...before.values, dependencies: ['t-00000003', renamed], parent: renamed },
    updatedAt: expect.any(Number),
    updatedBy: 'claude',
  })
  expect(before.values).toMatchObject({ spentHours: 3.5, createdBy: 'grace', aliases: ['OLD-1'] })
  expect(into.read(task, id('t-00000003'))).toBeUndefined()
  expect(into.readLog(id('l-00000001'))).toEqual({
    id: 'l-00000001',
    at: '2020-02-03T04:05:06.000Z',
    actor: 'grace',
    action: 'began',
    session: '',
    task: renamed,
    details: { a: [1] },
  })
  expect(
    into
      .logOfDay('2020-02-03', 9)
      .map(({ action }) => action)
      .sort(),
  ).toEqual(['began', 'ended'])
  expect(into.readLog(id('l-00000002'))?.action).toBe('theirs')
  expect(into.pathOf(page, id('p-00000001'))).toBe('pages/guide.md')
  expect([...into.readKeys('state')].map(([key, { value }]) => [key, value])).toEqual([
    ['mine', [1]],
    ['phase', 'build'],
    ['phase.my-shop', 'plan'],
    ['same', { a: 1 }],
  ])
})

test('a key for which there is no name stays behind and is named in the plan', async () => {
  const [target, source] = [createTestProject({}), createTestProject({ seed: 5, name: 'x'.repeat(60) })]
  const key = 'k'.repeat(60)
  await target.project.transact(byAlice, (tx) => tx.setKey('state', key, 1))
  await source.project.transact(byAlice, (tx) => tx.setKey('state', key, 2))
  const from = openReader(source.database, builtInKinds)
  const plan = planProject(from, target.project, createRandom(3))
  expect(plan.keys).toEqual([{ kind: 'state', key, as: undefined }])
  await importProject({ from, into: target.project, plan, origin: { source: 'import', actor: claude } })
  expect(target.project.readKeys('state').size).toBe(1)
})

test('[P1] what is not declared here comes along, too: fields of every merge, and records of whole kinds', async () => {
  const kinds = kindsOfText(DECLARED)
  const risk = must(kinds.record('risk'), 'declared')
  const tasks = must(kinds.record('task'), 'declared')
  const [SAME, OTHER] = [id('t-00000001'), id('t-00000002')]
  const [RISK, GONE] = [id('k-00000001'), id('k-00000002')]
  const values = {
    title: 'It breaks',
    likelihood: 0.5,
    owners: ['ada', 'bob'],
    tasks: [SAME, OTHER],
    cost: 3,
    plan: 'a plan',
    facts: '{"a":[1]}',
  }
  const declaring = (seed: number, name: string) => createTestProject({ seed, name, kinds })
  const [source, target] = [declaring(5, 'my shop'), declaring(6, 'platform')]
  await target.project.transact(byAlice, (tx) => {
    tx.create(tasks, { title: 'Theirs' }, { id: SAME })
    tx.create(risk, { title: 'Their risk' }, { id: RISK })
  })
  await source.project.transact(byClaude, (tx) => {
    tx.create(
      tasks,
      { title: 'Ours', severity: 'high', customers: ['acme'], notes: 'ours', votes: 2, risk: RISK },
      { id: SAME },
    )
    tx.create(tasks, { title: 'Plain' }, { id: OTHER })
    tx.create(risk, values, { id: RISK, append: { reviews: [{ text: 'looked at' }] } })
    tx.create(risk, { title: 'Gone' }, { id: GONE })
  })
  await source.project.transact(byClaude, (tx) => tx.delete(risk, GONE))
  const before = must(source.project.read(risk, RISK), 'there').values

  // Neither is declared where they are joined.
  const undeclared = { from: source.reopen({ kinds: builtInKinds }), into: target.reopen({ kinds: builtInKinds }) }
  const from = openReader(source.database, builtInKinds)
  const into = undeclared.into.project
  const plan = planProject(from, into, createRandom(3))
  expect(plan.counts).toMatchObject({ tasks: 2, risks: 1 })
  const [task2, risk2] = [SAME, RISK].map((one) => must(plan.renamed.get(one), 'renamed')) as [RecordId, RecordId]
  await importProject({ from, into, plan, origin: { source: 'import', actor: claude } })
  expect(into.checkIndex(createTestProject({}).database)).toEqual([])

  const later = target.reopen({ kinds }).project
  expect(later.read(tasks, task2)?.values).toMatchObject({
    title: 'Ours',
    severity: 'high',
    customers: ['acme'],
    notes: 'ours',
    votes: 2,
    risk: risk2,
  })
  const made = must(later.read(risk, risk2), 'there')
  expect(made.values).toEqual({ ...before, tasks: [task2, OTHER].sort(), aliases: [RISK] })
  expect(made.file.startsWith(risk2)).toBe(true)
  expect(later.read(risk, RISK)?.values.title).toBe('Their risk')
  expect(later.ids(risk, { deleted: true })).toHaveLength(2)
  expect(later.undeclared()).toEqual([])
})
