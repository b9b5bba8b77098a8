import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { systemClock } from './base/clock.ts'
import { OrchError } from './base/error.ts'
import { sha256 } from './base/hash.ts'
import type { PrivatePaths } from './base/repository.ts'
import type { Config } from './config.ts'
import { gitEnv, runGit } from './git/run-git.ts'
import { stateHome, trust } from './host.ts'
import { removeMirror } from './remove-mirror.ts'
import { acquireLock } from './store/lock.ts'

/**
 * What the thin client asks of the daemon's program without being the daemon: things that need the configuration, the
 * database or git.
 *
 * - `plan`: the places that `init` will touch.
 * - `trust <sha256>`: lets `.orchrc` count, if that is still its content.
 * - `remove <replica> [branch]`: takes the mirror away, but for what is not merged; what is kept of the replica outside
 *   the repository; and the branch, if named.
 */
export interface ErrandParts {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly mainWorktree: string
  readonly paths: PrivatePaths
}

/** Runs an errand and resolves to its report. Throws `usage` for an unknown one. */
export async function runErrand([name, first = '', second]: readonly string[], parts: ErrandParts): Promise<object> {
  switch (name) {
    case 'plan':
      return { plan: await plan(parts) }
    case 'trust':
      return { trusted: keepTrust(first, parts) }
    case 'remove':
      return { removal: await remove(first, second, parts) }
    default:
      throw new OrchError('usage', { reason: `There is no errand "${name}"` })
  }
}

async function plan({ config, env, mainWorktree }: ErrandParts): Promise<object> {
  const mirror = join(mainWorktree, config['mirror.dir'])
  const isInside = !relative(mainWorktree, mirror).startsWith('..')
  const tracked = isInside ? await git(mainWorktree, env, ['ls-files', '-z', '--', mirror]) : ''
  return { mirror, branch: config['git.branch'], stateHome: stateHome(env), isTracked: tracked !== '' }
}

function keepTrust(hash: string, { env, mainWorktree }: ErrandParts): true {
  const text = readFileSync(join(mainWorktree, '.orchrc'), 'utf8')
  if (sha256(text) !== hash) throw new OrchError('usage', { reason: '.orchrc has changed since it was shown' })
  trust(stateHome(env), text)
  return true
}

async function remove(replica: string, branch: string | undefined, parts: ErrandParts): Promise<object> {
  const { config, env, mainWorktree, paths } = parts
  const lock = acquireLock(paths.lock)
  if (!lock) throw new OrchError('daemon_start_failed', { reason: 'another one was started meanwhile', log: paths.log })
  const removal = removeMirror(paths.database, join(mainWorktree, config['mirror.dir']))
  rmSync(join(stateHome(env), 'replicas', replica), { force: true })
  if (branch !== undefined) await git(mainWorktree, env, ['update-ref', '-d', branch])
  lock.release()
  return removal
}

/** Throws `git_refused` with git's own words. */
async function git(dir: string, env: ErrandParts['env'], args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runGit({
    git: 'git',
    args: ['-C', dir, ...args],
    env: gitEnv(env),
    input: [],
    clock: systemClock,
    timeoutMs: 10_000,
  })
  if (code !== 0) throw new OrchError('git_refused', { reason: stderr.trim() })
  return stdout.toString('utf8')
}
