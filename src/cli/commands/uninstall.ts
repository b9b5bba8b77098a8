import { existsSync, rmSync } from 'node:fs'
import { relative, sep } from 'node:path'
import type { Status } from '../../api/operation.ts'
import { OrchError } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { agentFiles, removeAgents } from '../agents/setup.ts'
import { drain, request } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { removeExclude } from '../exclude.ts'
import { inRepository, printResult } from '../run.ts'
import { forgetSearchTools, hideFromSearchTools } from '../search-tools.ts'
import { runErrand } from '../start-daemon.ts'
import { excludeLine } from './init.ts'

/** `orch uninstall`: merges and commits what there is, then takes every trace away but the history branch. */
export async function uninstall(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const main = mainWorktreeOf(context.repository)
  if (!existsSync(context.paths.database)) throw new OrchError('not_initialised', { path: main })
  const status = (await request(context, { op: 'status' })) as Status
  const purge = input.purge === true
  if (!(await agreed(context, planText(context, status, purge, agentFiles(context)), input.yes === true))) return 0

  // While its receipt is there.
  const held = removeAgents(context)
  await request(context, { op: 'sync' })
  await drain(context)
  const { kept } = await runErrand(context, ['remove', status.replica, ...(purge ? [refOf(status)] : [])], 'removal')
  const line = excludeLine(main, status.mirror)
  if (line !== undefined) {
    for (const worktree of worktreesOf(main, status)) hideFromSearchTools(worktree, line)
    forgetSearchTools(context.paths.exclude)
    removeExclude(context.paths.exclude, line)
  }
  rmSync(context.paths.dir, { recursive: true, force: true })
  rmSync(context.paths.socket, { force: true })

  const stays = [
    ...(purge ? [] : [`The history stays on the branch ${status.branch}.`]),
    ...held.map((file) => `${file} has changed since; what orch put there was left in it.`),
    ...kept.map((path) => `Not orch's, so it stays: ${path}`),
  ]
  const message = ['orch is no longer here.', ...stays].join('\n')
  printResult(context, { kept, branch: purge ? null : status.branch, message }, { type: 'text', field: 'message' })
  return 0
}

/** Those with files: the main one, and linked ones, whose folder is at the same place in them. */
function worktreesOf(main: string, { mirror, linkedMirrors }: Status): readonly string[] {
  const folder = relative(main, mirror)
  return [main, ...linkedMirrors.map((dir) => dir.slice(0, -folder.length - 1))]
}

function refOf({ branch }: Status): string {
  return branch.startsWith('refs/') ? branch : `refs/heads/${branch}`
}

function planText(
  { paths, repository }: RepositoryContext,
  { mirror, linkedMirrors, branch, counts }: Status,
  purge: boolean,
  agents: readonly string[],
): string {
  const held = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`)
  const line = excludeLine(repository.mainWorktree ?? '', mirror)
  return [
    `This repository holds ${held.join(', ')}. Everything saved is merged and committed first. Then go:`,
    `  ${paths.dir}${sep}  (the database and the log)`,
    ...[mirror, ...linkedMirrors].map((dir) => `  ${dir}${sep}  (files that orch wrote; others stay)`),
    ...(line === undefined ? [] : [`  the line ${line} in ${paths.exclude}`]),
    ...agents.map((file) => `  what init put into ${file}`),
    purge ? `  the branch ${branch}, with all history` : `The branch ${branch} stays: a later init takes it up again.`,
    '',
  ].join('\n')
}

async function agreed({ terminal, globals }: CliContext, text: string, yes: boolean): Promise<boolean> {
  if (!globals.json) terminal.err(text)
  if (yes) return true
  if (!terminal.canAsk) throw new OrchError('usage', { reason: 'This is confirmed by a person at a terminal' })
  return await terminal.confirm('Take it away?')
}
