import { existsSync, readdirSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import type { MirrorInfo, Status } from '../../api/operation.ts'
import { OrchError } from '../../base/error.ts'
import { ensurePrivateDir } from '../../base/private-dir.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { request } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { addExclude } from '../exclude.ts'
import { inRepository, printResult } from '../run.ts'
import { ignoreFileFor, showAgain, showToSearchTools } from '../search-tools.ts'
import { ensureDaemon, type Plan, runErrand } from '../start-daemon.ts'

/** `orch init` */
export async function init(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const { isLinked, worktree } = context.repository
  const isNew = !existsSync(context.paths.database)
  if (!isLinked || isNew) {
    const set = (input.set as readonly string[] | undefined) ?? []
    const done = await initProject(context, { set, yes: input.yes === true, name: input.name as string | undefined })
    if (!done) return 0
  }
  // What is made in a linked worktree was agreed to with the rest when the project is new.
  if (isLinked && worktree !== undefined) return await initWorktree(context, worktree, { input, isAgreed: isNew })
  const agents = await agentsIfWanted(context, input)
  // People look at once: it answers when the files are there.
  if (worktree !== undefined) await request(context, { op: 'mirror.add', input: { dir: worktree } })
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
  const plan = await runErrand(context, ['plan'], 'plan', { set })
  const line = excludeLine(main, plan.mirror)
  if (isNew) {
    if (plan.isTracked) throw new OrchError('already_exists', { what: `${plan.mirror}, with files that git tracks,` })
    if (!(await agreed(context, planText(context, plan, line), yes))) return false
  }
  ensurePrivateDir(context.paths.dir)
  if (line !== undefined) {
    addExclude(context.paths.exclude, line)
    if (!isNew) showAgain(main, context.paths.exclude, line)
    else if (await wantsSearch(context, main, line, yes)) showToSearchTools(main, context.paths.exclude, line)
  }
  await ensureDaemon(context, { init: name ?? basename(main), set })
  return true
}

/** A linked worktree: the state is there, and gets a folder of files here. */
async function initWorktree(
  context: RepositoryContext,
  worktree: string,
  { input, isAgreed }: { readonly input: Readonly<Record<string, unknown>>; readonly isAgreed: boolean },
): Promise<number> {
  const yes = input.yes === true
  const main = mainWorktreeOf(context.repository)
  const plan = await runErrand(context, ['plan'], 'plan', {})
  const dir = mirrorIn(context.repository, worktree, plan.mirror)
  const line = excludeLine(main, plan.mirror)
  const text = `orch is set up in ${main}. It will make here:\n  ${dir}${sep}  the same files, kept equal to those\nNothing else is touched.\n`
  if (!isAgreed && !existsSync(dir) && !(await agreed(context, text, yes))) return 0
  const made = (await request(context, { op: 'mirror.add', input: { dir: worktree } })) as MirrorInfo
  if (line !== undefined && (await wantsSearch(context, worktree, line, yes))) {
    showToSearchTools(worktree, context.paths.exclude, line)
  }
  const agents = await agentsIfWanted(context, input)
  printResult(context, { ...made, agents, message: `The files are in ${made.dir}` }, { type: 'text', field: 'message' })
  return 0
}

/** Where the mirror of a linked worktree is. */
function mirrorIn(repository: RepositoryContext['repository'], worktree: string, mirror: string): string {
  return join(worktree, relative(mainWorktreeOf(repository), mirror))
}

/** Asks whether search tools shall see the files; a file of the user's own is left alone, and they are told the line. */
async function wantsSearch(
  { terminal, globals }: CliContext,
  worktree: string,
  line: string,
  yes: boolean,
): Promise<boolean> {
  const file = ignoreFileFor(worktree)
  if (file === undefined) {
    if (!globals.json)
      terminal.err(`Search tools do not look into ignored folders: the line !${line} in your .ignore lets them.\n`)
    return false
  }
  if (yes) return true
  return (
    terminal.canAsk &&
    (await terminal.confirm(
      `Let search tools (ripgrep, and agents that use it) see the files, by ${file}, itself excluded?`,
    ))
  )
}

/** The line that keeps git's eyes off the mirror; none when the mirror is outside the repository. */
export function excludeLine(main: string, mirror: string): string | undefined {
  const path = relative(main, mirror)
  return path === '' || path.startsWith('..') ? undefined : `/${path.split(sep).join('/')}/`
}

function searchRows(main: string | undefined): readonly (readonly string[])[] {
  const file = main === undefined ? undefined : ignoreFileFor(main)
  return file === undefined ? [] : [[file, 'lets search tools see the files; asked for apart, and itself excluded']]
}

function planText(
  { paths, repository }: RepositoryContext,
  { mirror, branch, stateHome }: Plan,
  line: string | undefined,
): string {
  const taken = existsSync(mirror) && readdirSync(mirror).length > 0
  const { isLinked, worktree } = repository
  const linked = isLinked && worktree !== undefined ? mirrorIn(repository, worktree, mirror) : undefined
  const rows = [
    [
      `${mirror}${sep}`,
      taken ? 'is there: what is in it becomes part of the state' : 'the files, for people to read and edit',
    ],
    ...(linked === undefined ? [] : [[`${linked}${sep}`, 'the same files, kept equal to those']]),
    ...(line === undefined ? [] : [[paths.exclude, `one line: ${line}`]]),
    ...(line === undefined ? [] : searchRows(repository.mainWorktree)),
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
