import SchemaBuilder from '@pothos/core'
import type { RequestContext } from './context.ts'

/** What the builder knows. Types are made from declarations, so that most of them have no type of their own here. */
interface Declared {
  Context: RequestContext
  Scalars: { JSON: { Input: unknown; Output: unknown }; ID: { Input: string; Output: string } }
  DefaultFieldNullability: false
}

export type Types = PothosSchemaTypes.ExtendDefaultTypes<Declared>

export function createBuilder() {
  const builder = new SchemaBuilder<Declared>({ defaultFieldNullability: false })
  builder.scalarType('JSON', {
    description: 'Any JSON.',
    serialize: (value) => value,
    parseValue: (value) => value,
  })
  builder.queryType({})
  builder.mutationType({})
  builder.subscriptionType({})
  return builder
}

export type Builder = ReturnType<typeof createBuilder>
