import { resolve } from 'node:path'
import { truncate } from '../../base/width.ts'
import { talk } from '../client.ts'
import { type Candidate, type Completion, complete } from '../complete.ts'
import type { CliParts } from '../context.ts'
import { localCommands } from '../local-commands.ts'
import { oneLine } from '../render.ts'
import { inRepository } from '../run.ts'
import { endsInQuotes, quoted, shellWords } from '../shell-words.ts'

/** Who presses Tab does not wait longer for the daemon. */
const PATIENCE_MS = 100
const HELP_COLUMNS = 60
/** Bash's COMP_TYPE while it puts candidates into the line one after the other: they must be nothing but themselves. */
const INSERTING = ['37', '42']

/**
 * `orch __complete SHELL ...`: what the scripts of `orch completion` ask. Never starts a daemon, never fails: what it does
 * not know, it does not offer.
 */
export async function answerShell(parts: CliParts): Promise<number> {
  const [, shell = '', ...args] = parts.argv
  try {
    const { words, show } = shell === 'bash' ? fromBash(args) : fromWords(shell, args)
    const found = complete(words, parts.manifest, localCommands)
    const lines = show(await known(parts, found))
    if (found.files) lines.push(`:${found.files}`)
    parts.terminal.out(lines.map((line) => `${line}\n`).join(''))
  } catch {
    // Nobody reads a message in the middle of a line.
  }
  return 0
}

interface Asked {
  readonly words: readonly string[]
  /** The candidates as lines for the shell. */
  readonly show: (candidates: readonly Candidate[]) => string[]
}

/** What the daemon knows, else what is known without it. */
async function known(
  parts: CliParts,
  { candidates, ask, dir }: ReturnType<typeof complete>,
): Promise<readonly Candidate[]> {
  const answer = ask && (await askDaemon(parts, ask, resolve(parts.cwd, dir ?? '.')))
  return answer?.map(({ value, help }) => ({ value: (ask?.before ?? '') + value, help })) ?? candidates
}

async function askDaemon(
  parts: CliParts,
  { of, prefix }: NonNullable<Completion['ask']>,
  dir: string,
): Promise<readonly Candidate[] | undefined> {
  const context = inRepository({ ...parts, globals: {}, dir })
  let timer: NodeJS.Timeout | undefined
  const outcome = await talk(
    context,
    { id: 1, op: 'suggest', input: { of, prefix } },
    {
      onOpen(hangUp) {
        timer = setTimeout(hangUp, PATIENCE_MS)
      },
    },
  )
  clearTimeout(timer)
  const result = outcome.type === 'result' ? (outcome.result as { items: readonly Candidate[] } | null) : null
  return result?.items
}

function fromWords(shell: string, args: readonly string[]): Asked {
  // fish puts a -- before the word at the cursor, which may look like a flag of its own.
  const words = shell === 'fish' ? args.filter((_, i) => i !== args.length - 2) : args
  const show = (candidates: readonly Candidate[]): string[] =>
    candidates.map(({ value, help }) => `${oneLine(value)}\t${truncate(oneLine(help), HELP_COLUMNS)}`)
  return { words, show }
}

/** Bash shows what it would insert: so help stands behind the words where there are several, which then share no part of it. */
function fromBash([compType = '', line = '']: readonly string[]): Asked {
  const words = shellWords(line).slice(1)
  // Bash replaces only what follows the last = or : of the word.
  const cut = /^.*[=:]/s.exec(words.at(-1) ?? '')?.[0].length ?? 0
  const quote = endsInQuotes(line) ? String : quoted
  const show = (candidates: readonly Candidate[]): string[] => {
    const values = candidates.map(({ value }) => quote(oneLine(value).slice(cut)))
    if (values.length === 1 || INSERTING.includes(compType)) return values
    const width = Math.max(0, ...values.map((value) => value.length))
    return candidates.map(({ help }, i) => {
      const value = values[i] ?? ''
      return help === '' ? value : `${value.padEnd(width)}  (${truncate(oneLine(help), HELP_COLUMNS)})`
    })
  }
  return { words, show }
}
