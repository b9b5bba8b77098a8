import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Principal } from '../model/principal.ts'
import { closeCodes, isPermanent } from './close-codes.ts'
import type { LogRooms } from './log-rooms.ts'
import type { Room } from './room.ts'
import { SUBPROTOCOL } from './token.ts'
import { AcceptedSocket, MAX_FRAME_BYTES, type Wire, wireOverSocket } from './wire.ts'

export interface AcceptParts {
  /** Stopped together with this. */
  readonly room: Pick<Room, 'answersTo' | 'moved' | 'join' | 'stop'>
  /** The rooms of the months of the work log. Stopped together with this. */
  readonly logRooms: LogRooms
  readonly clock: Clock
  readonly log: Logger
  /** Hears the close code of a connection that was turned away for good. */
  readonly onRefused?: (code: number) => void
}

/** A connection that asks for a room, with who asks; or why it is nobody. */
export interface Arrival {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly url: URL
  readonly who: Principal | OrchError
}

/** Takes connections in to the room, at `/sync/<project id or name>`, and for a month of its work log at `/sync/<project>/log/2026-11`. */
export interface Accept {
  match(url: URL): boolean
  upgrade(arrival: Arrival): void
  stop(): void
}

const FAREWELL_MS = 1_000
const STRANGER_BYTES = 1024

export function createAccept({ room, logRooms, clock, log, onRefused }: AcceptParts): Accept {
  const serverFor = (maxPayload: number): WebSocketServer =>
    new WebSocketServer({
      noServer: true,
      maxPayload,
      perMessageDeflate: false,
      WebSocket: AcceptedSocket,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    })
  const sockets = serverFor(MAX_FRAME_BYTES)
  /** Who is turned away is told so, and nothing that it sends is kept. */
  const strangers = serverFor(STRANGER_BYTES)
  const all = (): readonly WebSocket[] => [...sockets.clients, ...strangers.clients]

  const join = (wire: Wire, { name, doc }: RoomName, who: Principal | OrchError) => {
    // Said over the WebSocket: an HTTP status is only a lost connection to y-websocket, which would try for ever.
    if (who instanceof OrchError) {
      const code = who.code === 'too_many_attempts' ? closeCodes.tryLater : closeCodes.unauthorized
      return wire.close(code, who.code === 'unauthorized' ? 'unauthorized' : who.message)
    }
    if (!room.answersTo(name)) {
      const moved = room.moved(name)
      return moved === undefined
        ? wire.close(closeCodes.unknownRoom, 'unknown project')
        : wire.close(closeCodes.moved, moved)
    }
    if (who.ended?.aborted) return wire.close(closeCodes.unauthorized, 'the token has ended')
    who.ended?.addEventListener('abort', () => wire.close(closeCodes.unauthorized, 'the token has ended'), {
      once: true,
    })
    if (doc === undefined) room.join(wire, who)
    else logRooms.join(doc, wire, who)
  }

  return {
    match: (url) => roomOf(url) !== undefined,
    upgrade({ request, socket, head, url, who }) {
      const asked = roomOf(url)
      if (!asked) return void socket.destroy()
      if (who instanceof OrchError) log.warn('a connection was refused', { project: asked.name, reason: who.message })
      const server = who instanceof OrchError ? strangers : sockets
      server.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('close', (code) => isPermanent(code) && onRefused?.(code))
        join(wireOverSocket(webSocket, clock), asked, who)
      })
    },
    stop() {
      room.stop()
      logRooms.stop()
      for (const webSocket of all()) webSocket.close(closeCodes.leaving, 'the daemon is stopping')
      clock.after(FAREWELL_MS, () => {
        for (const webSocket of all()) webSocket.terminate()
      })
    },
  }
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
