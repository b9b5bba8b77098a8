import { Command, CommanderError, Option } from 'commander'
import type { Manifest, ManifestCommand, Parameter } from '../api/manifest.ts'
import { OrchError } from '../base/error.ts'
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
  program.action(() => {
    found = { type: 'overview', globals: program.opts<Globals>(), help: program.helpInformation() }
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
    .configureHelp({ showGlobalOptions: false })
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

function addLeaf(
  program: Command,
  command: AnyCommand,
  run: (input: Record<string, unknown>, globals: Globals) => void,
): void {
  const [first = '', second] = command.command.split(' ')
  const parent = second === undefined ? program : groupOf(program, first)
  const leaf = addGlobals(parent.command(second ?? first), true)
    .description(command.help)
    .allowExcessArguments(false)
  for (const parameter of command.positionals) {
    const name = `${parameter.name}${parameter.repeat ? '...' : ''}`
    leaf.argument(parameter.required ? `<${name}>` : `[${name}]`, parameter.help)
  }
  for (const parameter of command.flags) leaf.addOption(toOption(parameter))
  leaf.addHelpText('after', afterHelp(command))
  leaf.action((...args: unknown[]) => run(toInput(command, leaf, args), leaf.optsWithGlobals<Globals>()))
}

function groupOf(program: Command, name: string): Command {
  const known = program.commands.find((command) => command.name() === name)
  if (known) return known
  const group = addGlobals(program.command(name), true).description(`what can be done with: ${name}`)
  return group.enablePositionalOptions().action(() => {
    const [word] = group.args
    const reason = word === undefined ? `"${name}" needs a command after it` : `there is no command "${name} ${word}"`
    const names = group.commands.map((command) => `${name} ${command.name()}`).join(', ')
    throw new OrchError('usage', { reason: sentence(`${reason}; there are: ${names}`) })
  })
}

function toOption(parameter: Parameter): Option {
  const { name, type, help, repeat, required, choices } = parameter
  const option = new Option(type === 'boolean' ? `--${name}` : `--${name} <${type === 'number' ? 'n' : type}>`, help)
  if (choices) option.choices([...choices])
  const parse = choices ? option.parseArg : undefined
  if (type !== 'boolean') {
    option.argParser((text: string, before: unknown) => {
      const value = parse ? parse(text, undefined) : parsed(parameter, text)
      return repeat ? [...((before as unknown[] | undefined) ?? []), value] : value
    })
  }
  return option.makeOptionMandatory(required)
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
