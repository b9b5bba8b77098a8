import { expect, test } from 'vitest'
import { contextOfCaller } from '../../src/api/context-of-caller.ts'
import { session } from '../../src/model/kinds/session.ts'
import { alice, byAlice, createTestProject, principalOf } from '../helpers/project.ts'

test('a call belongs to the only active session of its actor, from its beginning to its end', async () => {
  const { project, clock } = createTestProject()
  const contextOf = contextOfCaller({ project, clock, parts: {} as never, renewed: () => undefined })
  const current = () => contextOf(principalOf(alice), {} as never).session
  expect(current()).toBeUndefined()
  const id = await project.transact(byAlice, (tx) => tx.create(session, { goal: 'One' }))
  expect(current()).toBe(id)
  await project.transact(byAlice, (tx) => tx.update(session, id, { set: { endedAt: '2026-11-25T12:00:00.000Z' } }))
  expect(current()).toBeUndefined()
})
