import { assertValidSchema, type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { z } from 'zod'
import { atOnce, type Steps } from '../../base/turns.ts'
import type { Kinds } from '../../model/kind-set.ts'
import type { Operation } from '../operation.ts'
import { operationsOf } from '../operations.ts'
import { createBuilder } from './builder.ts'
import type { RequestContext } from './context.ts'
import { addContract } from './contract.ts'
import { argumentsOf, camelCase, capitalised, createOutputs, type JsonSchema } from './derive.ts'
import { addRecordFields } from './record-fields.ts'
import { createRecordTypes, markAsOf } from './record-types.ts'
import { addSubscriptions, type Streams } from './subscriptions.ts'

export interface SchemaParts {
  readonly kinds: Kinds
  readonly operations: readonly Operation[]
  /** What subscriptions listen to. Printing a schema needs none. */
  readonly streams: Streams
}

/** The schema, made at once. */
export function createGraphqlSchema(parts: SchemaParts): GraphQLSchema {
  return atOnce(schemaSteps(parts))
}

/**
 * The schema: a type for each kind, a query or mutation for each operation (`task.list` -> `taskList`), queries by kind
 * (`task(id)`, `tasks`, `tasksConnection`), subscriptions, and the fixed part in contract.ts.
 */
export function* schemaSteps({ kinds, operations, streams }: SchemaParts): Steps<GraphQLSchema> {
  const builder = createBuilder()
  const recordType = createRecordTypes(builder, kinds)
  const outputOf = createOutputs(builder, recordType)
  const taken = new Set<string>()

  for (const operation of operations.filter(({ cli }) => !cli.paths)) {
    const name = camelCase(operation.name)
    taken.add(name)
    const output = outputOf(capitalised(name), jsonSchema(operation.output, 'output'))
    const input = jsonSchema(operation.input, 'input')
    // Fields of queries and of mutations are made alike, but by makers of two types.
    type Maker = Parameters<Parameters<typeof builder.queryField>[1]>[0]
    const field = (t: Maker): never =>
      t.field({
        type: output.type as never,
        nullable: output.isNullable,
        description: operation.help,
        args: argumentsOf(t as never, input) as never,
        resolve: async (_: unknown, args: Readonly<Record<string, unknown>>, context: RequestContext) => {
          // Lists bring their long texts along: they are in the rows that are read anyway.
          const full = input.properties?.full && args.full === undefined ? { full: true } : {}
          const answer = await context.call(operation.name, { ...full, ...givenOf(args) })
          return (typeof args.asOf === 'string' ? markAsOf(answer, args.asOf) : answer) as never
        },
      } as never) as never
    if (operation.effect === 'read') builder.queryField(name, field)
    else builder.mutationField(name, field as never)
    yield
  }
  addContract(builder, recordType, taken)
  addRecordFields(builder, kinds, recordType, taken)
  addSubscriptions(builder, recordType, streams)
  yield
  // Sorting makes all of it a second time, and only its text is read by people.
  const schema = builder.toSchema({ sortSchema: false })
  yield
  // Otherwise done by the first request.
  assertValidSchema(schema)
  return schema
}

/** The schema of a project with these kinds, in GraphQL's own language: `docs/schema.graphql`. */
export function schemaText(kinds: Kinds): string {
  const nothing: Streams = {
    project: {
      have: () => ({}),
      onCommit: () => () => undefined,
      changedSince: () => ({ items: [], upto: {}, more: false }),
    },
    onPresence: () => () => undefined,
  }
  const schema = createGraphqlSchema({ kinds, operations: operationsOf(kinds), streams: nothing })
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}

/** What was given. GraphQL's null stands for what was left out. */
function givenOf(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null && value !== undefined))
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema
}
