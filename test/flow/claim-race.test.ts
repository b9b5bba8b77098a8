import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectStdio } from '../helpers/mcp.ts'
import { createTestRepo, type TestRepo } from './harness.ts'
import { makeTasks, race } from './race.ts'

let repo: TestRepo

beforeAll(async () => {
  // Who is killed is missed soon.
  repo = await createTestRepo({ env: { ORCH_CLAIMS_GRACE_MS: '500' } })
}, 30_000)

afterAll(() => repo.remove())

test('eight processes race for tasks by MCP, some die with one in their hands: each is completed once, by one at a time', async () => {
  const ids = await makeTasks(repo, 1, 24)
  const { completions, overlaps, kills } = await race(repo, 8, ids.length, 3)
  expect(kills).toBe(3)
  expect(overlaps).toEqual([])
  expect([...completions.keys()].sort()).toEqual([...ids].sort())
  for (const by of completions.values()) expect(by).toHaveLength(1)
  expect(await repo.json('claims')).toMatchObject({ items: [] })
}, 60_000)

test('the late write of who lost its claim meanwhile is refused', async () => {
  const [id = ''] = await makeTasks(repo, 2, 1)
  const late = await connectStdio(repo.dir, repo.env, 'late')
  await late.call('claim', { id })
  // The person whose repository it is ends the claim; the agent is not told.
  const released = await repo.run(['release', id, 'taken away'])
  expect(released.code).toBe(0)
  const next = await connectStdio(repo.dir, repo.env, 'next')
  expect(await next.call('claim', { id })).toMatchObject({ isError: false })
  expect(await late.call('update', { id, fields: { status: 'completed' } })).toMatchObject({
    isError: true,
    text: expect.stringContaining('fenced'),
  })
  expect(await repo.json('task', 'show', id)).not.toMatchObject({ status: 'completed' })
  await next.close()
  await late.close()
}, 30_000)
