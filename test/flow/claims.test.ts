import { afterEach, expect, test } from 'vitest'
import { createRandom } from '../helpers/random.ts'
import { raceForClaims } from './claim-race.ts'
import { createTestRepo, must, type TestRepo } from './harness.ts'

let repo: TestRepo
afterEach(() => repo.remove())

test('8 processes race for 40 tasks while 6 of them are killed: each task is won by one at a time, none is stuck', async () => {
  repo = await createTestRepo({ env: { ORCH_CLAIMS_GRACE_MS: '300' } })
  const random = createRandom(5)
  const race = await raceForClaims(repo, {
    tasks: 40,
    processes: 8,
    kills: 6,
    workMs: 80,
    random: () => (random(1)[0] ?? 0) / 256,
  })
  expect(race.wrong).toEqual([])
  expect(race.killed).toBe(6)
  expect(race.claims).toBeGreaterThanOrEqual(40)
  expect(race.fenced).toBeGreaterThan(0)
})

test('on the command line: a session has a key, its claim is told, and a wait ends with the change', async () => {
  repo = await createTestRepo()
  const { id } = await repo.json<{ id: string }>('task', 'create', 'Fix the login')
  const key = (await must(repo.run(['session', 'start', 'Repair', '--as', 'claude']))).stdout.trim()
  const env = { ORCH_SESSION: key }
  await must(repo.run(['claim'], { env }))
  const refused = await repo.run(['claim', id, '--as', 'other'])
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining(`${id} is held by claude`)])
  const stolen = await repo.run(['task', 'update', id, '--status', 'done'], {
    env: { ORCH_SESSION: key.split('.')[0] ?? '' },
  })
  expect([stolen.code, stolen.stderr]).toEqual([8, expect.stringContaining('only with its key')])
  const { stdout } = await must(repo.run(['context', 'get'], { env }))
  expect(stdout).toContain(`- ${id} "Fix the login" (fence 1, in_progress)`)
  const waiting = repo.run(['wait', '--free', id, '--timeout', '20', '--as', 'other'])
  await must(repo.run(['release', id, 'Needs Windows'], { env }))
  expect((await must(waiting)).stdout).toContain(id)
  await must(repo.run(['session', 'end', '--summary', 'Nothing came of it.'], { env }))
  const session = await must(repo.run(['session', 'show', key.split('.')[0] ?? '']))
  expect(session.stdout).toContain(`logged "released" for ${id}`)
})
