import { schemaText } from '../api/graphql/schema.ts'
import type { Manifest, Parameter } from '../api/manifest.ts'
import { errorCodes } from '../base/error.ts'
import type { LocalCommand } from '../cli/local-commands.ts'
import { configReference, exampleFile } from '../config/reference.ts'
import { builtInKinds } from '../model/kinds.ts'
import { kindsReference } from './docs-kinds.ts'

/** Every document that is derived from a table, by path. A test holds the files to them. */
export function generatedDocs(manifest: Manifest, local: readonly LocalCommand[]): Readonly<Record<string, string>> {
  return {
    'docs/cli.md': cliReference(manifest, local),
    'docs/errors.md': errorReference(),
    'docs/config.md': configReference(),
    'docs/kinds.md': kindsReference(builtInKinds),
    'docs/schema.graphql': schemaText(builtInKinds),
    '.orchrc.example': exampleFile(),
  }
}

/** `docs/cli.md` */
function cliReference({ commands }: Manifest, local: readonly LocalCommand[]): string {
  const operations = commands.filter(({ command }) => !local.some((own) => own.command === command))
  return `${[
    '# Commands',
    '',
    '<!-- Generated from the operations by `npm run docs`. -->',
    '',
    'Every command takes `--json` (print `{"orch":1,"result":…}` or `{"orch":1,"error":…}`; fields may be added, none goes away), `--as <actor>` or `ORCH_ACTOR` (who acts; recorded as unverified), `ORCH_SESSION` (the session it belongs to, by default your only active one), `--no-color`, `-C <dir>` and `--help`. Where a flag takes a text, `-` reads it from standard input. Ids may be shortened as long as they are unique. A group without a word more lists: `orch attention` is `orch attention list`. Output in a pipe is plain and never cut. Exit codes are in [errors.md](errors.md).',
    '',
    ...operations.flatMap((command) =>
      section(command.command, command, [
        ...(command.stdin === undefined ? [] : [`Without \`${command.stdin}\`, it is read from standard input.`]),
      ]),
    ),
    ...local.flatMap((command) => section(command.command, command, [])),
  ]
    .join('\n')
    .trimEnd()}\n`
}

interface Described {
  readonly help: string
  readonly positionals: readonly Parameter[]
  readonly flags: readonly Parameter[]
  readonly examples: readonly string[]
}

function section(
  name: string,
  { help, positionals, flags, examples }: Described,
  notes: readonly string[],
): readonly string[] {
  const usage = [`orch ${name}`, ...positionals.map(argument), ...(flags.length > 0 ? ['[flags]'] : [])].join(' ')
  const rows = [
    ...positionals.map((one) => [argument(one), one] as const),
    ...flags.map((one) => [flag(one), one] as const),
  ]
  return [
    `## orch ${name}`,
    '',
    help,
    '',
    `    ${usage}`,
    '',
    ...(rows.length > 0
      ? ['| | |', '|---|---|', ...rows.map(([shown, one]) => `| \`${shown}\` | ${describe(one)} |`), '']
      : []),
    ...notes.flatMap((note) => [note, '']),
    ...(examples.length > 0 ? ['```sh', ...examples, '```', ''] : []),
  ]
}

function argument({ name, repeat, required }: Parameter): string {
  const shown = `${name}${repeat ? '...' : ''}`
  return required ? `<${shown}>` : `[${shown}]`
}

function flag({ name, type }: Parameter): string {
  return type === 'boolean' ? `--${name}` : `--${name} <${type === 'number' ? 'n' : type}>`
}

function describe({ help, repeat, required, choices }: Parameter): string {
  const notes = [repeat && 'may be repeated', required && 'required'].filter(Boolean).join(', ')
  const named = choices ? `${help} (${choices.join(', ')})` : help
  return `${notes ? `${named}; ${notes}` : named}`.replaceAll('|', '\\|')
}

/** `docs/errors.md` */
function errorReference(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { exit, http, message, hint }]) => `| \`${code}\` | ${exit} | ${http} | ${cell(message)} | ${cell(hint)} |`,
  )
  return [
    '# Errors',
    '',
    '<!-- Generated from src/base/error.ts by `npm run docs`. -->',
    '',
    'Every refusal has one of these codes, on every surface. Exit codes by group: 0 done, 1 a bug in orch, 2 bad input, 3 not found, 4 refused by the state as it is now, 5 the repository, 6 the disk, 7 the daemon, 8 not allowed.',
    '',
    '| code | exit | HTTP | message | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
