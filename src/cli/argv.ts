import { Command, CommanderError, Option } from 'commander'
import type { Manifest, ManifestCommand, Parameter } from '../api/manifest.ts'
import { OrchError } from '../base/error.ts'
import { meant, nearest } from '../base/nearest.ts'
import type { LocalCommand } from './local-commands.ts'

export interface Globals {
  /** Print JSON, for programs. */
  readonly json?: boolean
  /** Who acts. */
  readonly as?: string
  /** False: never colour. */
  readonly color?: boolean
  /** Work as if started here. */
  readonly C?: string
}

export type Invocation =
  | {
      readonly type: 'operation'
      readonly command: ManifestCommand
      readonly input: Readonly<Record<string, unknown>>
      readonly globals: Globals
    }
  | {
      readonly type: 'local'
      readonly command: LocalCommand
      readonly input: Readonly<Record<string, unknown>>
      readonly globals: Globals
    }
  /** Help or the version: to be printed as it is. */
  | { readonly type: 'print'; readonly text: string }
  /** `orch` alone. */
  | { readonly type: 'overview'; readonly globals: Globals; readonly help: string }

export interface CommandTable {
  readonly manifest: Manifest
  readonly local: readonly LocalCommand[]
  readonly version: string
}

type AnyCommand = ManifestCommand | LocalCommand

/** Reads a command line. Throws `usage` or `invalid_input`, naming the nearest known word. */
export function parseArgv(argv: readonly string[], table: CommandTable): Invocation {
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv
  let output = ''
  let found: Invocation | undefined
  const program = createProgram(table.version, (text) => {
    output += text
  })
  for (const command of needed(words, table)) {
    addLeaf(program, command, (input, globals) => {
      found =
        'operation' in command
          ? { type: 'operation', command, input, globals }
          : { type: 'local', command, input, globals }
    })
  }
  for (const group of program.commands.filter(({ commands }) => commands.length > 0)) {
    group.summary(group.commands.map((command) => command.name()).join(', '))
  }
  program.action(() => {
    const [word] = program.args
    if (word !== undefined) throw unknownCommand(program, word)
    found = { type: 'overview', globals: globalsOf(program), help: program.helpInformation() }
  })
  try {
    program.parse(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0 || error.code === 'commander.help') return { type: 'print', text: output }
    throw new OrchError('usage', { reason: sentence(error.message) }, error)
  }
  return found ?? { type: 'print', text: output }
}

/** Only the command that is asked for, when that is plain from the first words: building all of them takes time. */
function needed(argv: readonly string[], { manifest, local }: CommandTable): readonly AnyCommand[] {
  const all = [...manifest.commands.filter(({ command }) => !local.some((own) => own.command === command)), ...local]
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ')
    const exact = all.filter(({ command }) => command === name)
    if (exact.length > 0) return exact
  }
  return all
}

function createProgram(version: string, write: (text: string) => void): Command {
  const program = new Command('orch')
    .description('The shared working memory of a git repository.')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write, outputError: () => undefined })
    .enablePositionalOptions()
    .allowExcessArguments()
    .configureHelp({ subcommandTerm: (command) => command.name() })
  return addGlobals(program, false)
}

function addGlobals(command: Command, hidden: boolean): Command {
  const globals = [
    new Option('--json', 'print JSON for programs: {"orch":1,"result":...} or {"orch":1,"error":...}'),
    new Option('--as <actor>', 'who acts (also ORCH_ACTOR)'),
    new Option('--no-color', 'never colour (also NO_COLOR)'),
    new Option('-C <dir>', 'work as if started in this directory'),
  ]
  for (const option of globals) command.addOption(option.hideHelp(hidden))
  return command
}

/** What was typed of them at any level: `orch --json task list` and `orch task list --json` are the same. */
function globalsOf(command: Command): Globals {
  const typed: Record<string, unknown> = {}
  for (let level: Command | null = command; level !== null; level = level.parent) {
    for (const name of ['json', 'as', 'color', 'C']) {
      if (level.getOptionValueSource(name) === 'cli') typed[name] ??= level.getOptionValue(name)
    }
  }
  return typed
}

/** What a group does without a word more, where it can. */
const LIST = 'list'

function addLeaf(
  program: Command,
  command: AnyCommand,
  run: (input: Record<string, unknown>, globals: Globals) => void,
): void {
  const [first = '', second] = command.command.split(' ')
  const parent = second === undefined ? program : groupOf(program, first)
  const leaf = addGlobals(parent.command(second ?? first), true)
    .description(command.help)
    .summary(command.help.replace(/[.:;] .*$/s, '').replace(/\.$/, ''))
    .usage(usageOf(command))
    .allowExcessArguments(false)
  leaf.exitOverride((error) => {
    throw error.code === 'commander.unknownOption' ? unknownOption(command, error) : error
  })
  for (const parameter of command.positionals) {
    const name = `${parameter.name}${parameter.repeat ? '...' : ''}`
    leaf.argument(parameter.required ? `<${name}>` : `[${name}]`, parameter.help)
  }
  for (const parameter of command.flags) leaf.addOption(toOption(parameter))
  if (second === LIST) parent.usage(`[command]\n\nWithout a word more it lists.`)
  leaf.addHelpText('after', afterHelp(command))
  leaf.action((...args: unknown[]) => run(toInput(command, leaf, args), globalsOf(leaf)))
}

function usageOf({ positionals, flags }: AnyCommand): string {
  const words = positionals.map(({ name, repeat, required }) => {
    const shown = `${name}${repeat ? '...' : ''}`
    return required ? `<${shown}>` : `[${shown}]`
  })
  return [...words, ...(flags.length > 0 ? ['[flags]'] : [])].join(' ')
}

function groupOf(program: Command, name: string): Command {
  const known = program.commands.find((command) => command.name() === name)
  if (known) return known
  const group = addGlobals(program.command(name), true).usage('<command>')
  return group.enablePositionalOptions().action(() => {
    const [word] = group.args
    if (word !== undefined) throw unknownCommand(group, word, `${name} `)
    const list = group.commands.find((command) => command.name() === LIST)
    if (list) {
      list.parse([], { from: 'user' })
      return
    }
    const names = group.commands.map((command) => `${name} ${command.name()}`).join(', ')
    throw new OrchError('usage', { reason: `"orch ${name}" needs a word more: ${names}` })
  })
}

function unknownCommand(parent: Command, word: string, before = ''): OrchError {
  const known = parent.commands.map((command) => command.name())
  const near = nearest(word, known)
  const help = near ? `did you mean "${before}${near}"?` : `there are: ${known.join(', ')}`
  return new OrchError('usage', { reason: `There is no command "${before}${word}"; ${help}` })
}

/** Names the flags that it may have meant: they go by their own names and by those of their properties. */
function unknownOption({ flags }: AnyCommand, error: CommanderError): OrchError {
  const [, typed = ''] = /'--?(?:no-)?([\w-]+)/.exec(error.message) ?? []
  const names = new Map(
    flags.flatMap(
      ({ name, property }) =>
        [
          [property, name],
          [name, name],
        ] as const,
    ),
  )
  const found = [...new Set(meant(typed, [...names.keys()]).map((one) => names.get(one)))]
  const help = found.length > 0 ? `; did you mean ${found.map((one) => `--${one}`).join(' or ')}?` : ''
  return new OrchError(
    'usage',
    { reason: `${sentence(error.message).replace(/; did you mean .*/s, '')}${help}` },
    error,
  )
}

function toOption(parameter: Parameter): Option {
  const { name, type, help, repeat, required, choices } = parameter
  const flags = type === 'boolean' ? `--${name}` : `--${name} <${type === 'number' ? 'n' : type}>`
  const option = new Option(flags, choices ? `${help}: ${choices.join(', ')}` : help).makeOptionMandatory(required)
  if (type === 'boolean') return option
  return option.argParser((text: string, before: unknown) => {
    const value = parsed(parameter, text)
    return repeat ? [...((before as readonly unknown[] | undefined) ?? []), value] : value
  })
}

function toInput(command: AnyCommand, leaf: Command, args: readonly unknown[]): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  command.positionals.forEach((parameter, i) => {
    const given = args[i]
    if (given === undefined || (Array.isArray(given) && given.length === 0)) return
    input[parameter.property] = Array.isArray(given)
      ? given.map((text: string) => parsed(parameter, text))
      : parsed(parameter, given as string)
  })
  const options = leaf.opts<Record<string, unknown>>()
  for (const parameter of command.flags) {
    const given = options[camelCase(parameter.name)]
    if (given !== undefined) input[parameter.property] = given
  }
  return input
}

function parsed({ name, type, choices }: Parameter, text: string): unknown {
  if (choices && !choices.includes(text)) {
    throw new OrchError('invalid_input', { field: name, reason: `"${text}" is not one of ${choices.join(', ')}` })
  }
  if (type !== 'number') return text
  const number = Number(text)
  if (text.trim() === '' || Number.isNaN(number)) {
    throw new OrchError('invalid_input', { field: name, reason: `"${text}" is not a number` })
  }
  return number
}

function afterHelp({ examples }: AnyCommand): string {
  const shown = examples.length > 0 ? `\nExamples:\n${examples.map((example) => `  ${example}\n`).join('')}` : ''
  return `${shown}\nEvery command takes --json, --as <actor>, --no-color and -C <dir>; see \`orch help\`.`
}

/** commander's `error: unknown command 'tsk'\n(Did you mean task?)` as one sentence. */
function sentence(message: string): string {
  const text = message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)/s, '; did you mean $1?')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
