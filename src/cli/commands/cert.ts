import { existsSync } from 'node:fs'
import { OrchError } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { printable } from '../../base/width.ts'
import type { CliContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { runErrand } from '../start-daemon.ts'

/** `orch cert` */
export async function cert(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  if (!existsSync(context.paths.database)) {
    throw new OrchError('not_initialised', { path: mainWorktreeOf(context.repository) })
  }
  const names = (input.name as readonly string[] | undefined) ?? []
  const words = ['cert', names.join(','), ...(input.renew === true ? ['renew'] : [])]
  const made = await runErrand(context, words, 'cert')
  const lines = [
    made.pin,
    '',
    `  for    ${made.names.join(', ')}`,
    `  until  ${made.expiresAt.slice(0, 10)}`,
    `  file   ${made.file}`,
    ...(made.isNew
      ? ['', 'A daemon that speaks TLS already takes it within 30 seconds, another from `orch restart` on.']
      : []),
    '',
    'Where another replica links here: orch peer add NAME wss://HOST:PORT/sync/PROJECT --token TOKEN --pin PIN',
  ]
  printResult(cli, { ...made, message: printable(lines.join('\n')) }, { type: 'text', field: 'message' })
  return 0
}
