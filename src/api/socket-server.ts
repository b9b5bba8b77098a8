import { setMaxListeners } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { ensurePrivateDir } from '../base/private-dir.ts'
import type { FileIdentity } from '../base/repository.ts'
import type { Service } from '../base/service.ts'
import { type Actor, isActorName } from '../model/actor.ts'
import type { Principal } from '../model/principal.ts'
import type { Door } from './door.ts'
import {
  type Activity,
  type ClientHello,
  compareVersions,
  createFrameReader,
  encodeFrame,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  type Progress,
  type Reply,
  type Request,
} from './protocol.ts'

export interface SocketServerParts {
  readonly socket: string
  readonly common: FileIdentity
  /** Where that was, once it is there no more. */
  readonly movedFrom: () => string | undefined
  readonly version: string
  readonly door: Door
  /** Whose repository it is: who can open the socket and names nobody else. */
  readonly person: Actor
  /** Watchers wait for this; when it rejects, every one is answered with that error. */
  readonly ready: Promise<void>
  /** Asked to end: must lead to `stop` and to the end of the process. */
  readonly drain: () => void
  /**
   * Hears that a caller has a connection that stays, until the returned function is called; `ends` says that its session is
   * to end with it. Throws `session_key`.
   */
  readonly attach: (principal: Principal, ends: boolean) => () => void
  readonly activity: (listen: (activity: Activity) => void) => () => void
  readonly log: Logger
}

/** Requests of one connection that may run at once; further ones wait in its socket. */
const MAX_IN_FLIGHT = 256

/**
 * Serves the table of operations on the local socket. Start it while holding the lock: it removes a socket that is
 * there. `stop` lets what runs finish and answers it.
 */
export function createSocketServer(parts: SocketServerParts): Service {
  const { socket: path, log } = parts
  const connections = new Set<Connection>()
  let server: Server | undefined
  let stopping = false
  // A start that fails is reported to whoever asks; it must not count as unhandled while nobody does.
  parts.ready.catch(() => undefined)

  const run = async (request: Request, connection: Connection): Promise<unknown> => {
    if (stopping) throw new OrchError('daemon_stopping')
    const principal = principalOf(request, parts.person)
    if (request.op === 'attach') {
      await parts.ready
      const { start, ends } = attachInputOf(request.input)
      if (start === undefined) {
        connection.onEnd(parts.attach(principal, ends))
        return { attached: true }
      }
      const started = await parts.door.call('session.start', start, principal)
      const { id, key } = started as { readonly id: string; readonly key: string }
      connection.onEnd(parts.attach({ ...principal, session: key }, true))
      return { attached: true, session: id, key }
    }
    if (request.op === 'activity') {
      await parts.ready
      return subscribe(request, connection)
    }
    const progress = (done: number, total: number, what: string): void =>
      connection.send({ id: request.id, progress: { done, total, what } satisfies Progress })
    return await parts.door.call(request.op, request.input, principal, { progress, signal: connection.gone })
  }

  const subscribe = (request: Request, connection: Connection): Promise<unknown> =>
    new Promise((resolve) => {
      const stop = parts.activity((event) => connection.send({ id: request.id, event }))
      connection.onEnd(() => {
        stop()
        resolve(null)
      })
      connection.send({ id: request.id, progress: { done: 0, total: 0, what: 'listening' } })
    })

  const answer = async (request: Request, connection: Connection): Promise<void> => {
    try {
      connection.send({ id: request.id, result: (await run(request, connection)) ?? null })
    } catch (error) {
      connection.send({ id: request.id, error: toOrchError(error).toBody() })
    }
  }

  const accept = (socket: Socket): void => {
    const connection = createConnection(socket, {
      hello: (hello) => checkHello(hello, parts),
      request: (request) => answer(request, connection),
      drain() {
        connection.send({ id: 0, result: { draining: true } })
        parts.drain()
      },
      log,
    })
    connections.add(connection)
    connection.onEnd(() => connections.delete(connection))
    connection.send({ orch: PROTOCOL_VERSION, version: parts.version, pid: process.pid })
  }

  return {
    name: 'socket',
    async start() {
      if (!isPipe(path)) {
        ensurePrivateDir(dirname(path))
        rmSync(path, { force: true })
      }
      server = await listen(path, accept)
      restrict(path, log)
    },
    async stop() {
      stopping = true
      server?.close()
      await Promise.all([...connections].map((connection) => connection.finish()))
    },
  }
}

interface Connection {
  /** Aborted when it has ended, or is to end. */
  readonly gone: AbortSignal
  send(frame: Parameters<typeof encodeFrame>[0]): void
  onEnd(run: () => void): void
  /** Answers what runs, then hangs up; but who asked to drain hears the end of the process as the end of the connection. */
  finish(): Promise<void>
}

interface ConnectionHandlers {
  /** What is wrong with the hello, if something is. */
  hello(hello: ClientHello): Reply | undefined
  request(request: Request): Promise<void>
  drain(): void
  readonly log: Logger
}

function createConnection(socket: Socket, handlers: ConnectionHandlers): Connection {
  const reader = createFrameReader()
  const running = new Set<Promise<void>>()
  const ends: (() => void)[] = []
  const gone = new AbortController()
  setMaxListeners(0, gone.signal)
  let state: 'hello' | 'refused' | 'open' = 'hello'
  let refusal: Reply | undefined
  let asked = false

  const send: Connection['send'] = (frame) => {
    if (!socket.writable) return
    socket.write(encodeFrame(frame))
    // A watcher that does not read must not fill the daemon's memory.
    if (socket.writableLength > 2 * MAX_FRAME_BYTES) socket.destroy()
  }

  const receive = (line: string): void => {
    const frame: unknown = JSON.parse(line)
    if (typeof frame !== 'object' || frame === null) throw new SyntaxError('a line must be a JSON object')
    if (state === 'hello') {
      refusal = handlers.hello(frame as ClientHello)
      state = refusal ? 'refused' : 'open'
      if (refusal) send(refusal)
    } else if ('control' in frame && frame.control === 'drain' && mayDrain(refusal)) {
      asked = true
      handlers.drain()
    } else if (state === 'open') {
      start(toRequest(frame))
    }
  }

  const start = (request: Request): void => {
    const job = handlers.request(request).finally(() => {
      running.delete(job)
      if (running.size < MAX_IN_FLIGHT) socket.resume()
    })
    running.add(job)
    if (running.size >= MAX_IN_FLIGHT) socket.pause()
  }

  socket.on('data', (bytes: Buffer) => {
    // The bytes come from another program: what is wrong with them costs it its connection, not the daemon.
    try {
      for (const line of reader.push(bytes)) receive(line)
    } catch (error) {
      send({ id: 0, error: badFrame(error).toBody() })
      socket.end()
    }
  })
  socket.on('error', (error) => handlers.log.debug('a connection broke', { error }))
  socket.on('close', () => {
    gone.abort()
    for (const end of ends.splice(0)) end()
  })

  return {
    gone: gone.signal,
    send,
    onEnd: (run) => {
      ends.push(run)
    },
    async finish() {
      // Subscriptions only end with their connection, so their ends are called first.
      gone.abort()
      for (const end of ends.splice(0)) end()
      await Promise.allSettled(running)
      if (asked) return void socket.unref()
      // Whatever is still on its way here was not run: its caller may ask the next daemon without a doubt.
      send({ id: 0, error: new OrchError('daemon_stopping').toBody() })
      socket.end()
    },
  }
}

function checkHello(hello: ClientHello, parts: SocketServerParts): Reply | undefined {
  if (typeof hello.orch !== 'number' || typeof hello.version !== 'string' || typeof hello.common !== 'object') {
    return { id: 0, error: new OrchError('usage', { reason: 'The first line must be a hello' }).toBody() }
  }
  const { dev, ino } = hello.common ?? {}
  if (dev !== parts.common.dev || ino !== parts.common.ino) {
    return { id: 0, error: new OrchError('daemon_other_repository', { socket: parts.socket }).toBody() }
  }
  const path = parts.movedFrom()
  if (path !== undefined) return { id: 0, error: new OrchError('daemon_moved', { path }).toBody(), replace: true }
  const age = compareVersions(hello.version, parts.version) || hello.orch - PROTOCOL_VERSION
  if (age === 0 || (age < 0 && hello.orch === PROTOCOL_VERSION)) return undefined
  const error = new OrchError('daemon_other_version', { daemon: parts.version, client: hello.version }).toBody()
  return age > 0 ? { id: 0, error, replace: true } : { id: 0, error }
}

/** A client of another version may end this daemon, and any one that has lost its place; one of another repository may do nothing at all. */
function mayDrain(refusal: Reply | undefined): boolean {
  return refusal === undefined || ('error' in refusal && REPLACEABLE.includes(refusal.error.code))
}

const REPLACEABLE: readonly string[] = ['daemon_other_version', 'daemon_moved']

function toRequest(frame: object): Request {
  if (!('id' in frame && typeof frame.id === 'number' && 'op' in frame && typeof frame.op === 'string')) {
    throw new SyntaxError('a request needs a number as id and a text as op')
  }
  return frame as Request
}

/**
 * Who can open the socket is the person whose repository it is, by the file's permissions. Who names somebody else is
 * believed, and recorded as unverified; what only the person may do, it may not.
 */
function principalOf({ actor, session }: Request, person: Actor): Principal {
  const rest = { session: typeof session === 'string' ? session : undefined, by: 'socket', from: 'local' } as const
  if (actor === undefined) return { actor: person, role: 'admin', ...rest }
  if (typeof actor.name !== 'string' || !isActorName(actor.name)) {
    const reason = '1 to 64 letters, digits, blanks and ._@+-, beginning with a letter or digit'
    throw new OrchError('invalid_input', { field: 'actor', reason })
  }
  const type = actor.type === 'agent' ? 'agent' : 'person'
  return { actor: { name: actor.name, type, verified: false }, role: 'writer', ...rest }
}

function badFrame(error: unknown): OrchError {
  if (error instanceof RangeError) {
    return new OrchError('too_large', { what: 'The request', size: `over ${MAX_FRAME_BYTES}`, limit: MAX_FRAME_BYTES })
  }
  return new OrchError('usage', { reason: `The line is not understood: ${toOrchError(error).data.reason}` })
}

function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept)
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

function restrict(path: string, log: Logger): void {
  if (isPipe(path)) return
  try {
    chmodSync(path, 0o600)
  } catch (error) {
    // Some mounts refuse this on sockets; the directory around it admits only its owner anyway.
    log.debug('the socket keeps its mode', { error })
  }
}

function isPipe(path: string): boolean {
  return path.startsWith('\\\\.\\pipe\\')
}

/** `start`: the input of `session.start`, for a session that begins with the connection; `ends`: the named one ends with it. */
function attachInputOf(input: unknown): { readonly start?: object; readonly ends: boolean } {
  const { start, ends } = (typeof input === 'object' && input !== null ? input : {}) as Readonly<
    Record<string, unknown>
  >
  return { ...(typeof start === 'object' && start !== null && { start }), ends: ends === true }
}
