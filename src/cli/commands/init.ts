import { existsSync, readdirSync } from 'node:fs'
import { basename, relative, sep } from 'node:path'
import type { Status } from '../../api/operation.ts'
import { OrchError } from '../../base/error.ts'
import { ensurePrivateDir } from '../../base/private-dir.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { request } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { addExclude } from '../exclude.ts'
import { inRepository, printResult } from '../run.ts'
import { ensureDaemon, type Plan, runErrand } from '../start-daemon.ts'

/** `orch init` */
export async function init(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const set = (input.set as readonly string[] | undefined) ?? []
  const done = await initProject(context, { set, yes: input.yes === true, name: input.name as string | undefined })
  if (!done) return 0
  const agents = await agentsIfWanted(context, input)
  const { project, mirror, branch } = (await request(context, { op: 'status' })) as Status
  const message = `${project.name} is set up. Its files: ${mirror}\nNext: orch task create 'The first task'`
  printResult(context, { project, mirror, branch, agents, message }, { type: 'text', field: 'message' })
  return 0
}

/** Where a person can be asked, it is offered; files that git sees are never written without a yes. */
async function agentsIfWanted(context: RepositoryContext, input: Readonly<Record<string, unknown>>): Promise<unknown> {
  const asks = context.terminal.canAsk && !context.globals.json && input.yes !== true
  if (input.agents !== true && !asks) return undefined
  const { setUpAgents } = await import('./agents.ts')
  const steps = await setUpAgents(context, input.agents === true && input.yes === true)
  return steps?.map(({ file, does, reason }) => ({ file, does, ...(reason !== undefined && { reason }) }))
}

export interface InitOptions {
  readonly set: readonly string[]
  /** Do not ask. */
  readonly yes: boolean
  readonly name?: string | undefined
}

/** Shows what it will touch, asks, and sets the repository up; false when the answer was no. Once set up, it only repairs. */
export async function initProject(context: RepositoryContext, { set, yes, name }: InitOptions): Promise<boolean> {
  const main = mainWorktreeOf(context.repository)
  const isNew = !existsSync(context.paths.database)
  if (isNew && context.repository.isLinked) {
    throw new OrchError('linked_worktree', { path: context.repository.worktree ?? context.dir, main })
  }
  const plan = await runErrand(context, ['plan'], 'plan', { set })
  const line = excludeLine(main, plan.mirror)
  if (isNew) {
    if (plan.isTracked) throw new OrchError('already_exists', { what: `${plan.mirror}, with files that git tracks,` })
    if (!(await agreed(context, planText(context, plan, line), yes))) return false
  }
  ensurePrivateDir(context.paths.dir)
  if (line !== undefined) addExclude(context.paths.exclude, line)
  await ensureDaemon(context, { init: name ?? basename(main), set })
  return true
}

/** The line that keeps git's eyes off the mirror; none when the mirror is outside the repository. */
export function excludeLine(main: string, mirror: string): string | undefined {
  const path = relative(main, mirror)
  return path === '' || path.startsWith('..') ? undefined : `/${path.split(sep).join('/')}/`
}

function planText({ paths }: RepositoryContext, { mirror, branch, stateHome }: Plan, line: string | undefined): string {
  const taken = existsSync(mirror) && readdirSync(mirror).length > 0
  const rows = [
    [
      `${mirror}${sep}`,
      taken ? 'is there: what is in it becomes part of the state' : 'the files, for people to read and edit',
    ],
    ...(line === undefined ? [] : [[paths.exclude, `one line: ${line}`]]),
    [`${paths.dir}${sep}`, 'the database, the log and the address of the daemon'],
    [`branch ${branch}`, 'snapshots, committed beside your work and never checked out'],
    [`${stateHome}${sep}`, 'one small file that tells a restored copy from the original'],
  ]
  const width = Math.max(...rows.map(([place = '']) => place.length))
  const lines = rows.map(([place = '', what = '']) => `  ${place.padEnd(width)}  ${what}`)
  return `orch will make:\n${lines.join('\n')}\nNothing else is touched: no hook, no setting, and no branch or file of yours.\n`
}

async function agreed({ terminal, globals }: CliContext, text: string, yes: boolean): Promise<boolean> {
  if (!yes && !terminal.canAsk) {
    terminal.err(text)
    throw new OrchError('usage', { reason: 'Nobody can be asked here; add --yes to do it' })
  }
  if (!globals.json) terminal.err(text)
  return yes || (await terminal.confirm('Go ahead?'))
}
