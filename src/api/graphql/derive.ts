import type { InputFieldRef, InputRef, InputType, OutputType } from '@pothos/core'
import type { Builder, Types } from './builder.ts'

/** The part of JSON Schema that operations are written in. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

export type Scalar = 'String' | 'Float' | 'Boolean' | 'JSON'
export type Derived = OutputType<Types> | [OutputType<Types>]

const NAME = /^[A-Za-z_][0-9A-Za-z_]*$/

/** Makes GraphQL types of the outputs of operations. `recordType` knows the types of kinds. */
export function createOutputs(builder: Builder, recordType: (kind: string) => OutputType<Types> | undefined) {
  const derive = (name: string, schema: JsonSchema): { readonly type: Derived; readonly isNullable: boolean } => {
    const parts = schema.anyOf ?? []
    if (parts.length > 0) {
      const others = parts.filter(({ type }) => type !== 'null')
      const isNullable = others.length < parts.length
      const [only] = others
      return others.length === 1 && only
        ? { ...derive(name, only), isNullable: true }
        : { type: scalarOfAll(others), isNullable }
    }
    if (schema.type === 'array' && schema.items) {
      const { type } = derive(name, schema.items)
      return Array.isArray(type) ? { type: 'JSON', isNullable: false } : { type: [type], isNullable: false }
    }
    const kind = schema.properties?.kind?.const
    const record = typeof kind === 'string' ? recordType(kind) : undefined
    if (record) return { type: record, isNullable: false }
    if (schema.type === 'object' && schema.properties && Object.keys(schema.properties).length > 0) {
      return { type: objectOf(name, schema), isNullable: false }
    }
    return { type: scalarOf(schema), isNullable: false }
  }

  const objectOf = (name: string, schema: JsonSchema): OutputType<Types> => {
    const fields = Object.entries(schema.properties ?? {}).filter(([property]) => NAME.test(property))
    return builder.objectRef<Record<string, unknown>>(name).implement({
      ...(schema.description !== undefined && { description: schema.description }),
      fields: (t) =>
        Object.fromEntries(
          fields.map(([property, one]) => {
            const { type, isNullable } = derive(`${name}${capitalised(property)}`, one)
            return [
              property,
              t.field({
                type: type as OutputType<Types>,
                nullable: isNullable || !(schema.required?.includes(property) ?? false),
                ...(one.description !== undefined && { description: one.description }),
                resolve: (source: Record<string, unknown>) => source[property] as never,
              }),
            ]
          }),
        ) as never,
    })
  }
  return derive
}

/** The arguments of a field: the properties of an operation's input. */
export function argumentsOf(
  builder: { readonly arg: ArgumentMaker },
  schema: JsonSchema,
): Readonly<Record<string, InputFieldRef<Types, unknown>>> {
  return Object.fromEntries(
    Object.entries(schema.properties ?? {})
      .filter(([property]) => NAME.test(property))
      .map(([property, one]) => [
        property,
        builder.arg({
          type: inputTypeOf(one),
          required: schema.required?.includes(property) ?? false,
          ...(one.description !== undefined && { description: one.description }),
        }),
      ]),
  )
}

type ArgumentMaker = (options: {
  readonly type: InputType<Types> | [InputType<Types>]
  readonly required: boolean
  readonly description?: string
}) => InputFieldRef<Types, unknown>

export type { InputRef }

function inputTypeOf(schema: JsonSchema): InputType<Types> | [InputType<Types>] {
  if (schema.type === 'array' && schema.items) return [inputTypeOf(schema.items) as InputType<Types>]
  if (schema.type === 'integer') return 'Int'
  return schema.anyOf ? scalarOfAll(schema.anyOf.filter(({ type }) => type !== 'null')) : scalarOf(schema)
}

function scalarOfAll(schemas: readonly JsonSchema[]): Scalar {
  const scalars = new Set(schemas.map(scalarOf))
  const [only] = scalars
  return scalars.size === 1 && only ? only : 'JSON'
}

/** Numbers are Floats: sizes and times in milliseconds do not fit into GraphQL's Int. */
function scalarOf({ type, const: constant }: JsonSchema): Scalar {
  if (typeof constant === 'string') return 'String'
  switch (type) {
    case 'string':
      return 'String'
    case 'number':
    case 'integer':
      return 'Float'
    case 'boolean':
      return 'Boolean'
    default:
      return 'JSON'
  }
}

/** `task.list` -> `taskList` */
export function camelCase(name: string): string {
  return name.replace(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase())
}

export function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
