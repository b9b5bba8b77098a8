import type { IncomingMessage } from 'node:http'
import type { ExecutionArgs, GraphQLError } from 'graphql'
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws'
import { type Extra, useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { OrchError } from '../../base/error.ts'
import type { Principal } from '../../model/principal.ts'
import { addressOf, type Credentials } from '../http/credentials.ts'
import type { Upgrade, UpgradeMount } from '../http/mount.ts'
import type { GraphqlServer } from './mount.ts'

export interface GraphqlSocketParts {
  readonly server: () => Promise<GraphqlServer>
  /** Who shows a token that came in the first message, as browsers send it: they can set no header. */
  readonly authenticate: (credentials: Credentials) => Promise<Principal>
}

const MAX_PAYLOAD = 1024 * 1024
const INIT_TIMEOUT_MS = 5000

/** GraphQL over WebSockets at `/graphql`, as graphql-ws speaks it. */
export function createGraphqlSocket({ server, authenticate }: GraphqlSocketParts): UpgradeMount {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false),
  })
  const principals = new WeakMap<object, Principal>()
  useServer(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      async onConnect({ connectionParams, extra }) {
        const principal = await principalOf(extra, connectionParams, authenticate)
        if (!principal) return false
        principals.set(extra.socket, principal)
        principal.ended?.addEventListener('abort', () => closeNow(extra.socket), { once: true })
        return true
      },
      async onSubscribe({ extra }, _id, payload) {
        const principal = principals.get(extra.socket)
        if (!principal) throw new Error('a request came before its connection was taken in')
        const { schema, parse, validate, contextFactory, execute, subscribe } = (await server()).getEnveloped({
          principal,
          params: payload,
        }) as never as Enveloped
        let document: ExecutionArgs['document']
        try {
          document = parse(payload.query)
        } catch (error) {
          return [error as GraphQLError]
        }
        const errors = validate(schema, document)
        if (errors.length > 0) return errors
        return {
          schema,
          document,
          operationName: payload.operationName,
          variableValues: payload.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        } as never
      },
      execute: (args) => (args.rootValue as Enveloped).execute(args),
      subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
    },
    sockets,
  )

  return {
    match: ({ pathname }) => pathname === '/graphql',
    upgrade({ request, socket, head, who }) {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        Object.assign(request, { who })
        sockets.emit('connection', webSocket, request)
      })
    },
    stop() {
      for (const webSocket of sockets.clients) webSocket.close(1001, 'the daemon is stopping')
    },
  }
}

interface Enveloped {
  readonly schema: ExecutionArgs['schema']
  parse(source: string): ExecutionArgs['document']
  validate(schema: ExecutionArgs['schema'], document: ExecutionArgs['document']): readonly GraphQLError[]
  contextFactory(): unknown
  execute(args: ExecutionArgs): never
  subscribe(args: ExecutionArgs): never
}

async function principalOf(
  { request }: Extra,
  params: Readonly<Record<string, unknown>> | undefined,
  authenticate: GraphqlSocketParts['authenticate'],
): Promise<Principal | undefined> {
  const { who } = request as IncomingMessage & Pick<Upgrade, 'who'>
  if (!(who instanceof OrchError)) return who
  const said = params?.authorization ?? params?.Authorization ?? params?.token
  if (typeof said !== 'string') return undefined
  try {
    return await authenticate({ token: said.replace(/^Bearer +/i, ''), from: addressOf(request) })
  } catch {
    return undefined
  }
}

function closeNow(socket: object): void {
  ;(socket as { close(code: number, reason: string): void }).close(CloseCode.Forbidden, 'the token is no longer valid')
}
