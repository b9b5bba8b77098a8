import { connect } from 'node:net'
import {
  type Activity,
  createFrameReader,
  type DaemonHello,
  encodeFrame,
  MAX_FRAME_BYTES,
  type Reply,
  type Request,
} from '../api/protocol.ts'
import { OrchError } from '../base/error.ts'
import { addressOf, drain, helloOf, lost, silent, unreachable } from './client.ts'
import type { RepositoryContext } from './context.ts'

/** A connection that outlives daemons: for who asks again and again, and follows what happens. */
export interface Connection {
  /**
   * Asks for an operation. What a daemon took with it is asked again of the next one, but a change that it may have made
   * already: that is refused with `daemon_unreachable`. Throws the daemon's refusal.
   */
  request(ask: Omit<Request, 'id'>, options: RequestOptions): Promise<unknown>
  /** Hears what happens, over any number of daemons, until it is called off. Starts none. */
  follow(followers: Followers): () => void
  close(): void
}

export interface RequestOptions {
  readonly effect: 'read' | 'write'
  readonly signal?: AbortSignal | undefined
}

export interface Followers {
  readonly onEvent: (event: Activity) => void
  /** From now on every change is heard; `again` after a time in which some may have been missed. */
  readonly onListening: (again: boolean) => void
}

export interface ConnectionParts {
  /** Runs first on every new daemon, before anything else is asked of it: who this is. */
  readonly greet?: ((ask: (request: Omit<Request, 'id'>) => Promise<unknown>) => Promise<void>) | undefined
}

/** How long a daemon may take to say its hello. */
const HELLO_TIMEOUT_MS = 5000
/** Daemons that may come and go under one request before it is given up. */
const MAX_ATTEMPTS = 5
/** How often a daemon that has gone is looked for, for who only follows. */
const RETRY_MS = 500

/** Opens nothing yet: the first request or follower does. */
export function createConnection(context: RepositoryContext, { greet }: ConnectionParts = {}): Connection {
  const followers = new Set<Followers>()
  let opening: { readonly link: Promise<Link>; readonly start: boolean } | undefined
  let live: Link | undefined
  let isClosed = false
  let retry: NodeJS.Timeout | undefined

  /** The link to the daemon there is, or to one that is started. */
  const link = (start: boolean): Promise<Link> => {
    opening ??= { start, link: open(start).then(keep, giveUp) }
    // Who only looked may have found nobody.
    return start && !opening.start ? opening.link.catch(() => link(true)) : opening.link
  }

  const keep = (made: Link): Link => {
    live = made
    void made.ended.then(() => {
      opening = undefined
      live = undefined
      if (followers.size > 0 && !isClosed) lookAgain()
    })
    listen(made)
    return made
  }

  const giveUp = (error: unknown): never => {
    opening = undefined
    throw error
  }

  const open = async (start: boolean): Promise<Link> => {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const made = await openLink(context)
      if (made !== undefined && (await isGreeted(made))) return made
      if (!start) throw unreachable(context.paths.log, 'it does not run')
      const { ensureDaemon } = await import('./start-daemon.ts')
      await ensureDaemon(context)
    }
    throw unreachable(context.paths.log, 'it ends again and again')
  }

  /** False when the daemon goes before it knows who this is. Throws its refusal. */
  const isGreeted = async (made: Link): Promise<boolean> => {
    if (!greet) return true
    let last: Answer | undefined
    try {
      await greet(async (request) => {
        last = await made.ask(request)
        return resultOf(last)
      })
      return true
    } catch (error) {
      if (last?.type === 'replace') await drain(context)
      else if (last?.type === 'error' && last.error.code !== 'daemon_stopping') throw error
      await made.ended
      return false
    }
  }

  const hasListened = new WeakSet<Followers>()
  const listenFor = (made: Link, follower: Followers): void => {
    const onEnd = made.stream({ op: 'activity' }, (reply) => {
      if (!followers.has(follower)) return
      if ('event' in reply) follower.onEvent(reply.event)
      if ('progress' in reply) {
        follower.onListening(hasListened.has(follower))
        hasListened.add(follower)
      }
    })
    onEnd.catch(() => undefined)
  }
  const listen = (made: Link): void => {
    for (const follower of followers) listenFor(made, follower)
  }

  const lookAgain = (): void => {
    clearTimeout(retry)
    retry = setTimeout(() => {
      if (isClosed || followers.size === 0 || opening) return
      link(false).catch(lookAgain)
    }, RETRY_MS)
  }

  return {
    async request(ask, { effect, signal }) {
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        if (isClosed) throw unreachable(context.paths.log, 'this connection is closed')
        const made = await link(true)
        const outcome = await made.ask(ask, signal)
        switch (outcome.type) {
          case 'result':
            return outcome.result
          case 'error':
            if (outcome.error.code !== 'daemon_stopping') throw outcome.error
            // It ran nothing, and takes nothing more.
            made.end()
            await made.ended
            break
          case 'replace':
            await drain(context)
            await made.ended
            break
          case 'lost':
            if (effect === 'write') throw lost(context)
            break
          case 'absent':
            break
        }
      }
      throw unreachable(context.paths.log, 'it ends again and again')
    },
    follow(follower) {
      followers.add(follower)
      if (live) listenFor(live, follower)
      else link(false).catch(lookAgain)
      return () => {
        followers.delete(follower)
      }
    },
    close() {
      isClosed = true
      followers.clear()
      clearTimeout(retry)
      live?.end()
      opening?.link.then((made) => made.end()).catch(() => undefined)
    },
  }
}

type Answer =
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'error'; readonly error: OrchError }
  /** The daemon is older than this client, and ran nothing. */
  | { readonly type: 'replace' }
  /** It was never sent. */
  | { readonly type: 'absent' }
  /** The daemon ended after it may have read the request. */
  | { readonly type: 'lost' }

/** One connected socket whose daemon has said hello. */
interface Link {
  ask(request: Omit<Request, 'id'>, signal?: AbortSignal): Promise<Answer>
  /** Asks for what has no end but that of the link. */
  stream(request: Omit<Request, 'id'>, listen: (reply: Reply) => void): Promise<Answer>
  end(): void
  readonly ended: Promise<void>
}

interface Pending {
  readonly resolve: (answer: Answer) => void
  readonly listen: ((reply: Reply) => void) | undefined
}

/** Connects, and waits for the hello; undefined when nobody is there. Throws when a daemon is there that is silent. */
function openLink(context: RepositoryContext): Promise<Link | undefined> {
  const { paths } = context
  return new Promise((resolve, reject) => {
    const socket = connect(addressOf(paths))
    const reader = createFrameReader()
    const pending = new Map<number, Pending>()
    let greeting: DaemonHello | undefined
    let lastId = 0
    let resolveEnded = (): void => undefined
    const ended = new Promise<void>((done) => {
      resolveEnded = done
    })
    const timer = setTimeout(() => {
      reject(silent(paths.log))
      socket.destroy()
    }, HELLO_TIMEOUT_MS)

    const settleAll = (answer: Answer): void => {
      for (const { resolve: settle } of pending.values()) settle(answer)
      pending.clear()
    }
    const send = (request: Omit<Request, 'id'>, listen?: Pending['listen'], signal?: AbortSignal): Promise<Answer> =>
      new Promise((settle) => {
        if (!socket.writable) return settle({ type: 'absent' })
        const id = ++lastId
        const frame = encodeFrame({ id, ...request })
        if (frame.length > MAX_FRAME_BYTES) {
          const data = { what: 'The request', size: frame.length, limit: MAX_FRAME_BYTES }
          return settle({ type: 'error', error: new OrchError('too_large', data) })
        }
        const give = (answer: Answer): void => {
          signal?.removeEventListener('abort', abort)
          settle(answer)
        }
        // Nobody waits any more; what the daemon does, it does.
        const abort = (): void => {
          pending.delete(id)
          give({ type: 'error', error: unreachable(paths.log, 'the call was cancelled') })
        }
        signal?.addEventListener('abort', abort)
        pending.set(id, { resolve: give, listen })
        socket.write(frame)
      })
    const link: Link = {
      ask: (request, signal) => send(request, undefined, signal),
      stream: (request, listen) => send(request, listen),
      end: () => socket.end(),
      ended,
    }

    const receive = (line: string): void => {
      if (!greeting) {
        greeting = JSON.parse(line) as DaemonHello
        clearTimeout(timer)
        resolve(link)
        return
      }
      const reply = JSON.parse(line) as Reply
      if (reply.id === 0 && 'error' in reply) {
        // Said of the hello: nothing that was asked here is run.
        const error = OrchError.fromBody(reply.error)
        settleAll(reply.replace === true ? { type: 'replace' } : { type: 'error', error })
        socket.end()
        return
      }
      const one = pending.get(reply.id)
      if (!one) return
      if ('progress' in reply || 'event' in reply) {
        one.listen?.(reply)
        return
      }
      pending.delete(reply.id)
      if ('error' in reply) one.resolve({ type: 'error', error: OrchError.fromBody(reply.error) })
      else one.resolve({ type: 'result', result: reply.result })
    }

    socket.on('data', (bytes: Buffer) => {
      for (const line of reader.push(bytes)) receive(line)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') reject(unreachable(paths.log, error.message))
    })
    socket.on('close', () => {
      clearTimeout(timer)
      settleAll({ type: 'lost' })
      resolveEnded()
      resolve(undefined)
    })
    socket.write(encodeFrame(helloOf(context)))
  })
}

function resultOf(answer: Answer): unknown {
  if (answer.type === 'result') return answer.result
  if (answer.type === 'error') throw answer.error
  throw new OrchError('daemon_stopping')
}
