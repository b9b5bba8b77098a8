import { beforeEach, describe, expect, test } from 'vitest'
import type { Overview } from '../../src/api/operations/overview.ts'
import { itemOf } from '../helpers/attention.ts'
import { alice } from '../helpers/project.ts'
import { type Caller, createCaller } from './operations-caller.ts'

let caller: Caller
beforeEach(() => {
  caller = createCaller()
})

const overview = async (input = {}): Promise<Overview> => (await caller.call('overview', input)) as unknown as Overview

const make = async (title: string, input: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  String((await caller.call('task.create', { title, ...input })).id)

const titles = ({ items }: Overview['mine']): readonly string[] => items.map(({ title }) => title)

describe('overview', () => {
  test('parts open tasks by what somebody can do about them', async () => {
    const first = await make('first')
    await make('mine later', { assignee: alice.name, priority: 'critical' })
    await make('mine now', { assignee: alice.name, status: 'in_progress' })
    await make('after first', { dependencies: [first] })
    await make('taken', { assignee: 'bob' })
    await make('goes on', { assignee: 'bob', status: 'in_progress' })
    await make('stuck', { status: 'blocked' })
    await make('over', { status: 'completed', assignee: alice.name })

    const found = await overview()
    expect(titles(found.mine)).toEqual(['mine now', 'mine later'])
    expect(titles(found.ready)).toEqual(['first'])
    expect(titles(found.inProgress)).toEqual(['goes on'])
    expect(titles(found.blocked)).toEqual(['stuck', 'after first'])
    expect(found.blocked.items[1]?.waitsFor).toEqual([first])
    expect(found.counts).toEqual({ total: 8, open: 7 })
    expect(found.me).toBe(alice.name)
  })

  test('a task is ready once all that it depends on is completed, cancelled or deleted', async () => {
    const [one, two, three] = [await make('one'), await make('two'), await make('three')]
    await make('last', { dependencies: [one, two, three] })
    await caller.call('task.update', { id: one, status: 'completed' })
    await caller.call('task.update', { id: two, status: 'cancelled' })
    expect(titles((await overview()).ready)).toEqual(['three'])
    await caller.call('task.delete', { id: three })
    expect(titles((await overview()).ready)).toEqual(['last'])
  })

  test('lists all open tasks by status for who asks for it, where most happens first', async () => {
    await make('a')
    await make('b', { status: 'in_progress', assignee: 'bob' })
    await make('c', { status: 'completed' })
    expect((await overview()).statuses).toBeUndefined()
    const { statuses = [] } = await overview({ statuses: true })
    expect(statuses.map(({ status, items, more }) => [status, items.map(({ title }) => title), more])).toEqual([
      ['in_progress', ['b'], 0],
      ['review', [], 0],
      ['blocked', [], 0],
      ['todo', ['a'], 0],
    ])
  })

  test('says how many do not fit', async () => {
    for (const title of ['a', 'b', 'c']) await make(title)
    const { ready } = await overview({ limit: 2 })
    expect(ready.items).toHaveLength(2)
    expect(ready.more).toBe(1)
  })

  test('names sessions that go on, and problems', async () => {
    await caller.call('session.start', { goal: 'Fix the login' })
    caller.parts.trouble = [
      itemOf({
        kind: 'broken_file',
        what: 'is empty',
        where: 'tasks/a.md',
        line: 1,
        column: 1,
        fix: 'Write something.',
      }),
    ]
    const found = await overview()
    expect(found.sessions).toMatchObject([{ actor: alice.name, goal: 'Fix the login' }])
    expect(found.problems).toEqual(caller.parts.trouble)
  })
})
