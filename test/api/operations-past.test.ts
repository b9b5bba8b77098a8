import { describe, expect, test } from 'vitest'
import type { TestClock } from '../helpers/clock.ts'
import { type Answer, createCaller } from './operations-caller.ts'

type Items = readonly Record<string, unknown>[]
const items = (answer: Answer): Items => answer.items as Items

async function createStory() {
  const caller = createCaller()
  const clock = caller.clock as TestClock
  const { id } = await caller.call('task.create', { title: 'Fix the login', body: 'It loops.\nOn Safari.' })
  const created = clock.now()
  await clock.advance(3_600_000)
  await caller.call('task.update', { id, status: 'review', addLabels: ['ui'], find: 'loops', replace: 'spins' })
  await caller.call('state.set', { key: 'currentPhase', value: 'design' })
  const { id: second } = await caller.call('task.create', { title: 'Write the docs' })
  return { ...caller, clock, id: String(id), second: String(second), created: new Date(created).toISOString() }
}

describe('history', () => {
  test('says change by change what happened, newest first and paged', async () => {
    const { call, id, second, project } = await createStory()
    const all = await call('history', { limit: 3 })
    expect(items(all).map(({ text }) => text)).toEqual([
      `${second}: created "Write the docs"`,
      'state/currentPhase: "design"',
      `${id}: todo -> review`,
    ])
    const rest = await call('history', { limit: 3, after: all.next })
    expect(items(rest).map(({ text, change }) => [text, change])).toEqual([
      [`${id}: created "Fix the login"`, `${project.replica}:1`],
    ])
    expect(rest.next).toBeUndefined()
  })

  test('of one record tells every field, and of one key its values', async () => {
    const { call, id } = await createStory()
    expect(items(await call('history', { id: id.slice(0, 5) })).map(({ text }) => text)).toEqual([
      'status todo -> review; labels +ui; body +1 -1 words',
      'created "Fix the login"',
    ])
    expect(items(await call('history', { id: 'state/currentPhase' })).map(({ text }) => text)).toEqual(['"design"'])
    expect(items(await call('history', { actor: 'nobody' }))).toEqual([])
  })
})

describe('show and diff', () => {
  test('a record as it was at a time, a change and a commit', async () => {
    const { call, refusal, id, second, created, project, parts } = await createStory()
    expect(await call('record.show', { id })).toMatchObject({ status: 'review' })
    expect(await call('record.show', { id, at: created })).toMatchObject({ status: 'todo', labels: [], asOf: created })
    expect(await call('record.show', { id, at: `${project.replica.slice(0, 4)}:1` })).toMatchObject({ status: 'todo' })
    parts.commits.set('orch-history~1', { commit: 'abcdef0123456789', at: 0, have: { [project.replica]: 1 } })
    parts.commits.set('HEAD', { commit: 'fedcba0123456789', at: Date.parse(created) })
    expect(await call('record.show', { id, at: 'orch-history~1' })).toMatchObject({
      status: 'todo',
      asOf: 'abcdef0123',
    })
    expect(await call('record.show', { id, at: 'HEAD' })).toMatchObject({ status: 'todo', asOf: 'fedcba0123' })
    expect((await refusal('record.show', { id: second, at: created })).code).toBe('record_not_then')
    expect((await refusal('record.show', { id, at: 'the day of judgement' })).code).toBe('moment_unknown')
  })

  test('a session stands for its end', async () => {
    const { call, id } = await createStory()
    const { id: session } = await call('session.start', { goal: 'Try' })
    await call('task.update', { id, status: 'blocked' })
    await call('session.end', { id: session })
    await call('task.update', { id, status: 'completed' })
    expect(await call('record.show', { id, at: session })).toMatchObject({ status: 'blocked' })
  })

  test('what is different, by record and by word, a page at a time', async () => {
    const { call, id, second, created } = await createStory()
    const all = items(await call('diff', { from: created }))
    expect(all.map(({ key, headline }) => [key, headline])).toEqual(
      [
        ['state/currentPhase', '"design"'],
        [id, 'review'],
        [second, 'created "Write the docs"'],
      ]
        .map(([key, headline]) => [key, key === id ? 'todo -> review' : headline])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    )
    const one = items(await call('diff', { from: created, to: 'now', id }))[0]
    expect(one).toMatchObject({ lines: ['status todo -> review', 'labels +ui', 'body +1 -1 words'] })
    expect(one?.texts).toEqual([
      {
        field: 'body',
        pieces: [
          { type: 'same', text: 'It ' },
          { type: 'removed', text: 'loops' },
          { type: 'added', text: 'spins' },
          { type: 'same', text: '.\nOn Safari.' },
        ],
      },
    ])
    const page = await call('diff', { from: created, limit: 1 })
    expect(items(await call('diff', { from: created, limit: 5, after: page.next }))).toEqual(all.slice(1))
    expect(items(await call('diff', { from: 'now', to: 'now' }))).toEqual([])
  })
})

describe('blame', () => {
  test('tells fields, members and phrases apart, cleared and deleted ones too', async () => {
    const { call, id, created, project } = await createStory()
    const first = `${project.replica}:1`
    const blame = await call('blame', { id, deleted: true })
    expect((blame.texts as Items).map(({ text, change, deleted }) => [text, change, deleted !== undefined])).toEqual([
      ['It ', first, false],
      ['loops', first, true],
      ['spins', `${project.replica}:2`, false],
      ['.\nOn Safari.', first, false],
    ])
    expect((blame.fields as Items).filter(({ field }) => field === 'labels' || field === 'status')).toMatchObject([
      { field: 'status', value: 'review', actor: 'alice', change: `${project.replica}:2` },
      { field: 'labels', value: 'ui', session: null },
    ])
    expect((await call('blame', { id, at: created })).texts).toHaveLength(1)
  })
})

describe('restore', () => {
  test('shows its plan, does it as a new change, and is undone', async () => {
    const { call, refusal, id, second, created, project } = await createStory()
    const rows = project.rowCount()
    const shown = await call('restore', { id: 'all', at: created, dryRun: true })
    expect(shown).toMatchObject({ done: false, changes: [], more: 0 })
    expect(items(shown)).toHaveLength(3)
    expect(project.rowCount()).toBe(rows)
    await call('task.update', { id: second, title: 'Write all docs' })
    expect((await refusal('restore', { id: 'all', at: created, plan: shown.plan })).code).toBe('plan_stale')
    const again = await call('restore', { id: 'all', at: created, dryRun: true })
    const done = await call('restore', { id: 'all', at: created, plan: again.plan })
    expect(done).toMatchObject({ done: true, message: expect.stringContaining('Changed 3 of 3 records') })
    expect(await call('task.show', { id })).toMatchObject({ status: 'todo', labels: [], body: 'It loops.\nOn Safari.' })
    expect(await call('task.show', { id: second })).toHaveProperty('deletedAt')
    expect(project.readKeys('state').get('currentPhase')).toBeUndefined()
    await call('undo', { change: done.changes })
    expect(await call('task.show', { id })).toMatchObject({ status: 'review', labels: ['ui'] })
    expect(await call('task.show', { id: second })).not.toHaveProperty('deletedAt')
    expect(project.readKeys('state').get('currentPhase')?.value).toBe('design')
  })

  test('brings back one deleted record with what it held', async () => {
    const { call, id } = await createStory()
    await call('task.update', { id, addLabels: ['late'] })
    await call('task.delete', { id })
    await call('restore', { id, at: 'now' })
    expect(await call('task.show', { id })).toHaveProperty('deletedAt')
    expect(await call('restore', { id, at: '30 min ago' })).toMatchObject({ done: true })
    expect(await call('task.show', { id })).toMatchObject({ status: 'todo', labels: [] })
  })
})

describe('undo', () => {
  test('shows what it would take back and what stays; a circle of dependencies is not made', async () => {
    const { call, id, second, project } = await createStory()
    await call('task.update', { id, addDependencies: [second] })
    await call('task.update', { id, removeDependencies: [second] })
    const removed = `${project.replica}:${project.have()[project.replica]}`
    await call('task.update', { id: second, addDependencies: [id] })
    const shown = await call('undo', { change: [removed], dryRun: true })
    expect(items(shown)).toMatchObject([{ key: id, lines: [`dependencies +${second}`] }])
    const done = await call('undo', { change: [removed] })
    expect(items(done)[0]?.notes).toEqual([expect.stringContaining('was not changed: ')])
    expect(await call('undo', { actor: 'nobody' })).toMatchObject({
      done: false,
      message: 'Nothing of that kind was done here.',
    })
  })

  test('is told in the work log', async () => {
    const { call, id, project } = await createStory()
    await call('undo', { actor: 'alice', since: '30 min ago' })
    expect(await call('task.show', { id })).toMatchObject({ status: 'todo' })
    expect(project.listLog({ limit: 1 }).items[0]?.action).toBe('took back alice, since 30 min ago: 3 changes')
  })
})

describe('what was', () => {
  test('of the work log: what came later is left out, page by page', async () => {
    const caller = createCaller()
    const clock = caller.clock as TestClock
    for (const action of ['one', 'two', 'three']) {
      await caller.call('log.append', { action })
      await clock.advance(1000)
    }
    const then = `${caller.project.replica}:${caller.project.have()[caller.project.replica]}`
    await caller.call('log.append', { action: 'four' })
    const first = await caller.call('log.list', { asOf: then, limit: 2 })
    expect(items(first).map(({ action }) => action)).toEqual(['three', 'two'])
    const rest = await caller.call('log.list', { asOf: then, limit: 2, after: first.next })
    expect(items(rest).map(({ action }) => action)).toEqual(['one'])
    expect(rest.next).toBeUndefined()
    expect(items(await caller.call('log.list')).length).toBe(4)
  })

  test.each(['jsonl', 'csv', 'markdown', 'html', 'beads'])(
    'an export as %s says of a moment what it said then, byte for byte',
    async (format) => {
      const { call, id, second, project } = await createStory()
      await call('log.append', { action: 'looked', task: id })
      await call('page.write', { path: 'notes.md', text: 'First.' })
      await call('task.delete', { id: second })
      const then = `${project.replica}:${project.have()[project.replica]}`
      const before = await call('export', { format })
      await call('task.update', { id, title: 'Fix more', status: 'completed' })
      await call('task.restore', { id: second })
      await call('task.create', { title: 'Later' })
      await call('page.write', { path: 'later.md', text: 'Later.' })
      await call('log.append', { action: 'looked again', task: id })
      await call('state.set', { key: 'currentPhase', value: 'beta' })
      expect(await call('export', { format, asOf: then })).toEqual(before)
      expect(await call('export', { format })).not.toEqual(before)
    },
  )
})

test('what could be begun, and what waited, at a time', async () => {
  const { call, clock, id, second, created } = await createStory()
  await call('task.update', { id: second, addDependencies: [id] })
  await call('claim', { id })
  const then = new Date(clock.now()).toISOString()
  await clock.advance(3_600_000)
  await call('task.update', { id, status: 'completed' })
  const ids = async (operation: string, asOf?: string): Promise<unknown> =>
    items(await call(operation, { ...(asOf && { asOf }) })).map((one) => one.id)
  expect([await ids('ready'), await ids('blocked')]).toEqual([[second], []])
  expect(items(await call('blocked', { asOf: then }))).toMatchObject([{ id: second, by: [id] }])
  expect([await ids('ready', created), await ids('ready', then)]).toEqual([[id], []])
})
