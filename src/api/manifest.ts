import { z } from 'zod'
import type { Kinds } from '../model/kind-set.ts'
import type { Operation, View } from './operation.ts'

/** The table of operations as plain JSON: all that a command line needs to know of it, without a schema library. */
export interface Manifest {
  readonly commands: readonly ManifestCommand[]
}

export interface ManifestCommand {
  /** `task create` */
  readonly command: string
  readonly operation: string
  readonly effect: Operation['effect']
  readonly help: string
  readonly positionals: readonly Parameter[]
  readonly flags: readonly Parameter[]
  /** The property that standard input may give. */
  readonly stdin?: string
  /** Properties that are paths on the caller's machine. */
  readonly paths?: readonly string[]
  readonly view: View
  readonly examples: readonly string[]
}

/** One property of an operation's input, as a flag or a positional argument. */
export interface Parameter {
  /** As it is typed: `add-label`. */
  readonly name: string
  readonly property: string
  /** JSON is sent as it was typed; the operation parses it. */
  readonly type: 'text' | 'number' | 'boolean' | 'json'
  /** May be given several times. */
  readonly repeat: boolean
  readonly required: boolean
  readonly help: string
  readonly choices?: readonly string[]
  /** What its values can be taken from, for the operation `suggest`: `task`, `task.labels`, `peer`. */
  readonly suggest?: string
  /** Values that are known without asking; others may be valid, too. */
  readonly known?: readonly string[]
}

/** What every command understands besides its own flags. */
export const GLOBAL_FLAGS: readonly string[] = ['json', 'as', 'color', 'no-color', 'help', 'version']

/** Derives the manifest. Throws where a property has no help, or a flag would hide a global one. */
export function manifestOf(operations: readonly Operation[], kinds: Kinds): Manifest {
  return { commands: operations.filter(({ cli }) => !cli.hidden).map((operation) => commandOf(operation, kinds)) }
}

interface Property {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly items?: Property
  readonly anyOf?: readonly Property[]
  readonly $ref?: string
}

function commandOf({ name, effect, help, input, cli }: Operation, kinds: Kinds): ManifestCommand {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Property>
    required?: readonly string[]
  }
  const properties = schema.properties ?? {}
  const parameter = (property: string): Parameter => {
    const declared = properties[property]
    if (!declared) throw new Error(`${name} has no input "${property}"`)
    const flag = cli.flags?.[property] ?? kebabCase(property)
    const required = (schema.required?.includes(property) ?? false) && property !== cli.stdin
    return {
      ...parameterOf(`${name}.${property}`, flag, property, declared, required),
      ...hintsFor(kinds, name, property),
    }
  }
  const flags = Object.keys(properties)
    .filter((property) => !cli.positionals.includes(property))
    .map(parameter)
  for (const flag of flags) {
    if (GLOBAL_FLAGS.includes(flag.name)) throw new Error(`${name}: --${flag.name} is a flag of every command`)
  }
  return {
    command: cli.command,
    operation: name,
    effect,
    help,
    positionals: cli.positionals.map(parameter),
    flags,
    ...(cli.stdin !== undefined && { stdin: cli.stdin }),
    ...(cli.paths !== undefined && { paths: cli.paths }),
    view: cli.view,
    examples: cli.examples,
  }
}

/** Where a shell finds values to choose from, told by what the property is called and whose operation it belongs to. */
function hintsFor(kinds: Kinds, operation: string, property: string): Pick<Parameter, 'suggest' | 'known'> {
  const [prefix, verb] = operation.split('.')
  const kind = kinds.record(prefix ?? '')
  if (property === 'id' || (property === 'path' && kind?.fileName === 'path')) {
    const name = kind?.name ?? 'record'
    return { suggest: verb === 'restore' ? `deleted ${name}` : name }
  }
  const bare = property.replace(/^(?:add|remove)([A-Z])/, (_, letter: string) => letter.toLowerCase())
  const field = kind?.fields[bare]
  if (kind && field) {
    const { type } = field.value
    if (field.value.type === 'ref') return { suggest: field.value.kind }
    if (field.value.type === 'choice') return { suggest: `${kind.name}.${bare}`, known: field.value.choices }
    return type === 'text' && field.indexed ? { suggest: `${kind.name}.${bare}` } : {}
  }
  if (kinds.record(property)) return { suggest: property }
  if (property === 'actor') return { suggest: 'actor' }
  if (operation === 'peer.remove') return { suggest: 'peer' }
  return property === 'key' ? { suggest: `${prefix}` } : {}
}

function parameterOf(where: string, name: string, property: string, declared: Property, required: boolean): Parameter {
  const repeat = declared.type === 'array'
  const value = (repeat ? declared.items : declared) ?? {}
  const help = declared.description ?? value.description
  if (!help) throw new Error(`${where} has no help: give it .describe()`)
  const choices = value.enum?.map(String)
  return { name, property, type: typeOf(value), repeat, required, help, ...(choices && { choices }) }
}

function typeOf({ type, enum: choices }: Property): Parameter['type'] {
  const types = [type ?? []].flat().filter((name) => name !== 'null')
  if (choices || types.length > 1) return 'text'
  switch (types[0]) {
    case 'string':
      return 'text'
    case 'number':
    case 'integer':
      return 'number'
    case 'boolean':
      return 'boolean'
    default:
      return 'json'
  }
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
