import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { openGitRemotes } from '../../src/git/real-git-remotes.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { createGitSandbox } from '../git/git-sandbox.ts'
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

/** The same in real repositories. */
function gitGround(): Ground & { remove(): void } {
  const sandbox = createGitSandbox()
  const { folder, env } = sandbox
  const at = (commonDir: string) => ({ commonDir, env, clock: systemClock, random: (n: number) => randomBytes(n) })
  const bare = join(folder, '../origin.git')
  sandbox.git('init', '--quiet', '--bare', bare)
  const clones = ['a', 'b', 'c'].map((name) => {
    const clone = join(folder, '..', name)
    sandbox.git('clone', '--quiet', bare, clone)
    const options = { ...at(join(clone, '.git')), folder: clone }
    return { repo: openGitRepo(options), remotes: openGitRemotes(options) }
  })
  return { origin: openGitRepo(at(bare)), clones, remove: sandbox.remove }
}

test('[P2] [P3] the same with real git', async () => {
  const runs = Number(process.env.ORCH_SIM_GIT_RUNS ?? 2)
  await fc.assert(
    fc.asyncProperty(schedules(16), async (steps) => {
      const ground = gitGround()
      try {
        expect(await simulateRemote(steps, ground)).toEqual([])
      } finally {
        ground.remove()
      }
    }),
    { numRuns: runs, seed: Number(process.env.ORCH_SIM_SEED ?? 3), endOnFailure: true },
  )
}, 7_200_000)

test('[P2] [P3] clones that meet through git alone, and over links, lose nothing, double nothing, and end equal', async () => {
  const runs = Number(process.env.ORCH_SIM_RUNS ?? 80)
  const seed = Number(process.env.ORCH_SIM_SEED ?? 7)
  await fc.assert(
    fc.asyncProperty(schedules(40), async (steps) => {
      expect(await simulateRemote(steps, memoryGround())).toEqual([])
    }),
    { numRuns: runs, seed },
  )
}, 7_200_000)
