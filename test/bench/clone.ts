import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { openGitRemotes } from '../../src/git/real-git-remotes.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { GitSandbox } from '../git/git-sandbox.ts'
import { byAlice } from '../helpers/project.ts'
import { createClone } from '../sim/remote.ts'

/** A clone of a repository with a project of its own in memory, its snapshots and its remote. */
export function cloneOf({ folder, env, git }: GitSandbox, origin: string, name: string, seed: number) {
  const clone = join(folder, '..', name)
  git('clone', '--quiet', origin, clone)
  const at = { commonDir: join(clone, '.git'), folder: clone, env, clock: systemClock }
  const repo = openGitRepo({ ...at, random: (n) => randomBytes(n) })
  const clock = { ...systemClock, advance: async () => undefined, jump: () => undefined }
  const made = createClone({ repo, remotes: openGitRemotes(at) }, { clock, seed, happened: () => undefined })
  return { ...made, commonDir: at.commonDir }
}

/** Tasks with texts of about 300 characters. */
export async function makeTasks(project: OpenProject, count: number): Promise<void> {
  for (let from = 0; from < count; from += 100) {
    await project.transact(byAlice, (tx) => {
      for (let i = from; i < Math.min(from + 100, count); i++)
        tx.create(task, { title: `Task ${i}`, body: `What is to be done in ${i}. `.repeat(12) })
    })
  }
}
