import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OrchError } from '../../base/error.ts'
import { sha256 } from '../../base/hash.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { printable } from '../../base/width.ts'
import type { CliContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { runErrand } from '../start-daemon.ts'

/** `orch trust` */
export async function trust(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const file = join(mainWorktreeOf(context.repository), '.orchrc')
  const text = readOrRefuse(file)
  if (input.yes !== true) {
    if (!cli.terminal.canAsk)
      throw new OrchError('usage', { reason: 'Nobody can be asked here; read the file, then add --yes' })
    cli.terminal.err(`${file}:\n\n${printable(text)}\n`)
    if (!(await cli.terminal.confirm('Let all of it count?'))) return 0
  }
  await runErrand(context, ['trust', sha256(text)], 'trusted')
  printResult(
    cli,
    { file, message: `Trusted as it is now: ${file}. \`orch restart\` makes it count.` },
    { type: 'text', field: 'message' },
  )
  return 0
}

function readOrRefuse(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new OrchError('usage', { reason: `${file} cannot be read` }, error)
  }
}
