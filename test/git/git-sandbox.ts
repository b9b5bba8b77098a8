import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { GitRepo } from '../../src/git/git-repo.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'

export interface GitSandbox {
  /** The work tree's folder; its parent is the home folder of every git run here. */
  readonly folder: string
  readonly commonDir: string
  readonly env: Readonly<Record<string, string>>
  /** Runs git in the work tree and gives what it printed, trimmed at the end. */
  git(...args: readonly string[]): string
  open(options?: { git?: string; clock?: Clock; timeoutMs?: number; env?: Record<string, string> }): GitRepo
  remove(): void
}

/** A real repository in a folder of its own, apart from the settings of whoever runs the tests. */
export function createGitSandbox(initArgs: readonly string[] = []): GitSandbox {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'orch-git-')))
  const folder = join(home, 'repo')
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Person',
    GIT_AUTHOR_EMAIL: 'person@example.com',
    GIT_COMMITTER_NAME: 'Person',
    GIT_COMMITTER_EMAIL: 'person@example.com',
  }
  const run = (cwd: string, args: readonly string[]): string =>
    execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd()
  run(home, ['init', '--quiet', '--initial-branch=main', ...initArgs, folder])
  const commonDir = join(folder, '.git')
  return {
    folder,
    commonDir,
    env,
    git: (...args) => run(folder, args),
    open: ({ env: more = {}, ...options } = {}) =>
      openGitRepo({
        commonDir,
        env: { ...env, ...more },
        clock: systemClock,
        random: (n) => randomBytes(n),
        ...options,
      }),
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}
