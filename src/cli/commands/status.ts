import { existsSync } from 'node:fs'
import type { Status } from '../../api/operation.ts'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { request, requestIfRunning } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'

/** What `orch doctor` fails with when a check does. */
const UNWELL_EXIT = 4

/** `orch status`: starts nothing. */
export async function status(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  assertInitialised(context)
  const answer = await requestIfRunning(context, 'status')
  if (answer) {
    printResult(context, { running: true, ...(answer.result as Status) }, { type: 'record', bytes: ['sizes'] })
  } else {
    const stopped = { running: false, mirror: context.paths.mirror, log: context.paths.log }
    printResult(context, { ...stopped, next: '`orch start`, or any command, starts it' }, { type: 'record' })
  }
  return 0
}

/** `orch doctor` */
export async function doctor(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  const { view } = must(
    cli.manifest.commands.find(({ operation }) => operation === 'doctor'),
    'doctor is an operation',
  )
  const result = (await request(context, { op: 'doctor' })) as { readonly ok: boolean }
  printResult(context, result, view)
  return result.ok ? 0 : UNWELL_EXIT
}

function assertInitialised({ paths, repository }: RepositoryContext): void {
  if (existsSync(paths.database)) return
  throw new OrchError('not_initialised', { path: mainWorktreeOf(repository) })
}
