import { existsSync } from 'node:fs'
import { OrchError } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { drain } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { type EncryptionReport, ensureDaemon, runErrand } from '../start-daemon.ts'

/** A large database takes its time. */
const TIMEOUT_MS = 30 * 60_000
/** Other commands start the daemon whenever they need it: it may have to be ended more than once. */
const TRIES = 5

/** `orch encrypt` */
export async function encrypt(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  const done = await convert(context, 'encrypt')
  await ensureDaemon(context)
  const message = `The database is ${said(done.key)}; the rows in git are ${said(done.git)} from the next snapshot on.`
  printResult(context, { ...done, message }, { type: 'text', field: 'message' })
  return 0
}

const said = (key: string): string => (key === '' ? 'plain' : `encrypted with the key ${key}`)

/** `orch decrypt` */
export async function decrypt(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  const done = await convert(context, 'decrypt')
  const message = `The database is ${done.converted === 0 ? 'not encrypted' : 'plain again'}. Take the key out of the configuration, or set encryption.database to false: the daemon starts after that. The rows in git are plain from its next snapshot on.`
  printResult(context, { ...done, message }, { type: 'text', field: 'message' })
  return 0
}

async function convert(context: RepositoryContext, how: 'encrypt' | 'decrypt'): Promise<EncryptionReport> {
  if (!existsSync(context.paths.database)) {
    throw new OrchError('not_initialised', { path: mainWorktreeOf(context.repository) })
  }
  for (let attempt = 1; ; attempt++) {
    await drain(context)
    try {
      return await runErrand(context, [how], 'encryption', { timeoutMs: TIMEOUT_MS })
    } catch (error) {
      const isRunning = error instanceof OrchError && error.code === 'daemon_start_failed'
      if (!isRunning || attempt === TRIES) throw error
    }
  }
}
