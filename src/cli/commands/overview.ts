import { existsSync } from 'node:fs'
import type { Overview } from '../../api/operations/overview.ts'
import { OrchError } from '../../base/error.ts'
import { request } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { overviewLines } from '../overview-text.ts'
import { callerOf, inRepository, lookOf, printResult } from '../run.ts'

/** `orch overview` */
export async function overview(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const result = await askOverview(context, input)
  if (cli.globals.json) printResult(context, result, { type: 'json' })
  else cli.terminal.out(`${overviewLines(result, lookOf(cli)).join('\n')}\n`)
  return 0
}

/** `orch` alone: what matters now; where orch is not set up, how to, and the help. */
export async function alone(cli: CliContext, help: string): Promise<number> {
  try {
    const { paths } = inRepository(cli)
    if (existsSync(paths.database) || cli.globals.json) return await finish(cli)
    cli.terminal.out(`orch is not set up in this repository; \`orch init\` does that.\n\n${help}`)
  } catch (error) {
    if (!(error instanceof OrchError) || error.code !== 'not_a_repository' || cli.globals.json) throw error
    cli.terminal.out(`${error.message}. ${error.hint}\n\n${help}`)
  }
  return 0
}

async function finish(cli: CliContext): Promise<number> {
  const code = await overview(cli, {})
  if (cli.terminal.isTty && !cli.globals.json) cli.terminal.err('\nAll commands: orch help\n')
  return code
}

/** What matters now to whoever calls. */
export async function askOverview(
  context: RepositoryContext,
  input: Readonly<Record<string, unknown>>,
): Promise<Overview> {
  const actor = callerOf(context)
  return (await request(context, { op: 'overview', input, ...(actor && { actor }) })) as Overview
}
