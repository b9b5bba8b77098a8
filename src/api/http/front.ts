import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { OrchError, toOrchError } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'
import type { Service } from '../../base/service.ts'
import type { Principal } from '../../model/principal.ts'
import { createAdapter } from './adapter.ts'
import { headersOf, tooLarge } from './answer.ts'
import { createConnections } from './connections.ts'
import { type Credentials, credentialsOf, upgradeCredentialsOf } from './credentials.ts'
import type { Mount, UpgradeMount } from './mount.ts'
import { type Allowed, isAllowed, isLoopback } from './origin.ts'
import type { TlsFiles } from './tls.ts'

export interface FrontParts {
  /** A port that is taken is replaced by a free one; 0 asks for a free one at once. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly allowed: Omit<Allowed, 'loopbackOnly'>
  readonly tls?: TlsFiles | undefined
  /** Whether it may listen beyond loopback without TLS. */
  readonly isInsecureAllowed?: boolean
  /** Who shows these. Rejects with `unauthorized` or `too_many_attempts`. */
  readonly authenticate: (credentials: Credentials) => Promise<Principal>
  /** The first whose path fits answers. */
  readonly mounts: readonly Mount[]
  readonly upgrades: readonly UpgradeMount[]
  /** How long the headers of a request may take to come. */
  readonly headersTimeoutMs?: number
  /** Why the daemon is not ready to be used; undefined when it is. */
  readonly notReady: () => string | undefined
  readonly clock: Clock
  readonly log: Logger
  /** Hears the port it really got, to remember it. */
  readonly onListening: (port: number) => void
}

/** The one listening server: HTTP and WebSockets of every surface. */
export interface Front extends Service {
  /** `http://127.0.0.1:4711`; undefined while it does not listen. */
  url(): string | undefined
  /** Open connections. */
  connections(): number
}

const MAX_WAITING = 1024
const MAX_CONNECTIONS = 4096
const HEADERS_TIMEOUT_MS = 10_000
/** For all of a request, its body included. */
const REQUEST_TIMEOUT_MS = 60_000
const CHECK_MS = 5_000
const MAX_HEADER_BYTES = 16 * 1024
const MAX_BODY_BYTES = 16 * 1024 * 1024
/** How long connections may take to end by themselves when the daemon stops. */
const FAREWELL_MS = 1_000

/** Serves what is mounted. Host, origin, size and token are checked here, before a surface sees a request. */
export function createFront(parts: FrontParts): Front {
  const { listen, mounts, upgrades, tls, clock, log } = parts
  const allowed: Allowed = { ...parts.allowed, loopbackOnly: isLoopback(listen.host) }
  const stopping = new AbortController()
  const connections = createConnections({ maxWaiting: MAX_WAITING, max: MAX_CONNECTIONS, clock })
  const adapter = createAdapter(stopping.signal, MAX_BODY_BYTES)
  const headersTimeout = parts.headersTimeoutMs ?? HEADERS_TIMEOUT_MS
  const limits = {
    headersTimeout,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(CHECK_MS, headersTimeout),
    maxHeaderSize: MAX_HEADER_BYTES,
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch((thrown: unknown) => {
      const error = toOrchError(thrown)
      if (error.code === 'internal') log.error('a request failed', { error: thrown })
      refuse(request, response, error)
    })
  }
  const secure =
    tls && createSecureServer({ ...limits, handshakeTimeout: HEADERS_TIMEOUT_MS, minVersion: 'TLSv1.2' }, listener)
  const http = secure ?? createServer(limits, listener)
  let unfollow = (): void => undefined
  http.on('connection', (socket: Socket) => connections.add(socket))

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isAllowed(request, allowed)) throw new OrchError('forbidden', { reason: 'the host or origin is not ours' })
    const { origin } = request.headers
    if (origin !== undefined) allowPage(response, origin)
    if (isPreflight(request)) return void response.writeHead(204).end()
    const path = urlOf(request)?.pathname ?? ''
    if (path === '/healthz') return say(response, 200, { ok: true })
    if (path === '/readyz') {
      const reason = parts.notReady()
      return say(response, reason === undefined ? 200 : 503, { ready: reason === undefined, ...(reason && { reason }) })
    }
    const mount = mounts.find((one) => path === one.path || path.startsWith(`${one.path}/`))
    if (!mount) throw new OrchError('not_served', { path: path.slice(0, 200) })
    const length = Number(request.headers['content-length'] ?? 0)
    if (length > MAX_BODY_BYTES) throw tooLarge(length, MAX_BODY_BYTES)
    if (mount.isPublic) return adapter(mount, request, response, undefined)
    const principal = await parts.authenticate(credentialsOf(request))
    connections.admit(request.socket, principal)
    await adapter(mount, request, response, principal)
  }

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    if (!isAllowed(request, allowed)) return reject(socket, '403 Forbidden')
    const url = urlOf(request)
    const mount = url && upgrades.find((one) => one.match(url))
    if (!url || !mount) return reject(socket, '404 Not Found')
    let who: Principal | OrchError
    try {
      who = await parts.authenticate(upgradeCredentialsOf(request, url))
      connections.admit(request.socket, who)
    } catch (thrown) {
      who = toOrchError(thrown)
      if (who.http >= 500) throw thrown
    }
    if (!socket.destroyed) mount.upgrade({ request, socket, head, url, who })
  }
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    // What a stranger asks for must never end the daemon, also when the token cannot be looked up.
    upgrade(request, socket, head).catch((error: unknown) => {
      log.error('a connection could not be taken in', { error })
      reject(socket, '503 Service Unavailable')
    })
  })

  const open = (port: number): Promise<void> =>
    new Promise((resolve, fail) => {
      http.once('error', fail)
      http.listen(port, listen.host, () => {
        http.off('error', fail)
        resolve()
      })
    })
  const url = (): string | undefined => {
    const address = http.address() as AddressInfo | null
    return address
      ? `${tls ? 'https' : 'http'}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
      : undefined
  }

  return {
    name: 'http',
    url,
    connections: connections.count,
    async start() {
      if (!allowed.loopbackOnly && !tls && parts.isInsecureAllowed !== true) {
        const reason = `listening on ${listen.host} without TLS would show tokens and contents to whoever is on the way; set tls.cert and tls.key`
        throw new OrchError('forbidden', { reason })
      }
      if (secure && tls) {
        secure.setSecureContext(tls.read())
        unfollow = tls.follow((certificate) => secure.setSecureContext(certificate))
      }
      await open(listen.port).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE' || listen.port === 0) throw error
        log.warn('the port is taken; another is used', { port: listen.port })
        return open(0)
      })
      parts.onListening((http.address() as AddressInfo).port)
      log.info('listening', { url: url() })
    },
    async stop() {
      stopping.abort()
      unfollow()
      for (const mount of upgrades) mount.stop()
      if (!http.listening) return
      const closed = new Promise((resolve) => http.close(resolve))
      connections.destroyWaiting()
      clock.after(FAREWELL_MS, connections.destroyAll)
      await closed
    },
  }
}

function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Lets a page of another origin, which was found to be allowed, read the answer. */
function allowPage(response: ServerResponse, origin: string): void {
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('vary', 'origin')
  response.setHeader('access-control-allow-methods', 'GET, POST, DELETE')
  response.setHeader(
    'access-control-allow-headers',
    'authorization, content-type, if-match, last-event-id, orch-actor, orch-session, mcp-session-id, mcp-protocol-version',
  )
  response.setHeader('access-control-expose-headers', 'etag, mcp-session-id, retry-after')
  response.setHeader('access-control-max-age', '600')
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/** Answers with a refusal, and hangs up where the request's body may still be coming. */
function refuse(request: IncomingMessage, response: ServerResponse, error: OrchError): void {
  if (response.headersSent) return void response.destroy()
  for (const [name, value] of Object.entries(headersOf(error))) response.setHeader(name, value)
  if (!request.complete) response.setHeader('connection', 'close')
  say(response, error.http, { error: error.toBody() })
}

function reject(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function urlOf(request: IncomingMessage): URL | undefined {
  const text = `http://localhost${request.url ?? ''}`
  return URL.canParse(text) ? new URL(text) : undefined
}
