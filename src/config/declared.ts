import type { z } from 'zod'
import { type ManifestCommand, manifestOf } from '../api/manifest.ts'
import type { Operation } from '../api/operation.ts'
import { contextOperations } from '../api/operations/contexts.ts'
import { recordOperations } from '../api/operations/records.ts'
import { sessionOperations } from '../api/operations/sessions.ts'
import { operationsOf } from '../api/operations.ts'
import { OrchError } from '../base/error.ts'
import { shortHash } from '../base/hash.ts'
import { localCommands } from '../cli/local-commands.ts'
import { DeclarationError } from '../model/declaration.ts'
import { declareKinds } from '../model/declare.ts'
import type { Field } from '../model/field.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { builtInKinds } from '../model/kinds.ts'
import type { Config } from './options.ts'

type Declaring = Pick<Config, 'statuses' | 'fields' | 'kinds'>

/** The kinds of a project as its configuration declares them. Throws `invalid_config`, naming the key and what is the matter. */
export function projectKinds(config: Declaring, file: string): Kinds {
  const { statuses, fields, kinds } = config
  if ([statuses, fields, kinds].every((part) => Object.keys(part).length === 0)) return builtInKinds
  try {
    return declareKinds(builtInKinds, { statuses, fields, kinds })
  } catch (error) {
    throw refusal(error, file)
  }
}

function refusal(error: unknown, file: string): unknown {
  if (!(error instanceof DeclarationError)) return error
  const suggestion = 'Change it there; docs/kinds.md shows what can be declared. What is stored stays as it is.'
  return new OrchError('invalid_config', { file, reason: error.message, suggestion }, error)
}

/** Names what the configuration declares: two declarations that say the same have the same name. '' for none. */
export function declarationHash(config: Declaring): string {
  const { statuses, fields, kinds } = config
  const said = JSON.stringify([statuses, fields, kinds])
  return said === '[{},{},{}]' ? '' : shortHash(said)
}

/**
 * The commands of the kinds that a project declares or adds to. Throws `invalid_config` where a declared name means
 * something else on the command line already. Takes a tenth of a second: what it answers is kept, see `keepCommands`.
 */
export function ownCommands(kinds: Kinds, file: string): readonly ManifestCommand[] {
  try {
    return saidCommands(kinds)
  } catch (error) {
    throw refusal(error, file)
  }
}

/** What own commands are derived from: the declaration ('' for none) and the operations, which builds of one version may have otherwise. */
export function ownCommandsStamp(kinds: Kinds, declaration: string): string {
  if (declaration === '') return ''
  const table = operationsOf(kinds).map(({ name, help, cli, input }) => [name, help, cli, propertyNames(input)])
  return `${declaration}-${shortHash(JSON.stringify(table))}`
}

function propertyNames(input: Operation['input']): readonly string[] {
  return Object.keys((input as unknown as z.ZodObject).shape ?? {})
}

/** Words of the command line that are no operation's. */
const LOCAL_COMMANDS = new Set(
  localCommands.flatMap(({ command }) => command.split(' ')[0] ?? []).concat('help', 'mcp'),
)

function saidCommands(kinds: Kinds): readonly ManifestCommand[] {
  const changed = kinds.records.filter((kind) => builtInKinds.record(kind.name) !== kind)
  if (changed.length === 0) return []
  const operations = operationsOf(kinds)
  const kindOf = (operation: Operation): RecordKind | undefined =>
    changed.find(({ name }) => operation.name.startsWith(`${name}.`))
  for (const kind of changed) {
    const isTaken = operations.some(
      (one) => one.cli.command.split(' ')[0] === kind.name && !one.name.startsWith(`${kind.name}.`),
    )
    if (kind.own && (isTaken || LOCAL_COMMANDS.has(kind.name))) {
      throw new DeclarationError(`kinds.${kind.name}`, 'orch has a command of this name; call it otherwise')
    }
    const made = recordOperations(kinds, kind).map(({ cli }) => cli.command)
    const twice = made.find((command, at) => made.indexOf(command) !== at)
    if (twice) {
      const where = kind.own ? `kinds.${kind.name}.fields` : `fields.${kind.name}`
      throw new DeclarationError(where, `one makes the command "${twice}", which is there already; call it otherwise`)
    }
    assertFieldsSaid(kinds, kind)
  }
  const { commands } = manifestOf(operations.filter(kindOf), kinds)
  for (const { command, operation, flags } of commands) {
    const kind = kinds.record(operation.split('.')[0] ?? '')
    const where = kind?.own ? `kinds.${kind.name}.fields` : `fields.${kind?.name}`
    const names = flags.map((flag) => flag.name)
    const twice = names.find((flag, at) => names.indexOf(flag) !== at)
    if (twice)
      throw new DeclarationError(where, `two have the flag --${twice} in "orch ${command}"; give one another flag`)
  }
  return commands
}

/** A field whose name an operation uses for something else would take its place. */
function assertFieldsSaid(kinds: Kinds, kind: RecordKind): void {
  const own = Object.entries(kind.fields).filter(([, field]) => field.own)
  if (own.length === 0) return
  const bare = { ...kind, fields: Object.fromEntries(Object.entries(kind.fields).filter(([, field]) => !field.own)) }
  const others: Kinds = { ...kinds, own: (named) => (named.name === kind.name ? bare : kinds.own(named)) }
  const used = new Set(
    [...recordOperations(kinds, bare), ...sessionOperations(others), ...contextOperations(others)]
      .filter(({ name }) => name.startsWith(`${kind.name}.`))
      .flatMap(({ input }) => propertyNames(input)),
  )
  for (const [name, field] of own) {
    const clash = propertiesOf(name, field).find((property) => used.has(property) || GLOBAL.has(property))
    if (clash === undefined) continue
    const key = kind.own ? `kinds.${kind.name}.fields.${name}` : `fields.${kind.name}.${name}`
    throw new DeclarationError(key, `the commands of ${kind.name} use the word "${clash}" for something else`)
  }
}

const GLOBAL = new Set(['json', 'as', 'color', 'help', 'version', 'base', 'hash'])

function propertiesOf(name: string, { merge }: Field): readonly string[] {
  const capital = name.charAt(0).toUpperCase() + name.slice(1)
  if (merge === 'set') return [name, `add${capital}`, `remove${capital}`]
  return merge === 'counter' ? [name, `add${capital}`] : [name]
}
