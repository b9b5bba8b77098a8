import { expect, test } from 'vitest'
import { createTestProject } from '../helpers/project.ts'
import { createCaller } from './operations-caller.ts'

test('a conflict is listed, shown in the history of its record, and settled either way', async () => {
  const { call, refusal, project } = createCaller()
  const { id } = await call('task.create', { title: 'One' })
  const other = createTestProject({ seed: 7 }).project
  other.adopt({ id: project.id, name: project.name })
  await other.applyRows(project.rowsSince({}, 10), { source: 'peer', peer: 'x' })
  const theirs = { source: 'api', actor: { name: 'claude', type: 'agent', verified: false } } as const
  for (const field of ['status', 'priority'] as const) {
    await call('task.update', { id, [field]: field === 'status' ? 'review' : 'high' })
    await other.transact(theirs, (tx) =>
      tx.update(project.kinds.records[0] as never, id as never, {
        set: { [field]: field === 'status' ? 'blocked' : 'low' },
      }),
    )
  }
  await project.applyRows(other.rowsSince(project.have(), 10), { source: 'peer', peer: 'x' })
  const list = (await call('conflict.list', { id })).items as readonly Record<string, never>[]
  expect(list.map(({ field, state }) => [field, state]).sort()).toEqual([
    ['priority', 'open'],
    ['status', 'open'],
  ])
  const [first, second] = list as unknown as [
    { id: string; loser: { value: string }; field: string },
    { id: string; winner: { value: string }; field: string },
  ]
  const history = (await call('history', { id })).items as readonly { conflicts?: readonly string[] }[]
  expect(history.filter(({ conflicts }) => conflicts)).toHaveLength(4)
  expect(await call('conflict.take', { id: first.id })).toMatchObject({ state: 'taken', settledBy: 'alice' })
  expect(await call('conflict.keep', { id: second.id })).toMatchObject({ state: 'kept' })
  expect(await call('task.show', { id })).toMatchObject({
    [first.field]: first.loser.value,
    [second.field]: second.winner.value,
  })
  expect(await call('conflict.list')).toEqual({ items: [] })
  expect((await call('conflict.list', { all: true })).items).toHaveLength(2)
  expect((await refusal('conflict.take', { id: 'x-zzz' })).code).toBe('conflict_not_found')
})
