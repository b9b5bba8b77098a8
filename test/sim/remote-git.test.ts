import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { openGitRemotes } from '../../src/git/real-git-remotes.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { createGitSandbox } from '../git/git-sandbox.ts'
import { type Ground, schedules, simulateRemote } from './remote.ts'

/** A bare remote and three clones of it, in real repositories. */
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

test('[P2] [P3] with real git, clones that meet through git alone, and over links, lose nothing and end equal', async () => {
  const runs = Number(process.env.ORCH_SIM_GIT_RUNS ?? 10)
  const steps = Number(process.env.ORCH_SIM_GIT_STEPS ?? 12)
  await fc.assert(
    fc.asyncProperty(schedules(steps), async (schedule) => {
      const ground = gitGround()
      try {
        expect(await simulateRemote(schedule, ground)).toEqual([])
      } finally {
        ground.remove()
      }
    }),
    { numRuns: runs, seed: Number(process.env.ORCH_SIM_SEED ?? 3), endOnFailure: true },
  )
}, 7_200_000)
