import { drain } from '../client.ts'
import type { CliContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { ensureDaemon, runErrand } from '../start-daemon.ts'

/** A large project takes its time. */
const TIMEOUT_MS = 30 * 60_000

/** `orch rebuild` */
export async function rebuild(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  await drain(context)
  const { rows, records } = await runErrand(context, ['rebuild'], 'rebuilt', { timeoutMs: TIMEOUT_MS })
  await ensureDaemon(context)
  const message = `The index is made anew: ${records} records from ${rows} rows.`
  printResult(context, { rows, records, message }, { type: 'text', field: 'message' })
  return 0
}
