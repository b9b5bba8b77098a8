import { closeSync, existsSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { ReadStream, WriteStream } from 'node:tty'
import { OrchError } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import { printable } from '../../base/width.ts'
import type { PurgeReport } from '../../model/purge-report.ts'
import { drain, request } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { inRepository, printResult } from '../run.ts'
import { ensureDaemon, runErrand } from '../start-daemon.ts'

/** Every row is read, and every commit made anew. */
const TIMEOUT_MS = 600_000
/** Other commands start the daemon whenever they need it: it may have to be ended more than once. */
const TRIES = 5
const SHOWN = 10

/** `orch purge`: asks for a secret, shows where it is, and takes it out when somebody at the terminal agrees. */
export async function purge(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  if (!existsSync(context.paths.database)) {
    throw new OrchError('not_initialised', { path: mainWorktreeOf(context.repository) })
  }
  const isDry = input['dry-run'] === true || input.dryRun === true
  const secret = (await cli.terminal.readInput()) ?? (await atTerminal((ask) => ask('The secret: ', true)))
  // What is only in a file yet is found, too.
  await request(context, { op: 'sync' })
  const plan = await errand(context, 'plan', secret)
  const isClean = plan.places + plan.files.length + plan.commitsHit === 0
  if (isDry || isClean) {
    const message = isClean ? 'It is nowhere in this project.' : planText(plan)
    printResult(context, { ...plan, message: printable(message) }, { type: 'text', field: 'message' })
    return 0
  }
  const answer = await atTerminal(async (ask, say) => {
    say(`${printable(planText(plan))}\n\n`)
    return await ask('This cannot be taken back. To go on, type "purge": ', false)
  })
  if (answer.trim() !== 'purge') {
    cli.terminal.err('Nothing was changed.\n')
    return 0
  }
  const done = await takeOut(context, secret)
  printResult(context, { ...done, message: printable(doneText(done)) }, { type: 'text', field: 'message' })
  return done.left.length === 0 ? 0 : 4
}

function errand(context: RepositoryContext, how: 'plan' | 'do', secret: string): Promise<PurgeReport> {
  return runErrand(context, ['purge', how], 'purge', { timeoutMs: TIMEOUT_MS, input: secret })
}

async function takeOut(context: RepositoryContext, secret: string): Promise<PurgeReport> {
  try {
    for (let attempt = 1; ; attempt++) {
      await drain(context)
      try {
        return await errand(context, 'do', secret)
      } catch (error) {
        const isRunning = error instanceof OrchError && error.code === 'daemon_start_failed'
        if (!isRunning || attempt === TRIES) throw error
      }
    }
  } finally {
    await ensureDaemon(context)
  }
}

type Ask = (question: string, isHidden: boolean) => Promise<string>

/** Talks with whoever sits at the terminal, whatever standard input is. Throws `usage` where there is none. */
async function atTerminal<T>(talk: (ask: Ask, say: (text: string) => void) => Promise<T>): Promise<T> {
  let descriptor: number
  try {
    descriptor = openSync('/dev/tty', 'r+')
  } catch (error) {
    const reason = 'This needs somebody at a terminal; --dry-run does not'
    throw new OrchError('usage', { reason }, error)
  }
  const [from, to] = [new ReadStream(descriptor), new WriteStream(descriptor)]
  const ask: Ask = async (question, isHidden) => {
    to.write(question)
    // In raw mode the terminal shows nothing, and readline nothing either without an output.
    const reader = createInterface({ input: from, terminal: false, ...(!isHidden && { output: to }) })
    if (isHidden) return await hiddenLine(from, to)
    try {
      return await reader.question('')
    } finally {
      reader.close()
    }
  }
  try {
    return await talk(ask, (text) => to.write(text))
  } finally {
    from.destroy()
    to.destroy()
    try {
      closeSync(descriptor)
    } catch {
      // The streams have closed it.
    }
  }
}

const [ENTER, NEWLINE, INTERRUPT, END, BACKSPACE] = ['\r', '\n', '\u0003', '\u0004', '\u007f']

/** Reads a line that the terminal does not show. */
function hiddenLine(from: ReadStream, to: WriteStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = ''
    const end = (): void => {
      from.setRawMode(false)
      from.pause()
      to.write('\n')
    }
    from.setRawMode(true)
    from.setEncoding('utf8')
    from.on('data', (data: Buffer | string) => {
      for (const key of String(data)) {
        if (key === ENTER || key === NEWLINE || key === END) {
          end()
          resolve(line)
          return
        }
        if (key === INTERRUPT) {
          end()
          reject(new OrchError('usage', { reason: 'Nothing was changed' }))
          return
        }
        line = key === BACKSPACE ? [...line].slice(0, -1).join('') : line + key
      }
    })
    from.resume()
  })
}

function planText({ places, rows, records, files, commits, commitsHit, refs }: PurgeReport): string {
  return [
    `It stands in ${places} places of the project's changes: ${rows} changes${records.length > 0 ? ` of ${some(records)}` : ''}.`,
    `Files that hold it: ${files.length > 0 ? some(files) : 'none'}.`,
    commitsHit > 0
      ? `The history branch holds it in ${commitsHit} files and messages: all its ${commits} commits are made anew, with other ids.`
      : 'The history branch does not hold it.',
    'Blocks take its place, and every replica that is linked, or gets the history, takes it out, too.',
    ...(refs.length > 0 ? [`Other refs reach the old commits and are left alone: ${some(refs)}.`] : []),
    ...LIMITS,
  ].join('\n')
}

const LIMITS = [
  'Out of reach: clones and forks, remotes that were pushed to, backups, your own branches and stashes, editors that have',
  'an old text open, browsers that have the project open, and what agents or terminals have kept of it.',
  'Whoever may have seen it: treat it as known, and replace it where it is used.',
]

function doneText({ left, commitsHit }: PurgeReport): string {
  return [
    left.length === 0 ? 'It is taken out.' : `It is taken out, but for: ${some(left)}.`,
    ...(commitsHit > 0
      ? [
          'git keeps the old commits as objects that the history branch does not reach, until it collects garbage:',
          '`git gc --prune=now` does that at once, with everything else of yours that nothing reaches.',
        ]
      : []),
    ...LIMITS,
  ].join('\n')
}

function some(items: readonly string[]): string {
  const rest = items.length - SHOWN
  return rest > 0 ? `${items.slice(0, SHOWN).join(', ')} and ${rest} more` : items.join(', ')
}
