import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import { GraphQLError, NoSchemaIntrospectionCustomRule } from 'graphql'
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga'
import { OrchError, toOrchError } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'
import type { Principal } from '../../model/principal.ts'
import type { Door } from '../door.ts'
import { limitBody, tooLarge } from '../http/answer.ts'
import type { FetchHandler } from '../http/mount.ts'
import { createRequestContext, type RequestContext } from './context.ts'
import { createGraphqlSchema, type SchemaParts } from './schema.ts'

export interface GraphqlParts extends SchemaParts {
  readonly door: Door
  /** Whether readers may ask for the schema. */
  readonly readerIntrospection: boolean
  readonly log: Logger
}

/** What each request brings. */
export interface ServerContext {
  readonly principal: Principal
}

export type GraphqlServer = YogaServerInstance<ServerContext, RequestContext>

/** How deep, wide, long and costly a request may be. Lists have limits of their own, and an answer has one in all. */
const LIMITS = {
  maxDepth: { n: 12 },
  maxAliases: { n: 30 },
  maxDirectives: { n: 20 },
  maxTokens: { n: 3000 },
  costLimit: { maxCost: 10_000 },
  blockFieldSuggestion: { enabled: false },
}

/** Of what is sent: the longest text of a record several times over. To read more keeps everybody else waiting. */
const MAX_REQUEST_BYTES = 4 << 20

/** The engine of `/graphql`: over HTTP, with subscriptions as server-sent events, and for WebSockets. */
export function createGraphqlServer(parts: GraphqlParts, schema = createGraphqlSchema(parts)): GraphqlServer {
  const { door, readerIntrospection, log } = parts
  return createYoga<ServerContext, RequestContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: false,
    logging: false,
    // Host, origin and token are the front's.
    cors: false,
    context: ({ principal, request }) => createRequestContext(door, principal, request?.signal),
    maskedErrors: { maskError: (error) => toGraphqlError(error, log) },
    plugins: [EnvelopArmorPlugin(LIMITS) as Plugin, ...(readerIntrospection ? [] : [hideSchemaFromReaders()])],
  })
}

/** `/graphql` for the HTTP front. */
export function createGraphqlMount(server: GraphqlServer): FetchHandler {
  return async (request, principal) => {
    const length = request.headers.get('content-length')
    if (Number(length) > MAX_REQUEST_BYTES) throw tooLarge(Number(length), MAX_REQUEST_BYTES)
    const bounded = length === null ? limitBody(request, MAX_REQUEST_BYTES) : request
    return await server.fetch(bounded, { principal })
  }
}

function hideSchemaFromReaders(): Plugin<ServerContext> {
  return {
    onValidate({ context, addValidationRule }) {
      const { principal } = context as unknown as ServerContext
      if (principal.role !== 'reader') return undefined
      addValidationRule(NoSchemaIntrospectionCustomRule)
      // What was meant is told by the names in the schema.
      return ({ result, setResult }) => setResult((result as readonly Error[]).map(withoutSuggestion) as never)
    },
  }
}

function withoutSuggestion(error: Error): Error {
  const message = error.message.replace(/ Did you mean [^?]*\?$/, '')
  if (!(error instanceof GraphQLError) || message === error.message) return error
  return new GraphQLError(message, { nodes: error.nodes ?? null, extensions: error.extensions })
}

/**
 * Refusals travel with their code; what GraphQL itself refuses stays as it is, and gets one where it has none, as what is over
 * a limit has; anything else is a bug and says no more than that.
 */
function toGraphqlError(error: unknown, log: Logger): Error {
  const isOwn = error instanceof GraphQLError && !error.originalError
  if (isOwn && error.extensions.code !== undefined) return error
  const original = isOwn
    ? new OrchError('invalid_input', { field: 'query', reason: error.message.replace(/^Syntax Error: /, '') }, error)
    : error instanceof GraphQLError
      ? error.originalError
      : error
  const refusal = toOrchError(original)
  if (!(original instanceof OrchError)) log.error('a GraphQL request failed unexpectedly', { error: original })
  const { code, hint, exit, data } = refusal.toBody()
  return new GraphQLError(refusal.message, {
    ...(error instanceof GraphQLError && {
      ...(error.nodes && { nodes: error.nodes }),
      ...(error.path && { path: error.path }),
    }),
    extensions: { code, hint, exit, data, http: { status: 200 } },
  })
}
