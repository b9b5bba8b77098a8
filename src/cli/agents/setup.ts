import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join, sep } from 'node:path'
import { OrchError, reasonOf } from '../../base/error.ts'
import { mainWorktreeOf } from '../../base/repository.ts'
import type { RepositoryContext } from '../context.ts'
import { type Command, type Entry, entriesFor } from './entries.ts'

/** What is to be done to one file. */
export interface Step {
  readonly file: string
  readonly what: string
  /** `left` says why in `reason`. */
  readonly does: 'make' | 'add' | 'nothing' | 'left'
  readonly reason?: string
  readonly text?: string
}

/** What was done to a file, so that it can be taken back exactly. */
interface Receipt {
  readonly file: string
  /** As it was; null when there was none. */
  readonly before: string | null
  /** Of the text that was written. */
  readonly hash: string
  /** The folders that were made for it. */
  readonly folders: readonly string[]
}

interface Receipts {
  readonly command: Command
  readonly files: readonly Receipt[]
}

/** What telling agents of orch does to the files of the repository. Changes nothing. */
export function planAgents(context: RepositoryContext): readonly Step[] {
  const root = mainWorktreeOf(context.repository)
  const claude = join(root, 'CLAUDE.md')
  return entriesFor(commandOf(context)).flatMap((entry): readonly Step[] => {
    // Claude Code reads no AGENTS.md; where a project has a CLAUDE.md that leads to it, it is enough.
    if (entry.file === 'CLAUDE.md' && (!existsSync(claude) || leadsToAgents(root))) return []
    return [stepOf(root, entry)]
  })
}

function stepOf(root: string, { file, what, put }: Entry): Step {
  const path = join(root, file)
  const left = (reason: string): Step => ({ file, what, does: 'left', reason })
  try {
    const outside = strangeness(root, path)
    if (outside !== undefined) return left(outside)
    const before = readIfThere(path)
    const text = put(before ?? '')
    if (text === undefined) return left('it has something else under this name')
    if (text === before) return { file, what, does: 'nothing' }
    return { file, what, does: before === undefined ? 'make' : 'add', text }
  } catch (error) {
    return left(reasonOf(error))
  }
}

/** Does what was planned, and writes down how to take it back. */
export function doAgents(context: RepositoryContext, steps: readonly Step[]): void {
  const root = mainWorktreeOf(context.repository)
  for (const { file, text } of steps) {
    if (text === undefined) continue
    const path = join(root, file)
    const before = readIfThere(path) ?? null
    const folders = makeFolders(root, dirname(path))
    // First the receipt: what is not there is not taken back, but what is there must be.
    keepReceipt(context, { file, before, hash: hashOf(text), folders })
    writeWhole(path, text)
  }
}

/** The files that hold something that was put there. */
export function agentFiles(context: RepositoryContext): readonly string[] {
  return receiptsOf(context)?.files.map(({ file }) => file) ?? []
}

/** Takes out exactly what was put in; gives the files of which something had to stay. */
export function removeAgents(context: RepositoryContext): readonly string[] {
  const root = mainWorktreeOf(context.repository)
  const receipts = receiptsOf(context)
  if (!receipts) return []
  const entries = entriesFor(receipts.command)
  const stays = receipts.files.toReversed().filter(({ file, before, hash, folders }) => {
    const path = join(root, file)
    const now = readIfThere(path)
    if (now === undefined) return false
    const entry = entries.find((one) => one.file === file)
    const text = hashOf(now) === hash ? before : taken(entry, now, before)
    if (text === undefined) return true
    if (text === null) rmSync(path)
    else writeWhole(path, text)
    for (const folder of folders.toReversed()) removeIfEmpty(join(root, folder))
    return false
  })
  rmSync(receiptFile(context), { force: true })
  return stays.map(({ file }) => file)
}

/** Without the entry, where the file was changed since; null for no file, undefined when it is not as it was put. */
function taken(entry: Entry | undefined, now: string, before: string | null): string | null | undefined {
  try {
    const text = entry?.take(now)
    if (text === undefined) return undefined
    return before === null && entry?.isEmpty(text) ? null : text
  } catch {
    return undefined
  }
}

/** By its name where the path leads to this program: what is written is shared with others. */
function commandOf({ env, daemonScript }: RepositoryContext): Command {
  const program = join(dirname(daemonScript), 'orch.js')
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, 'orch')
    try {
      accessSync(candidate, constants.X_OK)
      if (statSync(candidate).isFile()) return { command: 'orch', args: [] }
    } catch {
      // Not there.
    }
  }
  return { command: process.execPath, args: [program] }
}

/** Whether agents would find the program of this machine only. */
export function isLocalOnly(context: RepositoryContext): boolean {
  return commandOf(context).command !== 'orch'
}

function leadsToAgents(root: string): boolean {
  const claude = join(root, 'CLAUDE.md')
  if (lstatSync(claude).isSymbolicLink()) {
    const agents = join(root, 'AGENTS.md')
    return existsSync(agents) && realpathSync(claude) === realpathSync(agents)
  }
  return /^\s*@(?:\.\/)?AGENTS\.md\s*$/m.test(readFileSync(claude, 'utf8'))
}

/** Why a path is none that may be written; undefined when it is. */
function strangeness(root: string, path: string): string | undefined {
  for (let place = path; place !== root; place = dirname(place)) {
    const stat = lstatSync(place, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) return 'it is a link to another place'
    if (stat && place === path && !stat.isFile()) return 'it is no file'
  }
  return undefined
}

function makeFolders(root: string, folder: string): readonly string[] {
  const made: string[] = []
  for (let place = folder; place !== root && !existsSync(place); place = dirname(place)) {
    made.unshift(
      place
        .slice(root.length + 1)
        .split(sep)
        .join('/'),
    )
  }
  mkdirSync(folder, { recursive: true })
  return made
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Others put something there, or it is gone.
  }
}

function writeWhole(path: string, text: string): void {
  const mode = existsSync(path) ? statSync(path).mode & 0o777 : 0o644
  const temporary = `${path}.orch-${process.pid}`
  try {
    writeFileSync(temporary, text, { mode })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new OrchError('read_only', { path, reason: reasonOf(error) }, error)
  }
}

function receiptFile({ paths }: RepositoryContext): string {
  return join(paths.dir, 'agents.json')
}

function receiptsOf(context: RepositoryContext): Receipts | undefined {
  const text = readIfThere(receiptFile(context))
  return text === undefined ? undefined : (JSON.parse(text) as Receipts)
}

/** Of two times in one file, the first knows how it was before orch; with what others changed since, if they did. */
function keepReceipt(context: RepositoryContext, receipt: Receipt): void {
  const command = commandOf(context)
  const known = receiptsOf(context)
  const first = known?.files.find(({ file }) => file === receipt.file)
  const files = known?.files.filter(({ file }) => file !== receipt.file) ?? []
  writeWhole(
    receiptFile(context),
    `${JSON.stringify({ command, files: [...files, first && known ? joined(first, receipt, known.command) : receipt] }, null, 2)}\n`,
  )
}

function joined(first: Receipt, second: Receipt, command: Command): Receipt {
  const { before: now } = second
  if (now === null) return second
  const folders = first.folders
  if (hashOf(now) === first.hash) return { ...second, folders, before: first.before }
  const entry = entriesFor(command).find(({ file }) => file === second.file)
  return {
    ...second,
    folders,
    before: taken(entry, now, first.before) ?? (entry?.take(now) === undefined ? now : null),
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
