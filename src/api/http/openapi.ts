import { z } from 'zod'
import { errorCodes } from '../../base/error.ts'
import type { Operation } from '../operation.ts'

/** The OpenAPI 3.1 document of these operations. */
export function openApiOf(operations: readonly Operation[], version: string): object {
  const shared = createShared()
  const paths = Object.fromEntries(
    operations.map((operation) => [`/${operation.name}`, pathOf(operation, shared.schemaOf)]),
  )
  return {
    openapi: '3.1.0',
    info: {
      title: 'orch',
      version,
      description:
        'The operations of orch, as its commands, MCP tools and GraphQL fields have them, too. Every refusal is an Error with a code of docs/errors.md.',
    },
    servers: [{ url: '/api' }],
    security: [{ bearer: [] }],
    paths: { ...paths, '/changes': changesPath },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'A token of `orch token create`.' } },
      schemas: { Error: errorSchema, ...shared.schemas() },
      responses: {
        Refusal: { description: 'A refusal', content: { 'application/json': { schema: ref('schemas/Error') } } },
      },
    },
  }
}

/** Whether `If-Match` says which content a change is about: the input has a `base` that may be left out. */
export function takesBase({ input }: Operation): boolean {
  return input instanceof z.ZodObject && 'base' in input.shape && input.shape.base.safeParse(undefined).success
}

function pathOf(operation: Operation, schemaOf: SchemaOf): object {
  const input = schemaOf(operation.input, 'input')
  const common = {
    summary: operation.help,
    tags: [operation.name.split('.')[0] ?? operation.name],
    'x-role': operation.role,
    responses: {
      200: {
        description: 'The result',
        content: { 'application/json': { schema: schemaOf(operation.output, 'output') } },
      },
      default: ref('responses/Refusal'),
    },
  }
  const properties = (input.properties ?? {}) as Readonly<Record<string, { readonly description?: string }>>
  const required = (input.required ?? []) as readonly string[]
  return {
    ...(operation.effect === 'read' && {
      get: {
        ...common,
        operationId: operation.name,
        parameters: Object.entries(properties).map(([name, { description, ...schema }]) => ({
          name,
          in: 'query',
          required: required.includes(name),
          ...(description !== undefined && { description }),
          schema,
        })),
      },
    }),
    post: {
      ...common,
      operationId: operation.effect === 'read' ? `${operation.name}.post` : operation.name,
      ...(takesBase(operation) && { parameters: [ifMatch] }),
      requestBody: { content: { 'application/json': { schema: input } }, required: required.length > 0 },
    },
  }
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Record<string, unknown>

/** JSON schemas whose recursive parts (any JSON) stand once among the components, where the document's references find them. */
function createShared(): { readonly schemaOf: SchemaOf; schemas(): Readonly<Record<string, unknown>> } {
  const schemas: Record<string, unknown> = {}
  /** By what they say, with their own name left out. */
  const names = new Map<string, string>()
  return {
    schemas: () => schemas,
    schemaOf(schema, io) {
      const { $schema: _, $defs = {}, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
      let text = JSON.stringify(rest)
      for (const [local, definition] of Object.entries($defs)) {
        const said = JSON.stringify(definition).replaceAll(`"#/$defs/${local}"`, '"#self"')
        const name = names.get(said) ?? `Shared${names.size + 1}`
        names.set(said, name)
        schemas[name] = JSON.parse(said.replaceAll('"#self"', `"#/components/schemas/${name}"`))
        text = text.replaceAll(`"#/$defs/${local}"`, `"#/components/schemas/${name}"`)
      }
      return JSON.parse(text) as Record<string, unknown>
    },
  }
}

function ref(name: string): object {
  return { $ref: `#/components/${name}` }
}

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'The ETag of the content this change is about; refused with 412 when it has changed since.',
  schema: { type: 'string' },
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'hint', 'exit', 'data'],
      properties: {
        code: { enum: Object.keys(errorCodes) },
        message: { type: 'string', description: 'What happened, and to which record.' },
        hint: { type: 'string', description: 'What to do next.' },
        exit: { type: 'integer', description: 'The exit code of a command that is refused like this.' },
        data: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
      },
    },
  },
}

const changesPath = {
  get: {
    operationId: 'changes',
    summary: 'What happens, as server-sent events: each row of the journal once.',
    tags: ['changes'],
    'x-role': 'reader',
    parameters: [
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'The id of the last event that was seen: what came after it follows, without gap or repetition.',
        schema: { type: 'string' },
      },
      { name: 'since', in: 'query', description: 'The same, where headers cannot be set.', schema: { type: 'string' } },
      {
        name: 'kind',
        in: 'query',
        description: 'Only rows about records of these kinds.',
        schema: { type: 'array', items: { type: 'string' } },
      },
    ],
    responses: {
      200: { description: 'A stream without end', content: { 'text/event-stream': {} } },
      default: ref('responses/Refusal'),
    },
  },
}
