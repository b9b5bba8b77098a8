import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryGitRepo } from '../memory/git-repo.ts'
import { type Ground, schedules, simulateRemote } from './remote.ts'

/** The remote and three clones of it, in memory. */
function memoryGround(): Ground {
  const origin = createMemoryGitRepo()
  const clones = Array.from({ length: 3 }, () => {
    const repo = createMemoryGitRepo()
    return { repo, remotes: repo.remotes(origin) }
  })
  return { origin, clones }
}

test('[P2] [P3] clones that meet through git alone, and over links, lose nothing, double nothing, and end equal', async () => {
  const runs = Number(process.env.ORCH_SIM_RUNS ?? 200)
  const steps = Number(process.env.ORCH_SIM_STEPS ?? 30)
  const seed = Number(process.env.ORCH_SIM_SEED ?? 7)
  await fc.assert(
    fc.asyncProperty(schedules(steps), async (schedule) => {
      expect(await simulateRemote(schedule, memoryGround())).toEqual([])
    }),
    { numRuns: runs, seed },
  )
}, 7_200_000)
