import { existsSync } from 'node:fs'
import type { Status } from '../../api/operation.ts'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { placeText } from '../../base/place-text.ts'
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
    const found = { running: true, ...(answer.result as Status) }
    const shown = cli.globals.json ? found : { ...found, problems: found.problems.map(problemOf) }
    printResult(context, shown, { type: 'record', bytes: ['sizes'] })
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

/** What a person reads of a problem; `orch attention show` has the rest. */
function problemOf(problem: Status['problems'][number]): object {
  const { id, what, fix } = problem
  return { id, text: `${placeText(problem)}: ${what.replace(/\.$/, '')}. ${fix}` }
}

function assertInitialised({ paths, repository }: RepositoryContext): void {
  if (existsSync(paths.database)) return
  throw new OrchError('not_initialised', { path: mainWorktreeOf(repository) })
}
