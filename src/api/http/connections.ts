import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { Principal } from '../../model/principal.ts'

/** The sockets of the front: who has shown no token yet gets little room, and whose token ends loses its sockets. */
export interface Connections {
  /** Takes a new socket in, or destroys it. */
  add(socket: Socket): void
  /** The socket's caller is known: it no longer waits, and lives no longer than the token. */
  admit(socket: Socket, principal: Principal): void
  count(): number
  destroyWaiting(): void
  destroyAll(): void
}

/** How long a connection whose token has ended may still be told so in its protocol. */
const FAREWELL_MS = 1_000
/** How long a new connection is left in peace. */
const PATIENCE_MS = 1_000

interface Held {
  readonly socket: Socket
  readonly signals: Set<AbortSignal>
  readonly end: () => void
}

export function createConnections(parts: {
  readonly maxWaiting: number
  readonly max: number
  readonly clock: Clock
}): Connections {
  const held = new Map<string, Held>()
  /** In the order of their coming. */
  const waiting = new Map<string, { readonly socket: Socket; readonly since: number }>()

  /** Who has waited longest makes room, when that is long: an honest caller sends its request at once, also one of a crowd. */
  const makeRoom = (address: string | undefined): boolean => {
    const oldest = [...waiting].find(([, { socket }]) => address === undefined || socket.remoteAddress === address)
    if (!oldest || parts.clock.monotonic() - oldest[1].since < PATIENCE_MS) return false
    waiting.delete(oldest[0])
    oldest[1].socket.destroy()
    return true
  }

  return {
    add(socket) {
      if (held.size >= parts.max) {
        socket.destroy()
        return
      }
      // Who fills the room from one address leaves some of it to others.
      const { remoteAddress } = socket
      const same = [...waiting.values()].filter((one) => one.socket.remoteAddress === remoteAddress)
      const isFull = waiting.size >= parts.maxWaiting || same.length >= parts.maxWaiting / 2
      if (isFull && !makeRoom(same.length >= parts.maxWaiting / 2 ? remoteAddress : undefined)) {
        socket.destroy()
        return
      }
      const key = keyOf(socket)
      const end = (): void => void parts.clock.after(FAREWELL_MS, () => socket.destroy())
      const one: Held = { socket, signals: new Set(), end }
      held.set(key, one)
      waiting.set(key, { socket, since: parts.clock.monotonic() })
      socket.once('close', () => {
        if (held.get(key) === one) held.delete(key)
        if (waiting.get(key)?.socket === socket) waiting.delete(key)
        for (const signal of one.signals) signal.removeEventListener('abort', end)
      })
    },
    admit(socket, { ended }) {
      const key = keyOf(socket)
      waiting.delete(key)
      const one = held.get(key)
      if (!one || !ended || one.signals.has(ended)) return
      one.signals.add(ended)
      ended.addEventListener('abort', one.end, { once: true })
    },
    count: () => held.size,
    destroyWaiting() {
      for (const { socket } of waiting.values()) socket.destroy()
    },
    destroyAll() {
      for (const { socket } of held.values()) socket.destroy()
    },
  }
}

/** One key for a connection, whether it is seen below TLS or above it. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
