import { systemClock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { type Env, gitEnv, runGit } from './run-git.ts'

/** Throws `already_exists` when git tracks files at a place: they are the user's. `git_refused` in git's own words. */
export async function assertUntracked(worktree: string, place: string, env: Env): Promise<void> {
  const { code, stdout, stderr } = await runGit({
    git: 'git',
    args: ['-C', worktree, 'ls-files', '-z', '--', place],
    env: gitEnv(env),
    input: [],
    clock: systemClock,
    timeoutMs: 10_000,
  })
  if (code !== 0) throw new OrchError('git_refused', { reason: stderr.trim() })
  if (stdout.length > 0) throw new OrchError('already_exists', { what: `${place}, with files that git tracks,` })
}
