import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { closeCodes } from './close-codes.ts'
import { type Decoded, decodeFrame, REPLICA_MESSAGE } from './frames.ts'
import { type Pin, WrongCertificate } from './pin.ts'
import type { Dial, Wire } from './wire.ts'

export interface ProviderParts {
  /** `ws://host:port/sync` */
  readonly server: string
  readonly room: string
  readonly protocols: readonly string[]
  readonly dial: Dial
  readonly pin?: Pin | undefined
  readonly onOpen: () => void
  readonly onFrame: (frame: Decoded) => void
  /** Hears the end of each connection, also of one that could not be opened. Not after `close`. */
  readonly onClose: (code: number, reason: string) => void
}

/** y-websocket's provider, once connected, as a carrier of replica messages. */
export interface Provider {
  /** Opens a connection, if there is none. */
  connect(): void
  send(frame: Uint8Array): void
  close(code: number, reason: string): void
  destroy(): void
}

/**
 * Makes a y-websocket provider that does only what it is told: as it ships it sends what is not durable, applies what
 * nobody checked, and reconnects in step with everybody else. Built on internals of y-websocket 3.1.0, which a contract
 * test holds on to.
 */
export function createProvider({
  server,
  room,
  protocols,
  dial,
  pin,
  onOpen,
  onFrame,
  onClose,
}: ProviderParts): Provider {
  // Stays empty: rows go past it.
  const doc = new Y.Doc()
  let socket: Socket | undefined
  let closing = false
  const provider = new WebsocketProvider(server, room, doc, {
    connect: false,
    disableBc: true,
    protocols: [...protocols],
    // Its timer to reconnect then finds nothing to do, at once.
    maxBackoffTime: 0,
    shouldReconnect: () => false,
    // `new` on a function that returns an object gives that object.
    WebSocketPolyfill: function open(url: string, offered: readonly string[]) {
      socket = openSocket(dial, pin, url, offered)
      return socket
    } as never,
  })
  doc.off('update', provider._updateHandler)
  process.off('exit', provider._exitHandler)
  provider.awareness.setLocalState(null)
  const ignore = (): void => undefined
  provider.messageHandlers = [ignore, ignore, ignore, ignore]
  provider.messageHandlers[REPLICA_MESSAGE] = (_encoder, decoder) => {
    const bytes = decoder.arr
    decoder.pos = bytes.length
    onFrame(decodeFrame(bytes))
  }
  provider.on('status', ({ status }) => {
    // Before the provider's own first message: the hello makes the other side pass that one over.
    if (status === 'connected') onOpen()
  })
  provider.on('connection-close', (event) => {
    // After its watchdog closed the connection the provider would reconnect by itself.
    provider.shouldConnect = false
    if (!closing) onClose(event?.code ?? 1006, event?.reason ?? 'the peer went silent')
  })

  return {
    connect: () => provider.connect(),
    send: (frame) => socket?.send(frame),
    close(code, reason) {
      closing = true
      socket?.end(code, reason)
      provider.disconnect()
      closing = false
    },
    destroy() {
      provider.destroy()
      doc.destroy()
    },
  }
}

/** The part of a browser's WebSocket that the provider uses. */
interface Socket {
  readonly OPEN: 1
  readonly readyState: number
  binaryType: string
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: Uint8Array }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  onerror: ((event: unknown) => void) | null
  send(frame: Uint8Array): void
  close(): void
  end(code: number, reason: string): void
}

const [CONNECTING, OPEN, CLOSED] = [0, 1, 3]

function openSocket(dial: Dial, pin: Pin | undefined, url: string, protocols: readonly string[]): Socket {
  const abort = new AbortController()
  let wire: Wire | undefined
  const socket: Socket = {
    OPEN: 1,
    get readyState() {
      if (wire) return wire.isOpen ? OPEN : CLOSED
      return abort.signal.aborted ? CLOSED : CONNECTING
    },
    binaryType: 'arraybuffer',
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send: (frame) => wire?.send(frame),
    close: () => socket.end(1000, ''),
    end(code, reason) {
      abort.abort()
      wire?.close(code, reason)
    },
  }
  const begin = (opened: Wire) => {
    wire = opened
    if (abort.signal.aborted) return opened.close(1000, '')
    opened.onClose((code, reason) => socket.onclose?.({ code, reason }))
    socket.onopen?.()
    opened.onFrame((frame) => {
      // The provider throws on what it cannot read; that costs the peer its connection, not the daemon.
      try {
        socket.onmessage?.({ data: frame })
      } catch {
        opened.close(closeCodes.malformed, 'not a message')
      }
    })
  }
  const fail = (error: Error): void => {
    const code = error instanceof WrongCertificate ? closeCodes.wrongCertificate : 1006
    socket.onclose?.({ code, reason: error.message })
  }
  dial(url, { protocols, pin, signal: abort.signal }).then(begin, fail)
  return socket
}
