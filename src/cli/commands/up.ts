import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Status } from '../../api/operation.ts'
import { OrchError } from '../../base/error.ts'
import { greet, request, talk } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { eventText } from '../event-text.ts'
import { inRepository, JSON_FORMAT } from '../run.ts'
import { ensureDaemon, readiness, sleepAwake, spawnDaemon } from '../start-daemon.ts'
import { makeDemo } from './demo.ts'
import { initProject } from './init.ts'

/** How long the addresses may take after the daemon is ready. */
const ADDRESS_TIMEOUT_MS = 5000

/** `orch up` */
export async function up(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const set = (input.set as readonly string[] | undefined) ?? []
  const context = input.demoIfNone === true ? await ownOrDemo(cli) : inRepository(cli)
  if (!existsSync(context.paths.database) && !(await initProject(context, { set, yes: false }))) return 0
  const child = await runHere(context, set)
  printPlaces(context, await placesOf(context))
  return await follow(context, child)
}

/** The repository that the command was called from; a new one to try orch on when there is none but orch's own. */
async function ownOrDemo(cli: CliContext): Promise<RepositoryContext> {
  const called: CliContext = cli.globals.C === undefined ? { ...cli, dir: resolve(cli.env.INIT_CWD ?? cli.dir) } : cli
  try {
    const context = inRepository(called)
    const isOwn = context.repository.worktree === resolve(dirname(cli.daemonScript), '..')
    if (!isOwn && context.repository.mainWorktree !== undefined) return context
  } catch (error) {
    if (!(error instanceof OrchError && error.code === 'not_a_repository')) throw error
  }
  return await makeDemo(called)
}

/** Starts the daemon attached to this process; undefined when one runs already. */
async function runHere(context: RepositoryContext, set: readonly string[]): Promise<ChildProcess | undefined> {
  if (await greet(context)) return undefined
  const child = spawnDaemon(context, { set }, false)
  if (await readiness(context, child)) return child
  // Somebody else was faster.
  await ensureDaemon(context)
  return undefined
}

/** The daemon's status once it has its addresses. */
async function placesOf(context: RepositoryContext): Promise<Status> {
  const until = performance.now() + ADDRESS_TIMEOUT_MS
  for (;;) {
    const status = (await request(context, { op: 'status' })) as Status
    if (status.url !== '' || performance.now() > until) return status
    await sleepAwake(20)
  }
}

function printPlaces({ terminal, globals }: CliContext, status: Status): void {
  if (globals.json) {
    terminal.out(`${JSON.stringify({ orch: JSON_FORMAT, result: status })}\n`)
    return
  }
  const { project, mirror, url, websocket } = status
  terminal.out(
    `${project.name} is up. Ctrl-C ends it.\n  files      ${mirror}\n  address    ${url}\n  websocket  ${websocket}\n\n`,
  )
}

/** Prints what happens until Ctrl-C, or until the daemon ends. */
async function follow(context: RepositoryContext, child: ChildProcess | undefined): Promise<number> {
  let asked = false
  let hangUp = (): void => undefined
  const end = (): void => {
    asked = true
    hangUp()
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  const outcome = await talk(
    context,
    { id: 1, op: 'activity' },
    {
      onEvent: (event) => context.terminal.out(`${eventText(context, event)}\n`),
      onOpen: (close) => {
        hangUp = close
      },
    },
  )
  if (child && child.exitCode === null) {
    const exited = once(child, 'exit')
    child.stdin?.end()
    await exited
  }
  if (asked) return 0
  if (outcome.type === 'error') throw outcome.error
  context.terminal.err('The daemon has ended.\n')
  return 0
}
