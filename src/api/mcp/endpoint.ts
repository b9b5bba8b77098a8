import {
  type AuthInfo,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { must } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { type Random, randomText } from '../../model/id.ts'
import type { Principal } from '../../model/principal.ts'
import type { FetchHandler } from '../http/mount.ts'

export interface McpEndpointParts {
  /** What serves one client. */
  readonly open: (principal: Principal) => McpClient
  /** Hears of every resource that changes. */
  readonly onUpdated: (tell: (uri: string) => void) => () => void
  readonly clock: Clock
  readonly random: Random
  /** Aborted when the daemon stops. */
  readonly stopping: AbortSignal
}

/** One agent, as long as it is there. */
export interface McpClient {
  /** A server that speaks with it: one for all of the older era, one for each request of the modern. */
  server(era: 'legacy' | 'modern'): McpServer
  /** Says that a stream to it is open, until it is called off. */
  live(): () => void
  /** It has gone. */
  end(): Promise<void>
}

/** A client that has not asked for anything for so long, and has no stream, is gone. */
const IDLE_MS = 60 * 60_000
const MAX_CLIENTS = 1000

interface Known {
  readonly client: McpClient
  /** Who may go on with it. */
  readonly owner: string
  readonly transport?: WebStandardStreamableHTTPServerTransport
  usedAt: number
  streams: number
}

/**
 * MCP over HTTP, both eras at one address. Until 2025-11-25 a client has a session of the protocol, so that what it
 * subscribes to reaches it; from 2026-07-28 on each request stands alone, `subscriptions/listen` is a stream, and a client
 * is known by its token and the name it gives.
 */
export function createMcpEndpoint({ open, onUpdated, clock, random, stopping }: McpEndpointParts): FetchHandler {
  /** By the protocol's session, or by token and name. */
  const clients = new Map<string, Known>()

  const modern = createMcpHandler(({ authInfo }) => clientOf(authInfo).server('modern'), { legacy: 'reject' })
  const stop = onUpdated(modern.notify.resourceUpdated)
  stopping.addEventListener('abort', () => {
    stop()
    modern.close().catch(() => undefined)
    for (const { transport } of clients.values()) transport?.close().catch(() => undefined)
  })

  const add = (key: string, known: Pick<Known, 'client' | 'owner' | 'transport'>): Known => {
    const added: Known = { ...known, usedAt: clock.monotonic(), streams: 0 }
    clients.set(key, added)
    forgetIdle()
    return added
  }
  const forget = (key: string): void => {
    const known = clients.get(key)
    clients.delete(key)
    known?.transport?.close().catch(() => undefined)
    // While the daemon stops, a session goes on: its agent comes back to the next.
    if (!stopping.aborted) known?.client.end().catch(() => undefined)
  }
  const forgetIdle = (): void => {
    const before = clock.monotonic() - IDLE_MS
    for (const [key, { usedAt, streams }] of clients) {
      if (streams === 0 && (usedAt < before || clients.size > MAX_CLIENTS)) forget(key)
    }
  }
  const follow = (known: Known, { signal }: Request): void => {
    const gone = known.client.live()
    known.streams++
    signal.addEventListener('abort', () => {
      gone()
      known.streams--
      known.usedAt = clock.monotonic()
    })
  }

  const initialize = async (request: Request, body: unknown, principal: Principal): Promise<Response> => {
    const client = open(principal)
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomText(random, 32),
      onsessioninitialized: (id) => void add(id, { client, owner: ownerOf(principal), transport }),
    })
    await client.server('legacy').connect(transport)
    const closed = transport.onclose
    transport.onclose = () => {
      closed?.()
      if (transport.sessionId !== undefined && clients.has(transport.sessionId)) forget(transport.sessionId)
    }
    return await transport.handleRequest(request, { parsedBody: body })
  }

  const serveModern = async (request: Request, body: unknown, principal: Principal): Promise<Response> => {
    const { method, name } = envelopeOf(body)
    const owner = ownerOf(principal)
    const key = `${owner} ${name}`
    const known = clients.get(key) ?? add(key, { client: open(principal), owner })
    known.usedAt = clock.monotonic()
    if (method === 'subscriptions/listen') follow(known, request)
    const authInfo = { token: '', clientId: principal.actor.name, scopes: [], extra: { client: known.client } }
    return await modern.fetch(request, { authInfo })
  }

  return async (request, principal) => {
    const id = request.headers.get('mcp-session-id')
    if (id !== null) {
      const known = clients.get(id)
      // Another's session is none.
      if (!known?.transport || known.owner !== ownerOf(principal)) return refuse(404, -32001, 'Session not found')
      known.usedAt = clock.monotonic()
      if (request.method === 'GET') follow(known, request)
      return await known.transport.handleRequest(request)
    }
    if (request.method !== 'POST') return refuse(405, -32000, 'Method not allowed')
    const isLegacy = await isLegacyRequest(request)
    const body: unknown = await request
      .clone()
      .json()
      .catch(() => undefined)
    if (!isLegacy) return await serveModern(request, body, principal)
    if (!isInitializeRequest(body)) return refuse(400, -32000, 'Bad Request: a session is required; initialize first')
    return await initialize(request, body, principal)
  }
}

function clientOf(authInfo: AuthInfo | undefined): McpClient {
  return must(authInfo, 'a request came past the front').extra?.client as McpClient
}

/** What a request of the modern era asks for, and what its client is called. */
function envelopeOf(body: unknown): { readonly method: string; readonly name: string } {
  const { method, params } = (body ?? {}) as {
    readonly method?: unknown
    readonly params?: { readonly _meta?: object }
  }
  const meta = params?._meta as Readonly<Record<string, { readonly name?: unknown } | undefined>> | undefined
  return {
    method: String(method),
    name: String(meta?.['io.modelcontextprotocol/clientInfo']?.name ?? '').slice(0, 100),
  }
}

/** Who may go on with what this principal began. */
function ownerOf({ actor, token, by, session }: Principal): string {
  return JSON.stringify([by, token ?? '', actor.name, session ?? ''])
}

function refuse(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status })
}
