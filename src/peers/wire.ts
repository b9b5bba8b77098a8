import { WebSocket } from 'ws'
import type { Clock } from '../base/clock.ts'
import { closeCodes } from './close-codes.ts'
import { connectPinned, type Pin, WrongCertificate } from './pin.ts'

/**
 * PORT: one connection that carries whole binary frames, in order. A frame either arrives or the wire closes; a wire
 * that went silent is closed after a while.
 */
export interface Wire {
  readonly isOpen: boolean
  /** Whether it ended because what came was no frame, or a larger one than may be. */
  readonly isFaulty: boolean
  /** Bytes handed to `send` that have not left this machine. */
  readonly bufferedBytes: number
  /** Sends a frame; does nothing when the wire is not open. */
  send(frame: Uint8Array): void
  /** Reads no more until the returned function is called, also by who else holds it; what the other side sends waits there. */
  hold(): () => void
  /** Closes with a code and a reason for the other side. `onClose` hears it once, on both sides. */
  close(code: number, reason: string): void
  /** Sets the one listener for frames; those that came before are given to it first. */
  onFrame(listen: (frame: Uint8Array) => void): void
  /** Sets the one listener for the end. Called at once when the wire is closed already. */
  onClose(listen: (code: number, reason: string) => void): void
}

export interface DialOptions {
  readonly protocols: readonly string[]
  /** The one certificate that the other side may show; without it, one of an authority that this machine trusts. */
  readonly pin?: Pin | undefined
  readonly signal: AbortSignal
}

/**
 * PORT: opens a wire to an address. Rejects when nobody answers, when the signal is aborted, and with `WrongCertificate`
 * when the other side is not who was pinned.
 */
export type Dial = (url: string, options: DialOptions) => Promise<Wire>

export const MAX_FRAME_BYTES = 16 * 1024 * 1024
/** What may wait for a listener before no more is read. */
const HELD_BYTES = 256 * 1024
const PING_MS = 15_000
const SILENT_PINGS = 3
const CLOSE_TIMEOUT_MS = 5_000
const HANDSHAKE_TIMEOUT_MS = 10_000

/** A wire over an open WebSocket. */
export function wireOverSocket(socket: WebSocket, clock: Clock): Wire {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let holders = 0
  let onFrame: ((frame: Uint8Array) => void) | undefined
  let onClose: ((code: number, reason: string) => void) | undefined
  let ended: { readonly code: number; readonly reason: string } | undefined
  /** What was wrong with what came. */
  let fault: string | undefined
  let textual: { readonly code: number; readonly reason: string } | undefined
  let silent = 0
  let cancelTimer: () => void = () => undefined

  const ping = () => {
    if (silent++ >= SILENT_PINGS) return socket.terminate()
    socket.ping()
    cancelTimer = clock.after(PING_MS, ping)
  }
  const close = (code: number, reason: string): void => {
    if (socket.readyState !== WebSocket.OPEN) return
    cancelTimer()
    socket.close(code, shorten(reason))
    cancelTimer = clock.after(CLOSE_TIMEOUT_MS, () => socket.terminate())
  }

  cancelTimer = clock.after(PING_MS, ping)
  socket.on('pong', () => {
    silent = 0
  })
  const hold = (): (() => void) => {
    if (holders++ === 0) socket.pause()
    let isHolding = true
    return () => {
      if (!isHolding) return
      isHolding = false
      if (--holders === 0) socket.resume()
    }
  }
  let release: (() => void) | undefined
  const keep = (frame: Uint8Array): void => {
    held.push(frame)
    heldBytes += frame.length
    if (heldBytes > HELD_BYTES) release ??= hold()
  }

  socket.on('message', (data, isBinary) => {
    // Whoever was turned away goes on sending until it has read that.
    if (socket.readyState !== WebSocket.OPEN) return
    silent = 0
    if (!isBinary) {
      textual = { code: closeCodes.malformed, reason: 'frames are binary' }
      return close(textual.code, textual.reason)
    }
    const buffer = data as Buffer
    const frame = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
    if (onFrame) onFrame(frame)
    else keep(frame)
  })
  // An error is always followed by `close`; without a listener it would end the process.
  socket.on('error', (error) => {
    fault = error.message
  })
  socket.on('close', (code, reason) => {
    cancelTimer()
    const faultCode = faultCodeOf(socket)
    ended =
      textual ??
      (faultCode === undefined ? { code, reason: reason.toString() } : { code: faultCode, reason: fault ?? '' })
    onClose?.(ended.code, ended.reason)
  })

  return {
    get isOpen() {
      return socket.readyState === WebSocket.OPEN
    },
    get isFaulty() {
      return textual !== undefined || faultCodeOf(socket) !== undefined
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    send(frame) {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame)
    },
    hold,
    close,
    onFrame(listen) {
      onFrame = listen
      const early = held
      held = []
      for (const frame of early) listen(frame)
      release?.()
    },
    onClose(listen) {
      onClose = listen
      if (ended) listen(ended.code, ended.reason)
    },
  }
}

/** Closes with codes of ours where what came is no WebSocket frame, or a larger one than may be: with those of `ws`, providers would try for ever. */
export class AcceptedSocket extends WebSocket {
  faultCode: number | undefined

  override close(code?: number, reason?: string | Buffer): void {
    this.faultCode ??= FAULTS[code ?? 0]
    if (this.faultCode === undefined) super.close(code, reason)
    else super.close(this.faultCode, 'this is no frame, or a larger one than may be')
  }
}

const FAULTS: Readonly<Record<number, number>> = {
  1002: closeCodes.malformed,
  1007: closeCodes.malformed,
  1009: closeCodes.tooLarge,
}

function faultCodeOf(socket: WebSocket): number | undefined {
  return socket instanceof AcceptedSocket ? socket.faultCode : undefined
}

/** Dials real WebSockets. */
export function dialSockets(clock: Clock): Dial {
  return (url, { protocols, pin, signal }) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, [...protocols], {
        maxPayload: MAX_FRAME_BYTES,
        perMessageDeflate: false,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        ...(pin !== undefined && {
          createConnection: connectPinned(pin, signal, clock, HANDSHAKE_TIMEOUT_MS) as never,
        }),
      })
      const abort = (): void => socket.terminate()
      signal.addEventListener('abort', abort, { once: true })
      socket.once('error', (error: NodeJS.ErrnoException) => {
        signal.removeEventListener('abort', abort)
        // Where a name has several addresses, Node's error has a code but no message.
        const reason = error.message || error.code || 'cannot connect'
        reject(error instanceof WrongCertificate ? error : new Error(reason + adviceFor(error), { cause: error }))
      })
      socket.once('open', () => {
        signal.removeEventListener('abort', abort)
        resolve(wireOverSocket(socket, clock))
      })
    })
}

/** What helps where a certificate is good for its owner and unknown to this machine. */
function adviceFor({ code = '' }: NodeJS.ErrnoException): string {
  return /SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code) ? '; pin what its `orch cert` prints (--pin)' : ''
}

/** The longest beginning that fits a close frame: 123 bytes of UTF-8. */
function shorten(reason: string): string {
  let text = reason
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1)
  return text
}
