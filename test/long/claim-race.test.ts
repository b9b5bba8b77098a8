import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestRepo, type TestRepo } from '../flow/harness.ts'
import { makeTasks, race } from '../flow/race.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 50)
const TASKS = 100
const KILLS = 5

let repo: TestRepo

beforeAll(async () => {
  repo = await createTestRepo({ env: { ORCH_CLAIMS_GRACE_MS: '500' } })
}, 30_000)

afterAll(() => repo.remove())

test(
  `${ROUNDS} rounds of 8 processes that race for ${TASKS} tasks, with kills`,
  async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const ids = await makeTasks(repo, round, TASKS)
      const { completions, overlaps, kills, fenced } = await race(repo, 8, ids.length, KILLS)
      expect(overlaps).toEqual([])
      expect([...completions.keys()].sort()).toEqual([...ids].sort())
      for (const by of completions.values()) expect(by).toHaveLength(1)
      process.stderr.write(`round ${round}: ${ids.length} tasks, ${kills} killed, ${fenced} late writes refused\n`)
    }
  },
  ROUNDS * 120_000,
)
