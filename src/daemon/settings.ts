import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { OrchError, toOrchError } from '../base/error.ts'
import type { LoadedConfig } from '../config/config.ts'
import { isTrusted, stateHome } from '../config/host.ts'
import { gitEnv, runGit } from '../git/run-git.ts'
import { type Actor, toActorName } from '../model/actor.ts'
import type { Host } from './host.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The configuration, and what stands in the file it was read from. */
export interface Configured extends LoadedConfig {
  /** The text of `.orchrc`; undefined when there is none. */
  readonly orchrc: string | undefined
  /** Where the file differs from what was read of it. */
  readonly drift: Host['configDrift']
}

/** Reads `.orchrc`, the environment and the flags. Throws `invalid_config`. */
export async function configOf(root: string, env: Env, flags: readonly string[]): Promise<Configured> {
  // Loaded here because whoever does not get the lock needs none of it.
  const [{ loadConfig }, { createConfigDrift }] = await Promise.all([
    import('../config/config.ts'),
    import('../config/config-drift.ts'),
  ])
  const path = join(root, '.orchrc')
  const load = (text: string | undefined): LoadedConfig => {
    const file = text === undefined ? undefined : { path, text, isTrusted: isTrusted(stateHome(env), text) }
    return loadConfig({ env, flags, ...(file && { file }) })
  }
  const orchrc = readIfThere(path)
  const loaded = load(orchrc)
  const { config } = loaded
  return {
    ...loaded,
    orchrc,
    drift: createConfigDrift({ config, read: () => readIfThere(path), load: (text) => load(text).config }),
  }
}

/** Whose repository it is, as git calls them, else the system. A claim: nobody checked it. */
export async function personOf(dir: string, env: Env): Promise<Actor> {
  const name = await gitSetting(dir, env, 'user.name')
  return { name: toActorName(name || userInfo().username, 'me'), type: 'person', verified: false }
}

/** What git is told of one setting; '' for nothing. */
export async function gitSetting(dir: string, env: Env, name: string): Promise<string> {
  try {
    const args = ['-C', dir, 'config', '--get', name]
    const { stdout } = await runGit({
      git: 'git',
      args,
      env: gitEnv(env),
      input: [],
      clock: systemClock,
      timeoutMs: 5000,
    })
    return stdout.toString('utf8').trim()
  } catch {
    // No git: the part that needs it says so.
    return ''
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OrchError('invalid_config', {
      file: path,
      reason: toOrchError(error).message,
      suggestion: 'Make it readable, or remove it.',
    })
  }
}
