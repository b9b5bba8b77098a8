import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { OrchError, reasonOf } from '../base/error.ts'
import { type Keyring, noKeys, parseKeys } from '../base/keys.ts'
import type { Config } from './options.ts'

/** Holds the key itself. No option, so that it stands neither in a file of the project nor among a command's arguments. */
export const KEY_VARIABLE = 'ORCH_ENCRYPTION_KEY'
const COMMAND_MS = 60_000

export interface KeyringParts {
  readonly config: Pick<
    Config,
    'encryption.keyFile' | 'encryption.keyCommand' | 'encryption.database' | 'encryption.git'
  >
  readonly env: Readonly<Record<string, string | undefined>>
  /** The main worktree: where relative paths begin and the command runs. */
  readonly root: string
}

/**
 * The keys that encrypt at rest: of the variable, else of the file, else of the command; none where none is named. Throws
 * `key_unusable`, which never holds what was read.
 */
export async function loadKeyring(parts: KeyringParts): Promise<Keyring> {
  const { config } = parts
  const given = await givenText(parts)
  if (!given) return noKeys
  try {
    const keys = parseKeys(given.text)
    return { keys, database: config['encryption.database'], git: config['encryption.git'] }
  } catch (error) {
    throw unusable(given.source, reasonOf(error))
  }
}

interface Given {
  /** Where it came from, for messages. */
  readonly source: string
  readonly text: string
}

async function givenText({ config, env, root }: KeyringParts): Promise<Given | undefined> {
  const [variable, file, command] = [env[KEY_VARIABLE], config['encryption.keyFile'], config['encryption.keyCommand']]
  // Several keys stand one a line in a file; a variable may have commas or blanks between them.
  if (variable) return { source: KEY_VARIABLE, text: variable.replace(/[,\s]+/g, '\n') }
  if (file !== '')
    return { source: file, text: readKeyFile(resolve(root, file.replace(/^~(?=[\\/])/, homedir())), file) }
  if (command !== '') return { source: 'encryption.keyCommand', text: await runKeyCommand(command, env, root) }
  return undefined
}

/** Throws where it is not there, or where others may read it. */
function readKeyFile(path: string, source: string): string {
  try {
    const { mode } = statSync(path)
    if (process.platform === 'win32' || (mode & 0o077) === 0) return readFileSync(path, 'utf8')
  } catch (error) {
    throw unusable(source, reasonOf(error))
  }
  throw unusable(source, `others can read it; \`chmod 600 ${path}\``)
}

async function runKeyCommand(command: string, env: KeyringParts['env'], root: string): Promise<string> {
  const [shell, flag] = process.platform === 'win32' ? [env.ComSpec ?? 'cmd.exe', '/c'] : ['/bin/sh', '-c']
  try {
    const { stdout } = await promisify(execFile)(shell, [flag, command], {
      cwd: root,
      env: env as NodeJS.ProcessEnv,
      timeout: COMMAND_MS,
      windowsHide: true,
    })
    return stdout
  } catch (error) {
    // Its message would hold what the command said.
    const { code, killed } = error as { code?: unknown; killed?: boolean }
    const reason = killed ? `no answer within ${COMMAND_MS / 1000} s` : `the command ended with ${code}`
    throw unusable('encryption.keyCommand', reason)
  }
}

function unusable(source: string, reason: string): OrchError {
  return new OrchError('key_unusable', { source, reason })
}
