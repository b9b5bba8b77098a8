import { existsSync } from 'node:fs'
import { toOrchError } from '../../base/error.ts'
import { request } from '../client.ts'
import type { CliContext } from '../context.ts'
import { callerOf, inRepository } from '../run.ts'

const HEAD =
  'orch, the shared memory of this repository. Tools: context, claim, edit, publish, wait; without MCP: orch help.'
/** What the head takes of the 1,500. */
const HEAD_TOKENS = 40

/** `orch prime`: a hook that fails would stop the agent whose session begins. */
export async function prime(cli: CliContext): Promise<number> {
  try {
    const context = inRepository(cli)
    if (!existsSync(context.paths.database)) return 0
    const actor = callerOf(context) ?? { name: 'agent', type: 'agent' }
    const session = context.env.ORCH_SESSION
    const ask = { op: 'context.get', input: { budget: 1500 - HEAD_TOKENS }, actor, ...(session && { session }) }
    const { text } = (await request(context, ask)) as { readonly text: string }
    context.terminal.out(`${HEAD}\n\n${text.trimEnd()}\n`)
  } catch (error) {
    const { message, hint } = toOrchError(error)
    cli.terminal.err(`orch prime: ${message}. ${hint}\n`)
  }
  return 0
}
