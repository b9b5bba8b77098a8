import { dirname } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { type GitRemotes, type RemoteBranch, trackingRef } from './git-repo.ts'
import { OURS_ALONE } from './real-git-repo.ts'
import { remoteFailure } from './remote-failure.ts'
import { type Env, type GitResult, gitEnv, gitError, runGit } from './run-git.ts'

export interface GitRemotesOptions {
  readonly commonDir: string
  /** The main work tree: what a remote's address that is a relative path begins at. */
  readonly folder: string
  readonly env: Env
  readonly clock: Clock
  readonly git?: string
  readonly timeoutMs?: number
}

/** How a person reaches their remotes: part of their credentials, as much as their configuration is. */
const THEIRS =
  /^GIT_(SSH|SSH_COMMAND|SSH_VARIANT|SSL_.*|HTTP_.*|PROXY_.*|ALLOW_PROTOCOL|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM|EXEC_PATH)$/

/** Nothing may open a window or wait at a terminal: whoever would answer does not know that it was asked. */
const NEVER_ASK = {
  GIT_ASKPASS: '',
  SSH_ASKPASS_REQUIRE: 'never',
  GCM_INTERACTIVE: 'never',
} as const

/** Talks with the remotes of a repository through the git on the PATH. */
export function openGitRemotes(options: GitRemotesOptions): GitRemotes {
  const { commonDir, folder, clock, git = 'git', timeoutMs = 120_000 } = options
  const { SSH_ASKPASS: _, ...given } = gitEnv(options.env)
  const theirs = Object.entries(options.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && THEIRS.test(entry[0]),
  )
  // git finds the repository itself, and so looks whose it is: its settings name programs that are run here. Never one
  // further up, should this one be gone.
  const env = { ...given, ...Object.fromEntries(theirs), ...NEVER_ASK, GIT_CEILING_DIRECTORIES: dirname(folder) }

  const run = async ({ remote }: RemoteBranch, args: readonly string[]): Promise<GitResult> => {
    const settings = [...OURS_ALONE, `remote.${remote}.mirror=false`]
    try {
      return await runGit({
        git,
        args: [...settings.flatMap((setting) => ['-c', setting]), ...args],
        env,
        input: [],
        clock,
        timeoutMs,
        cwd: folder,
        isApart: true,
      })
    } catch (error) {
      throw gitError(error, commonDir)
    }
  }

  return {
    async fetch(branch) {
      const { remote, ref } = branch
      const tracking = trackingRef(branch)
      const { code, stderr } = await run(branch, [
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-prune',
        '--no-write-fetch-head',
        '--no-recurse-submodules',
        '--no-auto-maintenance',
        '--refmap=',
        remote,
        `+${ref}:${tracking}`,
      ])
      if (code !== 0 && /couldn't find remote ref/i.test(stderr)) return undefined
      if (code !== 0) throw failure(branch, stderr)
      const said = await run(branch, ['rev-parse', '--verify', '--quiet', `${tracking}^{commit}`])
      if (said.code !== 0) throw failure(branch, said.stderr)
      return said.stdout.toString('latin1').trim()
    },
    async push(branch, commit) {
      const { remote, ref } = branch
      const { code, stdout, stderr } = await run(branch, [
        'push',
        '--porcelain',
        '--no-verify',
        '--no-follow-tags',
        '--no-signed',
        '--no-force-with-lease',
        '--recurse-submodules=no',
        remote,
        `${commit}:${ref}`,
      ])
      if (code === 0) return 'pushed'
      const said = `${stdout.toString('utf8')}\n${stderr}`
      if (isBehind(said)) return 'behind'
      throw failure(branch, said)
    },
  }

  function failure({ remote, ref }: RemoteBranch, said: string): OrchError {
    const own = gitError(said, commonDir)
    if (own.code !== 'git_refused') return own
    return new OrchError('remote_failed', { remote, ...remoteFailure(said, { remote, ref }) }, said)
  }
}

/** Whether a push was refused because somebody else was faster. */
function isBehind(said: string): boolean {
  return (
    /\[rejected\] \((fetch first|non-fast-forward|stale info)\)/.test(said) ||
    /\[remote rejected\].*\((cannot lock ref|failed to update ref|incorrect old value|reference already exists|failed to lock)/.test(
      said,
    )
  )
}
