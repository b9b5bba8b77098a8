import { expect, test } from 'vitest'
import { createDoor } from '../../../src/api/door.ts'
import { operationsOf } from '../../../src/api/operations.ts'
import type { OrchError } from '../../../src/base/error.ts'
import { silentLogger } from '../../../src/base/log.ts'
import type { RecordId } from '../../../src/model/id.ts'
import { task } from '../../../src/model/kinds/task.ts'
import { parseScope } from '../../../src/model/principal.ts'
import { alice, principalOf } from '../../helpers/project.ts'
import { createCaller } from '../operations-caller.ts'

function open() {
  const caller = createCaller()
  const { project, clock, parts } = caller
  const door = createDoor({
    operations: operationsOf(project.kinds),
    contextOf: ({ actor, session }, call) => ({ project, actor, session, clock, parts, ...call }),
    ready: Promise.resolve(),
    monotonic: () => 0,
    note: () => undefined,
    log: silentLogger,
  })
  const as =
    (...scopes: string[]) =>
    (name: string, input: object): Promise<unknown> =>
      door.call(name, input, { ...principalOf(alice, 'writer'), scopes: scopes.map(parseScope) }).then(
        (result) => (result as { id?: string }).id ?? 'done',
        (error: OrchError) => error.code,
      )
  const make = async (input: object): Promise<string> => String((await caller.call('task.create', { ...input })).id)
  return { ...caller, as, make }
}

test('with a kind, its records may be written, and no others', async () => {
  const { as, make } = open()
  const write = as('task')
  const id = await make({ title: 'a' })
  expect(await write('task.create', { title: 'b' })).toMatch(/^t-/)
  expect(await write('task.update', { id, status: 'review' })).toBe(id)
  expect(await write('task.delete', { id })).toBe(id)
  expect(await write('task.restore', { id })).toBe(id)
  for (const [name, input] of [
    ['context.publish', { type: 'finding', title: 'x' }],
    ['state.set', { key: 'phase', value: '1' }],
    ['log.append', { action: 'x' }],
    ['session.start', { goal: 'x' }],
    ['page.write', { path: 'a.md', text: 'x' }],
  ] as const) {
    expect([name, await write(name, input)]).toEqual([name, 'forbidden'])
  }
  expect(await write('task.list', {})).toBe('done')
})

test('with a label, a record must carry it before a change and after', async () => {
  const { as, make, project } = open()
  const write = as('task:ui')
  const [ours, theirs] = [await make({ title: 'a', labels: ['ui', 'x'] }), await make({ title: 'b', labels: ['db'] })]
  expect(await write('task.update', { id: ours, status: 'review', removeLabels: ['x'] })).toBe(ours)
  for (const [name, input] of [
    ['task.create', { title: 'c' }],
    ['task.create', { title: 'c', labels: ['db'] }],
    ['task.update', { id: theirs, status: 'review' }],
    ['task.update', { id: theirs, addLabels: ['ui'] }],
    ['task.update', { id: ours, removeLabels: ['ui'] }],
    ['task.delete', { id: theirs }],
    ['task.comment', { id: theirs, text: 'x' }],
    ['claim', { id: theirs }],
    ['claim', {}],
  ] as const) {
    expect([name, input, await write(name, input)]).toEqual([name, input, 'forbidden'])
  }
  expect(await write('task.create', { title: 'c', labels: ['ui'] })).toMatch(/^t-/)
  expect(project.read(task, theirs as RecordId)?.values).toMatchObject({ status: 'todo', labels: ['db'] })
})

test('what writes past the transaction is refused', async () => {
  const { as, parts } = open()
  parts.trouble = [
    {
      id: 'a-1',
      kind: 'stale_save',
      where: 'tasks/a.md',
      what: 'an old text',
      since: '2026-11-23T08:00:00.000Z',
      fix: 'look at it',
      ways: [{ name: 'keep', help: 'keeps it' }],
    },
  ]
  expect(await as('task', 'log')('attention.resolve', { item: 'a-1', way: 'keep' })).toBe('forbidden')
})
