import type { Manifest, Parameter } from '../api/manifest.ts'
import type { LocalCommand } from './local-commands.ts'

/** A word that may stand where the cursor is. */
export interface Candidate {
  readonly value: string
  readonly help: string
}

/** How a half-typed command line may go on. */
export interface Completion {
  readonly candidates: readonly Candidate[]
  /** Values that the daemon knows; `before` stands in front of each in the same word. Instead of the candidates, where it answers. */
  readonly ask?: { readonly of: string; readonly prefix: string; readonly before: string }
  /** The shell itself knows the names of files. */
  readonly files?: 'files' | 'dirs'
}

/** What completion needs to know of a command. */
interface Command {
  readonly command: string
  readonly help: string
  readonly positionals: readonly Parameter[]
  readonly flags: readonly Parameter[]
  readonly paths?: readonly string[]
}

const global = (name: string, help: string, more: Partial<Parameter> = {}): Parameter => ({
  name,
  property: name,
  type: 'boolean',
  repeat: false,
  required: false,
  help,
  ...more,
})

const GLOBALS: readonly Parameter[] = [
  global('json', 'print JSON for programs'),
  global('as', 'who acts', { type: 'text', suggest: 'actor' }),
  global('no-color', 'never colour'),
  global('help', 'show what a command does'),
]
const DIRECTORY = '-C'
const NOTHING: Completion = { candidates: [] }

/** What has been typed before the cursor, understood. */
interface Typed {
  /** The words of the command, as far as they are known. */
  readonly path: readonly string[]
  readonly command: Command | undefined
  readonly positionals: number
  readonly used: ReadonlySet<string>
  /** A flag whose value comes next. */
  readonly pending: Parameter | typeof DIRECTORY | undefined
  /** The directory that -C names. */
  readonly dir: string | undefined
  readonly isPlain: boolean
}

/** Finds how a command line may go on; the last word is the one at the cursor, maybe empty. */
export function complete(
  words: readonly string[],
  manifest: Manifest,
  local: readonly LocalCommand[],
): Completion & { readonly dir?: string | undefined } {
  const commands: readonly Command[] = [
    ...manifest.commands.filter(({ command }) => !local.some((own) => own.command === command)),
    ...local,
  ]
  const [current = '', ...before] = [...words].reverse()
  const isHelp = before.at(-1) === 'help'
  const typed = understand(before.reverse().slice(isHelp ? 1 : 0), commands)
  const completion = next(typed, current, commands, !isHelp)
  const candidates = completion.candidates.filter(({ value }) => value.startsWith(current))
  return { ...completion, candidates, dir: typed.dir }
}

function next(typed: Typed, current: string, commands: readonly Command[], mayHelp: boolean): Completion {
  const { command, pending, isPlain } = typed
  if (pending === DIRECTORY) return { candidates: [], files: 'dirs' }
  if (pending) return valuesOf(pending, current, '', command)
  if (current.startsWith('-') && !isPlain) return flagsOf(typed, current)
  if (!command) return wordsAfter(typed.path, commands, mayHelp)
  const positional = command.positionals[typed.positionals] ?? command.positionals.at(-1)
  const isOver = !positional || (typed.positionals >= command.positionals.length && !positional.repeat)
  if (!isOver) return valuesOf(positional, current, '', command)
  return current === '' && !isPlain ? flagsOf(typed, current) : NOTHING
}

function understand(words: readonly string[], commands: readonly Command[]): Typed {
  const used = new Set<string>()
  let [path, command]: [readonly string[], Command | undefined] = [[], undefined]
  let pending: Typed['pending']
  let [positionals, isPlain] = [0, false]
  let dir: string | undefined
  for (const word of words) {
    if (pending) {
      if (pending === DIRECTORY) dir = word
      pending = undefined
    } else if (isPlain || !word.startsWith('-') || word === '-') {
      // A command may be the beginning of others: `import`, `import backlog`.
      const longer = positionals > 0 ? undefined : commands.find((one) => one.command === [...path, word].join(' '))
      if (command && !longer) positionals++
      else {
        path = [...path, word]
        command = longer
      }
    } else if (word === '--') isPlain = true
    else if (word === DIRECTORY) pending = DIRECTORY
    else {
      const [name = '', value] = word.slice(2).split('=', 2)
      const flag = flagNamed(command, name)
      used.add(name)
      if (flag && flag.type !== 'boolean' && value === undefined) pending = flag
    }
  }
  return { path, command, positionals, used, pending, dir, isPlain }
}

/** The words that a command's name may go on with. */
function wordsAfter(path: readonly string[], commands: readonly Command[], mayHelp: boolean): Completion {
  const below = commands.filter(({ command }) => path.every((word, i) => command.split(' ')[i] === word))
  const found = new Map<string, string>()
  for (const { command, help } of below) {
    const words = command.split(' ')
    const word = words[path.length]
    if (word === undefined) continue
    const isLast = words.length === path.length + 1
    const known = found.get(word)
    const text = isLast ? (help.split(/[.:;] |\.$/, 1)[0] ?? '') : (words[path.length + 1] ?? '')
    found.set(word, known === undefined ? text : `${known}, ${text}`)
  }
  if (mayHelp && path.length === 0) found.set('help', 'Shows what a command does')
  return { candidates: [...found].map(([value, help]) => ({ value, help })) }
}

function flagsOf({ command, used }: Typed, current: string): Completion {
  const [, name = '', value] = /^--([^=]*)=(.*)$/s.exec(current) ?? []
  const flag = value === undefined ? undefined : flagNamed(command, name)
  if (value !== undefined)
    return flag && flag.type !== 'boolean' ? valuesOf(flag, value, `--${name}=`, command) : NOTHING
  const free = [...(command?.flags ?? []), ...GLOBALS].filter((one) => one.repeat || !used.has(one.name))
  return {
    candidates: [
      ...free.map((one) => ({ value: `--${one.name}`, help: one.help })),
      { value: DIRECTORY, help: 'work as if started in this directory' },
    ],
  }
}

function valuesOf(
  { suggest, choices, known, property }: Parameter,
  prefix: string,
  before: string,
  command: Command | undefined,
): Completion {
  if (command?.paths?.includes(property)) return before === '' ? { candidates: [], files: 'files' } : NOTHING
  const candidates = (choices ?? known ?? []).map((value) => ({ value: before + value, help: '' }))
  return { candidates, ...(suggest !== undefined && { ask: { of: suggest, prefix, before } }) }
}

function flagNamed(command: Command | undefined, name: string): Parameter | undefined {
  return [...(command?.flags ?? []), ...GLOBALS].find((flag) => flag.name === name)
}
