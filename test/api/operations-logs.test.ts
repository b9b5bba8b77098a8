import { expect, test } from 'vitest'
import { createCaller } from './operations-caller.ts'

test('an entry is added in the name of the caller, about a task by any of its names', async () => {
  const { call, refusal } = createCaller()
  const { id: task } = await call('task.create', { title: 'Try it' })
  const entry = await call('log.append', {
    action: ' Ran the tests ',
    details: '{"failed": 2}',
    task: String(task).slice(0, 6),
    session: 's-1',
  })
  expect(entry).toEqual({
    id: expect.stringMatching(/^l-[0-9a-z]{8}$/),
    at: expect.stringMatching(/Z$/),
    actor: 'alice',
    action: 'Ran the tests',
    session: 's-1',
    task,
    details: { failed: 2 },
  })
  expect(await call('log.list')).toEqual({ items: [entry] })
  expect((await refusal('log.append', { action: 'x', details: '{' })).code).toBe('invalid_input')
  expect((await refusal('log.append', { action: ' ' })).code).toBe('invalid_input')
  expect((await refusal('log.append', { action: 'x', task: 't-nothere' })).code).toBe('record_not_found')
  await call('task.delete', { id: task })
  expect((await refusal('log.append', { action: 'x', task })).code).toBe('record_deleted')
  // What was done for it can still be asked for.
  expect((await call('log.list', { task })).items).toHaveLength(1)
})

test('a list is filtered and paged, newest first', async () => {
  const { call, refusal } = createCaller()
  for (let i = 0; i < 5; i++) await call('log.append', { action: i % 2 ? 'odd' : 'even', session: `s-${i}` })
  const first = await call('log.list', { limit: 3 })
  const rest = await call('log.list', { limit: 3, after: first.next })
  expect([first.items, rest.items].map((items) => (items as unknown[]).length)).toEqual([3, 2])
  expect(rest).not.toHaveProperty('next')
  expect((await call('log.list', { action: 'odd' })).items).toHaveLength(2)
  expect((await call('log.list', { session: 's-4' })).items).toHaveLength(1)
  expect((await call('log.list', { actor: 'nobody' })).items).toEqual([])
  expect((await call('log.list', { until: '2000-01-01' })).items).toEqual([])
  expect((await call('log.list', { since: '2000-01-01T00:00:00+02:00' })).items).toHaveLength(5)
  expect((await refusal('log.list', { since: 'yesterday' })).code).toBe('invalid_input')
})
