import { existsSync } from 'node:fs'
import { OrchError } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { printable } from '../../base/width.ts'
import { drain, request } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { ensureDaemon, type JoinReport, runErrand } from '../start-daemon.ts'

type Input = Readonly<Record<string, unknown>>

/** All of another project comes over a wire first. */
const TIMEOUT_MS = 600_000
/** Other commands start the daemon whenever they need it: it may have to be ended more than once. */
const TRIES = 5
const SHOWN = 10

/** `orch join`: merges what there is, shows what will happen, and moves this project into another one. */
export async function join(cli: CliContext, input: Input): Promise<number> {
  const context = inRepository(cli)
  if (!existsSync(context.paths.database)) {
    throw new OrchError('not_initialised', { path: mainWorktreeOf(context.repository) })
  }
  const source = sourceOf(input)
  await request(context, { op: 'sync' })
  const plan = await runErrand(context, ['join', 'plan', ...source], 'join', { timeoutMs: TIMEOUT_MS })
  const text = input.follow === true ? followText(plan) : planText(plan)
  if (!(await agreed(context, text, input.yes === true))) return 0
  const done = await move(context, source)
  const message = `${done.from.name} is now a part of ${done.into.name}.\n${[...renamedLines(done), ...keptLines(done)].join('\n')}`
  printResult(context, { ...done, message: printable(message) }, { type: 'text', field: 'message' })
  return 0
}

function sourceOf({ address, token, pin, remote, follow }: Input): readonly string[] {
  const how = [typeof pin === 'string' ? pin : '', ...(follow === true ? ['follow'] : [])]
  if (typeof remote === 'string' && [address, token, pin].every((one) => one === undefined)) {
    return ['git', remote, '', ...how]
  }
  if (typeof address === 'string' && typeof token === 'string' && remote === undefined) {
    return ['peer', address, token, ...how]
  }
  throw new OrchError('usage', { reason: 'Give the address of the other project and --token, or --remote alone' })
}

async function move(context: RepositoryContext, source: readonly string[]): Promise<JoinReport> {
  try {
    for (let attempt = 1; ; attempt++) {
      await drain(context)
      try {
        return await runErrand(context, ['join', 'do', ...source], 'join', { timeoutMs: TIMEOUT_MS })
      } catch (error) {
        const isRunning = error instanceof OrchError && error.code === 'daemon_start_failed'
        if (!isRunning || attempt === TRIES) throw error
      }
    }
  } finally {
    await ensureDaemon(context)
  }
}

function planText(plan: JoinReport): string {
  const { from, into, counts, there, deleted } = plan
  return printable(
    [
      'orch will move the records of this project into another one:',
      `  from  ${from.name} (${from.id}): ${counted(counts)}`,
      `  into  ${into.name} (${into.id}): ${counted(there)}`,
      ...(deleted > 0 ? [`  Deleted records are not moved: ${deleted}.`] : []),
      ...renamedLines(plan),
      'From then on this repository is a replica of the other project, and other replicas of this one are told so.',
      'What they have and this one has not is not moved: link them first. This cannot be taken back by a command.',
      ...keptLines(plan),
      '',
    ].join('\n'),
  )
}

function followText(plan: JoinReport): string {
  const { from, into, counts } = plan
  return printable(
    [
      `${from.name} (${from.id}) has joined ${into.name} (${into.id}). This repository becomes a replica of that.`,
      `  Only here, and new there from their files: ${counted(counts)}.`,
      'Edits of other records that had not reached the replica that joined stay behind.',
      ...keptLines(plan),
      '',
    ].join('\n'),
  )
}

function renamedLines({ renamed, keys }: JoinReport): readonly string[] {
  const ids = renamed.map(({ id, to }) => (to === undefined ? id : `${id} -> ${to}`))
  return [
    ...(ids.length === 0 ? [] : [`  Ids that both have; the old one becomes an alias of a new one: ${some(ids)}.`]),
    ...keys.map(({ key, as }) =>
      as === undefined
        ? `  The key ${key} of the state says something else there and stays behind.`
        : `  The key ${key} of the state says something else there; this one's value becomes ${as}.`,
    ),
  ]
}

function keptLines({ database, branch }: JoinReport): readonly string[] {
  const kept = branch === undefined ? database : `${database}, and the branch ${branch.replace('refs/heads/', '')}`
  return [`Kept as it was before: ${kept}.`]
}

function counted(counts: JoinReport['counts']): string {
  return Object.entries(counts)
    .map(([plural, count]) => `${count} ${plural}`)
    .join(', ')
}

function some(items: readonly string[]): string {
  const rest = items.length - SHOWN
  return rest > 0 ? `${items.slice(0, SHOWN).join(', ')} and ${rest} more` : items.join(', ')
}

async function agreed({ terminal, globals }: CliContext, text: string, yes: boolean): Promise<boolean> {
  if (!yes && !terminal.canAsk) {
    terminal.err(text)
    throw new OrchError('usage', { reason: 'Nobody can be asked here; add --yes to do it' })
  }
  if (!globals.json) terminal.err(text)
  return yes || (await terminal.confirm('Go ahead?'))
}
