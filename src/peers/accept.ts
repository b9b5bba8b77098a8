import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { Actor } from '../model/actor.ts'
import { closeCodes } from './close-codes.ts'
import type { LogRooms } from './log-rooms.ts'
import type { Room } from './room.ts'
import { SUBPROTOCOL, tokenOf } from './token.ts'
import { MAX_FRAME_BYTES, wireOverSocket } from './wire.ts'

export interface PeerServerParts {
  /** A loopback host. A port that is taken is replaced by a free one; 0 asks for a free one at once. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Stopped together with the server. */
  readonly room: Pick<Room, 'answersTo' | 'moved' | 'join' | 'stop'>
  /** The rooms of the months of the work log. Stopped together with the server. */
  readonly logRooms: LogRooms
  /** Who a token stands for. Compares in constant time. */
  readonly authenticate: (token: string) => Actor | undefined
  readonly clock: Clock
  readonly log: Logger
  /** Hears the port it really got, to remember it. */
  readonly onListening: (port: number) => void
}

export interface PeerServer extends Service {
  /** `http://127.0.0.1:4711`; undefined while it does not listen. */
  url(): string | undefined
}

const MAX_WAITING_SOCKETS = 64
const HEADERS_TIMEOUT_MS = 10_000

/** Takes connections to the room in over HTTP, at `/sync/<project id or name>` and for a month of its work log at `/sync/<project>/log/2026-11`, and says at `/healthz` that it lives. */
export function createPeerServer(parts: PeerServerParts): PeerServer {
  const { listen, room, logRooms, authenticate, clock, log, onListening } = parts
  const http = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS }, answer)
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  })
  const waiting = new Set<Duplex>()

  http.on('connection', (socket) => {
    // Who has not shown a token yet gets little room.
    if (waiting.size >= MAX_WAITING_SOCKETS) return socket.destroy()
    waiting.add(socket)
    socket.once('close', () => waiting.delete(socket))
  })

  const join = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { name, doc }: RoomName,
    actor: Actor | undefined,
  ): void => {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      waiting.delete(socket)
      const wire = wireOverSocket(webSocket, clock)
      // Said over the WebSocket: an HTTP status is only a lost connection to y-websocket, which would try for ever.
      if (!actor) return wire.close(closeCodes.unauthorized, 'unauthorized')
      if (!room.answersTo(name)) {
        const moved = room.moved(name)
        return moved === undefined
          ? wire.close(closeCodes.unknownRoom, 'unknown project')
          : wire.close(closeCodes.moved, moved)
      }
      if (doc === undefined) room.join(wire, actor)
      else logRooms.join(doc, wire, actor)
    })
  }

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isLocal(request)) return reject(socket, '403 Forbidden')
    const url = urlOf(request)
    const asked = url && roomOf(url)
    if (!url || !asked) return reject(socket, '404 Not Found')
    const token = tokenOf(request, url)
    const actor = token === undefined ? undefined : authenticate(token)
    if (!actor) log.warn('a connection without a valid token was refused', { project: asked.name })
    join(request, socket, head, asked, actor)
  }
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    // What a stranger asks for must never end the daemon, also when the token cannot be looked up.
    try {
      upgrade(request, socket, head)
    } catch (error) {
      log.error('a connection could not be taken in', { error })
      reject(socket, '503 Service Unavailable')
    }
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
      ? `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
      : undefined
  }

  return {
    name: 'peer server',
    url,
    async start() {
      if (!isLoopback(listen.host)) {
        throw new OrchError('forbidden', { reason: `orch listens on loopback addresses only, not on ${listen.host}` })
      }
      await open(listen.port).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE' || listen.port === 0) throw error
        log.warn('the port is taken; another is used', { port: listen.port })
        return open(0)
      })
      onListening((http.address() as AddressInfo).port)
      log.info('listening', { url: url() })
    },
    async stop() {
      room.stop()
      logRooms.stop()
      if (!http.listening) return
      const closed = new Promise((resolve) => http.close(resolve))
      for (const socket of waiting) socket.destroy()
      for (const webSocket of sockets.clients) webSocket.close(closeCodes.leaving, 'the daemon is stopping')
      clock.after(1_000, () => {
        for (const webSocket of sockets.clients) webSocket.terminate()
      })
      await closed
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const found = request.url === '/healthz' && isLocal(request)
  response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
  response.end(JSON.stringify(found ? { ok: true } : { error: 'not found' }))
}

function reject(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/**
 * Whether a request names this machine and no foreign page made it. A page elsewhere can reach loopback addresses through
 * any visitor's browser (also by a name that resolves to 127.0.0.1), but it cannot lie in these two headers.
 */
function isLocal(request: IncomingMessage): boolean {
  const { host, origin } = request.headers
  const named = [`http://${host ?? ''}`, ...(origin === undefined ? [] : [origin])]
  return named.every((text) => URL.canParse(text) && isLoopback(new URL(text).hostname))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

function urlOf(request: IncomingMessage): URL | undefined {
  const text = `http://localhost${request.url ?? ''}`
  return URL.canParse(text) ? new URL(text) : undefined
}

interface RoomName {
  /** The project's. */
  readonly name: string
  /** A month of the work log (`log/2026-11`), where it is not the project itself. */
  readonly doc: string | undefined
}

/** The room a path asks for; undefined when it is not the path of one. */
function roomOf(url: URL): RoomName | undefined {
  const [, name, doc] = /^\/sync\/([^/]+)(?:\/(log\/[^/]+))?$/.exec(url.pathname) ?? []
  if (name === undefined) return undefined
  try {
    return { name: decodeURIComponent(name), doc }
  } catch {
    return undefined
  }
}
