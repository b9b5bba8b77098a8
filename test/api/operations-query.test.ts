import { expect, test } from 'vitest'
import type { TestClock } from '../helpers/clock.ts'
import { createCaller } from './operations-caller.ts'

async function withWork() {
  const caller = createCaller()
  const create = async (input: object): Promise<string> => String((await caller.call('task.create', { ...input })).id)
  const done = await create({ title: 'Done', status: 'done' })
  const open = await create({ title: 'Open', labels: ['api'], due: '2026-12-01', estimatedHours: 3 })
  const ready = await create({ title: 'Ready', labels: ['api'], dependencies: [done] })
  const waiting = await create({ title: 'Waiting', labels: ['api', 'ui'], dependencies: [done, open] })
  return { ...caller, done, open, ready, waiting }
}

const titles = (answer: Readonly<Record<string, unknown>>): readonly unknown[] =>
  (answer.items as readonly { title: unknown }[]).map(({ title }) => title)

test('open tasks of a label whose dependencies are all done, with their last log entry and active session: one call', async () => {
  const { call, ready, done, clock } = await withWork()
  await call('log.append', { action: 'looked', task: ready })
  await (clock as TestClock).advance(1000)
  await call('log.append', { action: 'tried', task: ready, details: { n: 1 } })
  const session = await call('session.start', { goal: 'Get it ready', tasks: [ready] })
  const answer = await call('task.list', {
    labels: ['api'],
    filter: { dependencies: { some: {}, every: { status: 'done' } } },
    fields: ['title,status'],
    include: ['lastLog', 'activeSession', 'dependencies'],
  })
  expect(answer.items).toEqual([
    {
      id: ready,
      title: 'Ready',
      status: 'todo',
      related: {
        lastLog: expect.objectContaining({ action: 'tried', details: { n: 1 } }),
        activeSession: expect.objectContaining({ id: session.id, goal: 'Get it ready' }),
        dependencies: [expect.objectContaining({ id: done, title: 'Done' })],
      },
    },
  ])
})

test('short conditions say what a filter says, and JSON may come as text from a terminal', async () => {
  const { call, refusal } = await withWork()
  expect(titles(await call('task.list', { where: ['due<2026-12-02', 'estimatedHours >= 3'] }))).toEqual(['Open'])
  expect(titles(await call('task.list', { where: ['labels=ui'] }))).toEqual(['Waiting'])
  expect(titles(await call('task.list', { where: ['title ~ EAD'] }))).toEqual(['Ready'])
  expect(titles(await call('task.list', { where: ['!labels'], all: true }))).toEqual(['Done'])
  expect(titles(await call('task.list', { where: ['status=done'] }))).toEqual(['Done'])
  expect(titles(await call('task.list', { filter: '{"dependents": {"some": {"title": "Waiting"}}}' }))).toEqual([
    'Open',
  ])
  expect(await refusal('task.list', { where: ['!due<3'] })).toMatchObject({
    code: 'invalid_input',
    data: { field: 'where' },
  })
  expect(await refusal('task.list', { filter: '{' })).toMatchObject({ data: { field: 'filter' } })
  expect(await refusal('task.list', { include: ['lastLogs'] })).toMatchObject({
    data: { reason: /did you mean lastLog/ },
  })
  expect(await refusal('task.list', { fields: ['titel'] })).toMatchObject({ code: 'invalid_input' })
})

test('counts, in all and by the values of a field', async () => {
  const { call, refusal } = await withWork()
  expect(await call('task.count')).toEqual({ total: 3, groups: [] })
  expect(await call('task.count', { by: 'labels', all: true })).toEqual({
    total: 4,
    groups: [
      { value: 'api', count: 3 },
      { value: null, count: 1 },
      { value: 'ui', count: 1 },
    ],
  })
  expect(await call('task.count', { by: 'status', where: ['dependencies'], all: true })).toMatchObject({
    groups: [{ value: 'todo', count: 2 }],
  })
  expect(await refusal('task.count', { by: 'body' })).toMatchObject({ data: { field: 'groupBy' } })
})

test('pages of a filtered list hold each record once, also when others change between them', async () => {
  const { call } = createCaller()
  for (let i = 0; i < 25; i++) await call('task.create', { title: `n${i}`, estimatedHours: i % 5 })
  const seen: unknown[] = []
  for (let after: unknown; ; ) {
    const page = await call('task.list', {
      where: ['estimatedHours>0'],
      sort: '-estimatedHours',
      limit: 7,
      ...(after !== undefined && { after }),
    })
    seen.push(...titles(page))
    after = page.next
    if (after === undefined) break
    await call('task.create', { title: 'late', estimatedHours: 9 })
  }
  expect(new Set(seen).size).toBe(20)
  expect(seen).toHaveLength(20)
})

test('the same questions are answered about the past', async () => {
  const { call, clock, done, ready, refusal } = await withWork()
  await call('state.set', { key: 'phase', value: 'alpha' })
  const then = new Date(clock.now()).toISOString()
  await (clock as TestClock).advance(60_000)
  await call('task.update', { id: ready, title: 'Readier', status: 'done', addLabels: ['late'] })
  await call('task.delete', { id: done })
  await call('state.set', { key: 'phase', value: 'beta' })
  expect(titles(await call('task.list', { asOf: then, all: true, sort: 'title' }))).toEqual([
    'Done',
    'Open',
    'Ready',
    'Waiting',
  ])
  const filter = { dependencies: { some: { title: 'Done' } } }
  expect(titles(await call('task.list', { asOf: then, filter, sort: 'title' }))).toEqual(['Ready', 'Waiting'])
  expect(titles(await call('task.list', { filter, all: true }))).toEqual([])
  expect(await call('task.count', { asOf: then, by: 'labels', all: true })).toMatchObject({ total: 4 })
  expect(await call('task.show', { id: ready, asOf: then })).toMatchObject({ title: 'Ready', status: 'todo' })
  expect(await call('state.get', { key: 'phase', asOf: then })).toMatchObject({ value: 'alpha' })
  expect(await call('search', { text: 'ready', asOf: then })).toMatchObject({ items: [{ title: 'Ready' }] })
  expect((await call('graph', { asOf: then })).edges).toHaveLength(1)
  expect(await refusal('task.list', { asOf: 'once upon a time' })).toMatchObject({ code: 'moment_unknown' })
})
