import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock.ts'

/**
 * A certificate that is trusted for itself, whoever signed it: `sha256:` and the SHA-256 of its DER form in hex. `orch
 * cert` prints it so.
 */
export type Pin = string

/** The pin as it is kept, of how people write it (colons between bytes, capitals); undefined when it is none. */
export function pinOf(text: string): Pin | undefined {
  const hex = text
    .trim()
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? `sha256:${hex}` : undefined
}

/** The other side showed another certificate than the pinned one: nothing was said to it. */
export class WrongCertificate extends Error {
  override readonly name = 'WrongCertificate'
}

type Connected = (error: Error | null, socket?: TLSSocket) => void

/**
 * Opens a TLS connection only to who shows the pinned certificate. A request, and the token in it, is written when the
 * caller has the socket, so nobody else gets to see it.
 */
export function connectPinned(pin: Pin, signal: AbortSignal, clock: Clock, timeoutMs: number) {
  return (options: ConnectionOptions, connected: Connected): undefined => {
    const { host } = options
    const servername = host !== undefined && /[a-z]/i.test(host) && !host.includes(':') ? host : ''
    const socket = connect({ ...options, servername, rejectUnauthorized: false })
    const fail = (error: Error): void => {
      end()
      socket.on('error', () => undefined).destroy()
      connected(error)
    }
    const abort = (): void => fail(new Error('called off'))
    const late = (): void => fail(new Error('no answer to the TLS handshake'))
    const look = (): void => {
      const shown = pinOf(socket.getPeerCertificate().fingerprint256 ?? '')
      if (shown === pin) {
        end()
        connected(null, socket)
      } else fail(new WrongCertificate(`another certificate: ${shown ?? 'none'}, not ${pin}`))
    }
    const end = (): void => {
      signal.removeEventListener('abort', abort)
      cancelTimer()
      socket.off('error', fail).off('secureConnect', look)
    }
    signal.addEventListener('abort', abort, { once: true })
    const cancelTimer = clock.after(timeoutMs, late)
    socket.once('error', fail).once('secureConnect', look)
  }
}
