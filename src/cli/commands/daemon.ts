import { execFileSync } from 'node:child_process'
import { OrchError } from '../../base/error.ts'
import { drain, greet, readDaemonFile } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { ensureDaemon, isAlive, sleepAwake } from '../start-daemon.ts'

type Input = Readonly<Record<string, unknown>>

/** `orch start` */
export async function start(cli: CliContext, input: Input): Promise<number> {
  const context = inRepository(cli)
  const running = await greet(context)
  if (running && input.set !== undefined) {
    throw new OrchError('usage', { reason: 'It runs already; --set takes effect with `orch restart`' })
  }
  if (!running) await ensureDaemon(context, settings(input))
  return await say(context, running ? 'Runs already' : 'Started')
}

/** `orch stop` */
export async function stop(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  const stopped = await drain(context)
  const message = stopped ? 'Stopped' : 'It was not running'
  printResult(context, { stopped, message }, { type: 'text', field: 'message' })
  return 0
}

/** `orch restart`: also the way out when the daemon hangs, or when a copied repository still has the address of the other one. */
export async function restart(cli: CliContext, input: Input): Promise<number> {
  const context = inRepository(cli)
  try {
    await drain(context)
  } catch (error) {
    if (!(error instanceof OrchError)) throw error
    if (error.code === 'daemon_unreachable') await endHanging(context, error)
    else if (error.code !== 'daemon_other_repository') throw error
  }
  await ensureDaemon(context, settings(input))
  return await say(context, 'Started')
}

function settings(input: Input): { readonly set?: readonly string[] } {
  return input.set === undefined ? {} : { set: input.set as readonly string[] }
}

async function say(context: RepositoryContext, what: string): Promise<number> {
  const pid = (await greet(context))?.pid
  printResult(context, { pid, message: `${what} (process ${pid})` }, { type: 'text', field: 'message' })
  return 0
}

/** Ends a daemon that does not answer: nothing acknowledged is lost by that. Throws what was wrong when it is not surely ours. */
async function endHanging({ paths, daemonScript }: RepositoryContext, error: OrchError): Promise<void> {
  const pid = readDaemonFile(paths.daemonFile)?.pid
  if (pid === undefined || !isAlive(pid) || !commandOf(pid).includes(daemonScript)) throw error
  process.kill(pid, 'SIGKILL')
  while (isAlive(pid)) await sleepAwake(10)
}

/** The command line of a process, so that a reused process id never costs somebody else's program its life. */
function commandOf(pid: number): string {
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' })
  } catch {
    return ''
  }
}
