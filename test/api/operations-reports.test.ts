import { expect, test } from 'vitest'
import type { TestClock } from '../helpers/clock.ts'
import { claude } from '../helpers/project.ts'
import { type Caller, createCaller } from './operations-caller.ts'

const HOUR = 3_600_000

/** Two actors work on three days. */
async function work(): Promise<{ caller: Caller; ids: readonly string[] }> {
  const caller = createCaller()
  const clock = caller.clock as TestClock
  const agent = caller.as(claude)
  const ids: string[] = []
  for (const title of ['Show', 'Pay', 'Ask']) ids.push(String((await caller.call('task.create', { title })).id))
  await clock.advance(24 * HOUR)
  await agent.call('task.update', { id: ids[0], status: 'in_progress' })
  await clock.advance(24 * HOUR)
  await agent.call('task.update', { id: ids[0], status: 'done' })
  await agent.call('task.comment', { id: ids[1], text: 'why' })
  await agent.call('log.append', { action: 'Ran the tests' })
  await agent.call('state.set', { key: 'phase', value: 'beta' })
  await caller.call('task.update', { id: ids[1], status: 'in_progress', assignee: 'ann' })
  await caller.call('task.update', { id: ids[2], status: 'blocked' })
  return { caller, ids }
}

test('stats tell how fast it goes, and who completed what, from the journal', async () => {
  const { caller } = await work()
  const stats = await caller.call('stats', { since: '3 days ago' })
  expect(stats).toMatchObject({
    created: 3,
    completed: 1,
    cancelled: 0,
    open: 2,
    leadDays: { count: 1, median: 2 },
    cycleDays: { count: 1, median: 1 },
    actors: [{ actor: 'claude', completed: 1 }],
  })
  expect((stats.periods as { done: number; scope: number }[]).at(-1)).toMatchObject({ done: 1, scope: 3 })
  expect(stats.text).toContain('begun to completed: 1 days in the middle')
  expect(await caller.call('stats')).toMatchObject({ completed: 1 })
  expect(await caller.refusal('stats', { since: 'whenever' })).toMatchObject({ code: 'invalid_input' })
  expect(await createCaller().call('stats')).toMatchObject({ completed: 0, periods: expect.anything() })
})

test('standup says in words what was done since, by whom', async () => {
  const { caller, ids } = await work()
  const told = await caller.call('standup', { since: '2h ago' })
  const text = String(told.text)
  expect(text).toContain(`claude (4 changes)`)
  expect(text).toContain(`  moved in_progress -> completed ${ids[0]} Show`)
  expect(text).toContain(`  commented ${ids[1]} Pay`)
  expect(text).toContain('  logged: Ran the tests')
  expect(text).toContain('  set phase')
  expect(text).toContain(`  moved todo -> in_progress, changed assignee ${ids[1]} Pay`)
  expect(text).toContain(`In progress\n  ${ids[1]} Pay (ann)\n\nBlocked\n  ${ids[2]} Ask`)
  expect(text).not.toContain('made task')
  expect((await caller.call('standup', { since: '3 days ago', actor: 'claude' })).actors).toHaveLength(1)
  expect((await createCaller().call('standup')).text).toContain('Nothing was changed.')
})
