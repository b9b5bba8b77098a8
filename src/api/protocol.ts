import type { ErrorBody } from '../base/error.ts'
import type { FileIdentity } from '../base/repository.ts'

/**
 * The protocol between a command and the daemon of its repository: lines of JSON over a local socket. The client sends
 * its hello and its request in one write. See docs/formats.md, "Handshake".
 *
 * 1: the first.
 */
export const PROTOCOL_VERSION = 1

/** The longest line either side takes, in bytes. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** The client's first line. */
export interface ClientHello {
  readonly orch: number
  readonly version: string
  /** The client's git common directory, so that a copied repository never reaches the daemon of the other. */
  readonly common: FileIdentity
}

/** The daemon's first line, sent at once, also while it is still loading. */
export interface DaemonHello {
  readonly orch: number
  readonly version: string
  readonly pid: number
}

/** Who calls, as the caller says. */
export interface Caller {
  readonly name: string
  readonly type: 'person' | 'agent'
}

export interface Request {
  readonly id: number
  /**
   * An operation's name, `activity` to hear what happens from now on, or `attach`: claims of this caller hold while this
   * connection lives. Its input may say `ends: true`, then its session ends with the connection, or `start: {goal}` for a
   * session that begins and ends with it.
   */
  readonly op: string
  readonly input?: unknown
  /** By default the person whose repository it is. */
  readonly actor?: Caller
  readonly session?: string
}

/** Asks the daemon to finish what it has begun and to end. Understood by every version. */
export interface DrainRequest {
  readonly control: 'drain'
}

export interface Progress {
  readonly done: number
  readonly total: number
  readonly what: string
}

/** Something that happened, for a person who watches. */
export interface Activity {
  /** ISO 8601. */
  readonly at: string
  readonly actor: string
  readonly text: string
  /** What it happened to: a record, or a key of the state. */
  readonly about?: { readonly kind: string; readonly id: string; readonly file?: string }
}

/** What the daemon sends after its hello. `id` is the request's; 0 where the answer is to the hello or to a control line. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  /** With `replace`, the client is the newer one: it is to drain this daemon and start its own. */
  | { readonly id: number; readonly error: ErrorBody; readonly replace?: boolean }
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly event: Activity }

export function encodeFrame(frame: ClientHello | DaemonHello | Request | DrainRequest | Reply): Buffer {
  return Buffer.from(`${JSON.stringify(frame)}\n`)
}

/** Cuts a stream of bytes into lines. */
export interface FrameReader {
  /** The complete lines that these bytes end. Throws `RangeError` when a line exceeds the limit. */
  push(bytes: Buffer): readonly string[]
}

export function createFrameReader(maxBytes = MAX_FRAME_BYTES): FrameReader {
  let pending: Buffer[] = []
  let pendingBytes = 0
  return {
    push(bytes) {
      const lines: string[] = []
      let from = 0
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
        if (pendingBytes + end - from > maxBytes) throw new RangeError('the line is too long')
        lines.push(Buffer.concat([...pending, bytes.subarray(from, end)]).toString('utf8'))
        pending = []
        pendingBytes = 0
        from = end + 1
      }
      if (from < bytes.length) pending.push(bytes.subarray(from))
      pendingBytes += bytes.length - from
      if (pendingBytes > maxBytes) throw new RangeError('the line is too long')
      return lines
    },
  }
}

/** Below 0 when version `a` is older than `b`, above 0 when newer; a pre-release is older than its release. */
export function compareVersions(a: string, b: string): number {
  const [[coreA, preA], [coreB, preB]] = [a, b].map((text) => {
    const [core = '', ...pre] = text.split('-')
    return [core.split('.').map(Number), pre.join('-')] as const
  }) as [readonly [number[], string], readonly [number[], string]]
  for (let i = 0; i < 3; i++) {
    const difference = (coreA[i] ?? 0) - (coreB[i] ?? 0)
    if (difference !== 0) return difference
  }
  if (preA === preB) return 0
  if (preA === '' || preB === '') return preA === '' ? 1 : -1
  return preA < preB ? -1 : 1
}
