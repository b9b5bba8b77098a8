import { describe, expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byClaude } from '../helpers/project.ts'
import { createCaller } from './operations-caller.ts'

describe('task create', () => {
  test('takes every field a person may write, and gives the record that every surface shows', async () => {
    const { call } = createCaller()
    const first = await call('task.create', { title: 'Lay the ground' })
    const second = await call('task.create', {
      title: 'Fix the login',
      body: 'It fails on Windows.',
      status: 'done',
      priority: 'high',
      assignee: 'ann',
      labels: ['ui', 'api'],
      dependencies: [first.id],
      parent: String(first.id).toUpperCase(),
      estimatedHours: '2.5',
      due: '2026-12-01',
    })
    expect(second).toMatchObject({
      kind: 'task',
      title: 'Fix the login',
      body: 'It fails on Windows.',
      status: 'completed',
      priority: 'high',
      assignee: 'ann',
      labels: ['api', 'ui'],
      dependencies: [first.id],
      parent: first.id,
      estimatedHours: 2.5,
      spentHours: 0,
      due: '2026-12-01',
      createdBy: 'alice',
      updatedBy: 'alice',
      closedAt: '2026-11-23T08:00:00.000Z',
      file: `tasks/${second.id}-fix-the-login.md`,
      hash: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    expect(first).toMatchObject({ status: 'todo', priority: 'medium', assignee: null, labels: [], closedAt: null })
    expect(first).not.toHaveProperty('extra')
    expect(first).not.toHaveProperty('deletedAt')
  })

  test.each([
    ['an unknown status', { status: 'nope' }, 'invalid_status'],
    ['an unknown priority', { priority: 'urgent!' }, 'invalid_input'],
    ['an empty title', { title: ' ' }, 'invalid_input'],
    ['no title', { title: undefined }, 'invalid_input'],
    ['a flag that does not exist', { colour: 'red' }, 'invalid_input'],
    ['a day that does not exist', { due: '2026-02-30' }, 'invalid_input'],
    ['a negative estimate', { estimatedHours: -1 }, 'invalid_input'],
    ['a dependency that does not exist', { dependencies: ['t-00000000'] }, 'record_not_found'],
    ['a value only orch writes', { createdAt: '2020-01-01' }, 'invalid_input'],
  ])('refuses %s and makes nothing', async (_, input, code) => {
    const { call, refusal } = createCaller()
    expect((await refusal('task.create', { title: 'x', ...input })).code).toBe(code)
    expect((await call('task.list')).total).toBe(0)
  })

  test('names the statuses there are when it refuses one', async () => {
    const { data } = await createCaller().refusal('task.create', { title: 'x', status: 'nope' })
    expect(data).toEqual({ value: 'nope', allowed: 'todo, in_progress, blocked, review, completed, cancelled' })
  })
})

describe('task update', () => {
  test('sets, adds, removes, counts and clears in one transaction', async () => {
    const { call, project } = createCaller()
    const other = await call('task.create', { title: 'Other' })
    const { id } = await call('task.create', { title: 'Old', labels: ['a', 'b'], assignee: 'ann', due: '2026-12-01' })
    let rows = 0
    project.onCommit((commit) => {
      rows += commit.rows.length
    })
    await call('task.update', {
      id,
      title: 'New',
      status: 'review',
      assignee: '',
      due: '',
      addLabels: ['c'],
      removeLabels: ['a'],
      addDependencies: [other.id],
      addSpentHours: 1.5,
      estimatedHours: 3,
    })
    expect(await call('task.show', { id })).toMatchObject({
      title: 'New',
      status: 'review',
      assignee: null,
      due: null,
      labels: ['b', 'c'],
      dependencies: [other.id],
      spentHours: 1.5,
      estimatedHours: 3,
    })
    expect(rows).toBe(1)
    expect((await call('task.update', { id, addSpentHours: 2, removeDependencies: [other.id] })).spentHours).toBe(3.5)
    expect((await call('task.show', { id })).dependencies).toEqual([])
  })

  test('a dependency on a deleted task can still be removed', async () => {
    const { call } = createCaller()
    const other = await call('task.create', { title: 'Other' })
    const { id } = await call('task.create', { title: 'One', dependencies: [other.id] })
    await call('task.delete', { id: other.id })
    expect((await call('task.update', { id, removeDependencies: [other.id] })).dependencies).toEqual([])
  })

  test('refuses to do nothing', async () => {
    const { call, refusal } = createCaller()
    const { id } = await call('task.create', { title: 'One' })
    expect((await refusal('task.update', { id })).code).toBe('usage')
  })

  test('a refused part leaves the whole undone', async () => {
    const { call, refusal } = createCaller()
    const { id, hash } = await call('task.create', { title: 'One' })
    expect((await refusal('task.update', { id, title: 'Two', find: 'nowhere', replace: 'x' })).code).toBe(
      'text_not_found',
    )
    expect((await call('task.show', { id })).hash).toBe(hash)
  })

  test('appends a paragraph, whatever the text ended with', async () => {
    const { call } = createCaller()
    const { id } = await call('task.create', { title: 'One' })
    await call('task.update', { id, append: 'first' })
    await call('task.update', { id, append: 'second\r\nline\n\n' })
    expect((await call('task.update', { id, append: 'third' })).body).toBe('first\n\nsecond\nline\n\nthird')
  })

  test('[P2] appends that come at the same moment are all there, once', async () => {
    const { call } = createCaller()
    const { id } = await call('task.create', { title: 'One', body: 'start' })
    const words = Array.from({ length: 20 }, (_, n) => `line-${n}.`)
    await Promise.all(words.map((append) => call('task.update', { id, append })))
    const paragraphs = String((await call('task.show', { id })).body)
      .trim()
      .split('\n\n')
    expect(paragraphs.toSorted()).toEqual(['start', ...words].toSorted())
  })

  test('replaces a piece of the text that is there exactly once', async () => {
    const { call, refusal } = createCaller()
    const { id } = await call('task.create', { title: 'One', body: 'aaa b c' })
    expect((await call('task.update', { id, find: 'b', replace: 'B', append: 'end' })).body).toBe('aaa B c\n\nend')
    expect((await call('task.update', { id, find: 'B ', replace: '' })).body).toBe('aaa c\n\nend')
    expect(await refusal('task.update', { id, find: 'x', replace: 'y' })).toEqual({
      code: 'text_not_found',
      data: { id },
    })
    expect(await refusal('task.update', { id, find: 'aa', replace: 'y' })).toEqual({
      code: 'text_not_unique',
      data: { id, count: 2 },
    })
    expect((await refusal('task.update', { id, find: 'c' })).code).toBe('invalid_input')
    expect((await refusal('task.update', { id, find: '', replace: 'y' })).code).toBe('invalid_input')
  })

  test('of two changes about the same content, the second is refused and told what it is now', async () => {
    const { call, refusal } = createCaller()
    const { id, hash } = await call('task.create', { title: 'One' })
    const after = await call('task.update', { id, title: 'Two', base: hash })
    expect(await refusal('task.update', { id, title: 'Three', base: hash })).toEqual({
      code: 'stale_base',
      data: { id, base: hash, hash: after.hash, text: '' },
    })
  })

  test('of two changes in one moment about the same content, one is refused', async () => {
    const { call } = createCaller()
    const { id, hash } = await call('task.create', { title: 'One' })
    const both = await Promise.allSettled([
      call('task.update', { id, title: 'Two', base: hash }),
      call('task.update', { id, title: 'Three', base: hash }),
    ])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })
})

describe('circles', () => {
  test('a dependency that closes a circle is refused with the way round', async () => {
    const { call, refusal } = createCaller()
    const a = await call('task.create', { title: 'A' })
    const b = await call('task.create', { title: 'B', dependencies: [a.id] })
    const c = await call('task.create', { title: 'C', dependencies: [b.id] })
    expect(await refusal('task.update', { id: a.id, addDependencies: [c.id] })).toMatchObject({
      code: 'dependency_cycle',
      data: { path: `${a.id} -> ${c.id} -> ${b.id} -> ${a.id}` },
    })
    expect((await refusal('task.update', { id: a.id, addDependencies: [a.id] })).code).toBe('dependency_cycle')
  })

  test('a task is not its own ancestor', async () => {
    const { call, refusal } = createCaller()
    const a = await call('task.create', { title: 'A' })
    const b = await call('task.create', { title: 'B', parent: a.id })
    expect((await refusal('task.update', { id: a.id, parent: b.id })).code).toBe('dependency_cycle')
  })

  test('a parent may wait for its part', async () => {
    const { call } = createCaller()
    const a = await call('task.create', { title: 'A' })
    const b = await call('task.create', { title: 'B', parent: a.id })
    expect((await call('task.update', { id: a.id, addDependencies: [b.id] })).dependencies).toEqual([b.id])
  })

  test('a circle that a merge brought blocks no other change, and can be taken apart', async () => {
    const { call, project } = createCaller()
    const a = await call('task.create', { title: 'A' })
    const b = await call('task.create', { title: 'B', dependencies: [a.id] })
    const c = await call('task.create', { title: 'C' })
    const id = String(a.id) as RecordId
    await project.transact(byClaude, (tx) => tx.update(task, id, { add: { dependencies: [String(b.id)] } }))
    await call('task.update', { id: c.id, addDependencies: [a.id] })
    expect(await call('task.update', { id, title: 'A2', addDependencies: [b.id] })).toMatchObject({ title: 'A2' })
    expect((await call('task.update', { id, removeDependencies: [b.id] })).dependencies).toEqual([])
  })
})

describe('finding a task', () => {
  test('a unique beginning of its id in any case means it, another is refused with the candidates', async () => {
    const { call, refusal } = createCaller()
    const { id } = await call('task.create', { title: 'One' })
    await call('task.create', { title: 'Two' })
    expect((await call('task.show', { id: String(id).slice(0, 6).toUpperCase() })).id).toBe(id)
    expect((await refusal('task.show', { id: 't-' })).code).toBe('ambiguous_id')
    expect((await refusal('task.show', { id: 't-00000000' })).code).toBe('record_not_found')
  })

  test('a page is no task', async () => {
    const { call, refusal } = createCaller()
    const page = await call('page.write', { path: 'a.md', text: 'x' })
    expect((await refusal('task.show', { id: page.id })).code).toBe('record_not_found')
  })
})

describe('task delete and restore', () => {
  test('a deleted task is out of lists, shown as deleted, not changed, and comes back whole', async () => {
    const { call, refusal } = createCaller()
    const { id, hash } = await call('task.create', { title: 'One', body: 'text' })
    expect(await call('task.delete', { id })).toMatchObject({ id, deletedBy: 'alice' })
    expect((await call('task.list')).total).toBe(0)
    expect((await call('task.list', { deleted: true })).items).toMatchObject([{ id }])
    expect(await call('task.show', { id })).toMatchObject({ id, deletedAt: '2026-11-23T08:00:00.000Z' })
    expect(await refusal('task.update', { id, title: 'Two' })).toEqual({
      code: 'record_deleted',
      data: { kind: 'task', id },
    })
    expect((await refusal('task.delete', { id })).code).toBe('record_deleted')
    expect((await refusal('task.create', { title: 'x', parent: id })).code).toBe('record_deleted')
    expect(await call('task.restore', { id })).toMatchObject({ id, body: 'text', hash })
    expect(await call('task.restore', { id })).not.toHaveProperty('deletedAt')
  })
})

describe('task list', () => {
  test('filters by words of the kind, with synonyms and emptiness', async () => {
    const { call, refusal } = createCaller()
    await call('task.create', { title: 'One', status: 'completed', labels: ['ui'], assignee: 'ann' })
    await call('task.create', { title: 'Two', status: 'blocked', labels: ['ui', 'api'], body: 'about the Login' })
    await call('task.create', { title: 'Three', priority: 'critical' })
    const titles = async (input: Record<string, unknown>): Promise<readonly string[]> =>
      ((await call('task.list', input)).items as readonly { title: string }[]).map(({ title }) => title).toSorted()
    expect(await titles({ status: ['done', 'blocked'] })).toEqual(['One', 'Two'])
    expect(await titles({ labels: ['ui'], all: true })).toEqual(['One', 'Two'])
    expect(await titles({ labels: ['api'] })).toEqual(['Two'])
    expect(await titles({ labels: [''] })).toEqual(['Three'])
    expect(await titles({ assignee: [''] })).toEqual(['Three', 'Two'])
    expect(await titles({ priority: ['critical'] })).toEqual(['Three'])
    expect(await titles({ text: 'login TWO' })).toEqual(['Two'])
    expect((await refusal('task.list', { status: ['nope'] })).code).toBe('invalid_status')
    expect((await refusal('task.list', { sort: 'colour' })).code).toBe('invalid_input')
    expect((await refusal('task.list', { limit: 0 })).code).toBe('invalid_input')
    expect((await refusal('task.list', { after: 'nonsense' })).code).toBe('invalid_input')
  })

  test('closed tasks are left out and counted, unless they are asked for', async () => {
    const { call } = createCaller()
    await call('task.create', { title: 'Open' })
    await call('task.create', { title: 'Done', status: 'completed' })
    await call('task.create', { title: 'Dropped', status: 'cancelled', assignee: 'ann' })
    expect(await call('task.list')).toMatchObject({ items: [{ title: 'Open' }], total: 1, hidden: 2 })
    expect(await call('task.list', { assignee: ['ann'] })).toMatchObject({ items: [], total: 0, hidden: 1 })
    expect(await call('task.list', { text: 'done' })).toMatchObject({ items: [], hidden: 1 })
    expect(await call('task.list', { all: true })).toMatchObject({ total: 3 })
    expect(await call('task.list', { status: ['completed'] })).toMatchObject({ total: 1 })
    expect(await call('task.list', { all: true })).not.toHaveProperty('hidden')
  })

  test('pages through everything in order, and leaves the text out unless asked', async () => {
    const { call } = createCaller()
    for (const title of ['c', 'a', 'b']) await call('task.create', { title, body: 'long' })
    const first = await call('task.list', { sort: 'title', limit: 2 })
    expect(first).toMatchObject({ items: [{ title: 'a' }, { title: 'b' }], total: 3 })
    expect(JSON.stringify(first)).not.toContain('long')
    const second = await call('task.list', { sort: 'title', limit: 2, after: first.next, full: true })
    expect(second).toMatchObject({ items: [{ title: 'c', body: 'long' }], total: 3 })
    expect(second).not.toHaveProperty('next')
  })
})
