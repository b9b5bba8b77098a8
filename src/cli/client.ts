import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import {
  type Activity,
  type ClientHello,
  createFrameReader,
  type DaemonHello,
  type DrainRequest,
  encodeFrame,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  type Progress,
  type Reply,
  type Request,
} from '../api/protocol.ts'
import { OrchError } from '../base/error.ts'
import { assertOwnDir } from '../base/private-dir.ts'
import { identityOf, type PrivatePaths } from '../base/repository.ts'
import type { RepositoryContext } from './context.ts'

export interface Handlers {
  readonly onProgress?: (progress: Progress) => void
  readonly onEvent?: (event: Activity) => void
  /** Called with a way to hang up, once connected. */
  readonly onOpen?: (hangUp: () => void) => void
}

/** How one conversation with the daemon ended. */
export type Outcome =
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'error'; readonly error: OrchError }
  /** The daemon is older than this client, or its repository was moved away from it. */
  | { readonly type: 'replace'; readonly error: OrchError }
  /** Nobody listens, or whoever did ended before reading. */
  | { readonly type: 'absent' }
  /** The daemon ended, or hung up, after it may have read the request. */
  | { readonly type: 'lost' }

/** A connection that is accepted but not greeted for this long is a daemon that hangs. */
const HELLO_TIMEOUT_MS = 5000

/** Daemons that may come and go under one request before it is given up. */
const MAX_ATTEMPTS = 5

/** How long an older daemon may come back under one request before that counts as an attempt. */
const REPLACE_TIMEOUT_MS = 20_000

/** Asks the daemon for an operation, starting it when none runs and replacing an older one. Throws the daemon's refusal. */
export async function request(
  context: RepositoryContext,
  ask: Omit<Request, 'id'>,
  handlers: Handlers = {},
): Promise<unknown> {
  const until = performance.now() + REPLACE_TIMEOUT_MS
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const outcome = await talk(context, { id: 1, ...ask }, handlers)
    switch (outcome.type) {
      case 'result':
        return outcome.result
      case 'error':
        // It ran nothing; the next daemon will.
        if (outcome.error.code !== 'daemon_stopping') throw outcome.error
        break
      case 'lost':
        throw lost(context)
      case 'replace': {
        const { replaceDaemon } = await import('./start-daemon.ts')
        await replaceDaemon(context)
        // While another command starts or replaces it, that is no attempt of ours.
        if (performance.now() < until) attempt--
        continue
      }
      case 'absent':
        break
    }
    const { ensureDaemon } = await import('./start-daemon.ts')
    await ensureDaemon(context)
  }
  throw unreachable(context.paths.log, 'it ends again and again')
}

/** Asks the daemon for an operation if one runs; undefined when none does. Throws the daemon's refusal. */
export async function requestIfRunning(
  context: RepositoryContext,
  op: string,
): Promise<{ readonly result: unknown } | undefined> {
  const outcome = await talk(context, { id: 1, op })
  switch (outcome.type) {
    case 'result':
      return outcome
    case 'absent':
      return undefined
    case 'error':
      throw outcome.error
    case 'replace':
      throw outcome.error
    case 'lost':
      throw lost(context)
  }
}

/** Asks the daemon to end and waits until its process is gone; false when none ran. Throws the daemon's refusal. */
export async function drain(context: RepositoryContext): Promise<boolean> {
  const outcome = await talk(context, { control: 'drain' })
  if (outcome.type === 'error') throw outcome.error
  return outcome.type !== 'absent'
}

/** The daemon's hello, if one runs; it may still be loading. Throws when it hangs. */
export async function greet(context: RepositoryContext): Promise<DaemonHello | undefined> {
  const outcome = await talk(context, undefined)
  if (outcome.type === 'error') throw outcome.error
  return outcome.type === 'result' ? (outcome.result as DaemonHello) : undefined
}

/** Has one conversation: hello and request in one write, then whatever the daemon sends until the answer. Without a request, the hello is the answer. */
export function talk(
  context: RepositoryContext,
  ask: Request | DrainRequest | undefined,
  handlers: Handlers = {},
): Promise<Outcome> {
  const { paths } = context
  const hello = helloOf(context)
  const frame = ask ? encodeFrame(ask) : Buffer.alloc(0)
  const isControl = ask !== undefined && 'control' in ask
  const address = addressOf(paths)
  if (frame.length > MAX_FRAME_BYTES) {
    throw new OrchError('too_large', { what: 'The request', size: frame.length, limit: MAX_FRAME_BYTES })
  }
  return new Promise((resolve) => {
    const socket = connect(address)
    const reader = createFrameReader()
    let greeting: DaemonHello | undefined
    const timer = setTimeout(() => end({ type: 'error', error: silent(paths.log) }), HELLO_TIMEOUT_MS)
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    const receive = (line: string): void => {
      if (!greeting) {
        greeting = JSON.parse(line) as DaemonHello
        clearTimeout(timer)
        if (!ask) end({ type: 'result', result: greeting })
        return
      }
      const reply = JSON.parse(line) as Reply
      if ('progress' in reply) handlers.onProgress?.(reply.progress)
      else if ('event' in reply) handlers.onEvent?.(reply.event)
      else if ('error' in reply) {
        // Every version may ask every other to end, and one that ends already need not be asked.
        if (isControl && ['daemon_other_version', 'daemon_moved', 'daemon_stopping'].includes(reply.error.code)) return
        end({ type: reply.replace === true ? 'replace' : 'error', error: OrchError.fromBody(reply.error) })
      }
      // The daemon's consent to drain is not the end: that is the end of the connection.
      else if ('result' in reply && !isControl) end({ type: 'result', result: reply.result })
    }
    socket.on('data', (bytes: Buffer) => {
      for (const line of reader.push(bytes)) receive(line)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') end({ type: 'error', error: unreachable(paths.log, error.message) })
    })
    socket.on('close', () => end({ type: greeting ? 'lost' : 'absent' }))
    socket.write(Buffer.concat([encodeFrame(hello), frame]))
    handlers.onOpen?.(() => end({ type: 'result', result: null }))
  })
}

/** A client's first line. */
export function helloOf({ repository, version }: RepositoryContext): ClientHello {
  return { orch: PROTOCOL_VERSION, version, common: identityOf(repository.commonDir) }
}

/**
 * Where the daemon listens. A path that is too long for a socket leads to a place that depends on the environment, which
 * may have been another one for the daemon: then it says itself where it is.
 */
export function addressOf({ socket, dir, daemonFile }: PrivatePaths): string {
  if (!socket.startsWith('/') || dirname(socket) === dir) return socket
  const told = readDaemonFile(daemonFile)?.socket ?? socket
  assertOwnDirIfThere(dirname(told))
  return told
}

/** What a running daemon, or one that was killed, wrote down about itself. */
export function readDaemonFile(file: string): { readonly pid: number; readonly socket: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function assertOwnDirIfThere(dir: string): void {
  try {
    assertOwnDir(dir)
  } catch (error) {
    if (error instanceof OrchError) throw error
    // It is not there: neither is a daemon.
  }
}

export function lost({ paths }: RepositoryContext): OrchError {
  return unreachable(paths.log, 'it ended before it answered; the change may or may not have been made')
}

export function silent(log: string): OrchError {
  return unreachable(log, `it accepts connections but has said nothing for ${HELLO_TIMEOUT_MS / 1000} seconds`)
}

export function unreachable(log: string, reason: string): OrchError {
  return new OrchError('daemon_unreachable', { reason, log })
}
