import { rmSync } from 'node:fs'
import { OrchError } from '../base/error.ts'
import { type Keyring, noKeys } from '../base/keys.ts'
import type { Config } from '../config/options.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What encrypts at rest; most projects have nothing of it to load. Throws `key_unusable`. */
export async function keyringOf(config: Config, env: Env, root: string): Promise<Keyring> {
  const isNamed = config['encryption.keyFile'] !== '' || config['encryption.keyCommand'] !== ''
  if (!isNamed && !env.ORCH_ENCRYPTION_KEY) return noKeys
  const { loadKeyring } = await import('../config/keyring.ts')
  return await loadKeyring({ config, env, root })
}

/** A project that is to be encrypted must not begin as a plain one because nobody has looked at the file yet. */
export function refuseUntrustedKey(notices: readonly OrchError[]): void {
  const ignored = notices.find(({ data }) => String(data.key).startsWith('encryption.'))
  if (ignored) throw ignored
}

/**
 * Takes back a project that was just begun, where there is no package to encrypt it with, or no key to read the history
 * that it would take over: it then begins as if for the first time, and not as a plain one.
 */
export function takeBackIfLocked(error: unknown, database: string): void {
  if (!(error instanceof OrchError) || !/^(key|cipher)_/.test(error.code)) return
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
}
