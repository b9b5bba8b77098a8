import { placeText } from '../../base/place-text.ts'
import type { AttentionItem } from '../../model/attention.ts'
import { request } from '../client.ts'
import type { CliContext } from '../context.ts'
import { oneLine } from '../render.ts'
import { callerOf, inRepository, printResult } from '../run.ts'

/** `orch attention resolve` */
export async function resolve(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const { terminal, env } = cli
  const actor = callerOf(cli)
  const said = { ...(actor && { actor }), ...(env.ORCH_SESSION && { session: env.ORCH_SESSION }) }
  const item = (await request(context, { op: 'attention.show', input: { item: input.item }, ...said })) as AttentionItem
  const way = item.ways.find(({ name }) => name === input.way)
  // Whom nobody can ask is refused by the operation itself, which says what a person has to do.
  const mayAsk = way?.destructive === true && actor === undefined && terminal.canAsk
  if (mayAsk) {
    terminal.err(`${oneLine(`${placeText(item)}: ${item.what}`)}\n`)
    if (!(await terminal.confirm(`${way.help.charAt(0).toUpperCase()}${way.help.slice(1)}?`))) return 0
  }
  const op = mayAsk ? 'attention.confirm' : 'attention.resolve'
  const result = await request(context, { op, input: { item: item.id, way: input.way }, ...said })
  printResult(context, result, { type: 'text', field: 'message' })
  return 0
}
