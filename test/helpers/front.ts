import { request as httpRequest } from 'node:http'
import { WebSocket } from 'ws'
import type { Credentials } from '../../src/api/http/credentials.ts'
import { createFront, type Front, type FrontParts } from '../../src/api/http/front.ts'
import { systemClock } from '../../src/base/clock.ts'
import { OrchError } from '../../src/base/error.ts'
import { createLogger, formatEntry } from '../../src/base/log.ts'
import type { Principal } from '../../src/model/principal.ts'
import { alice, principalOf } from './project.ts'

export interface TestFront {
  readonly front: Front
  readonly port: number
  readonly url: string
  /** What it logged. */
  readonly lines: readonly string[]
}

/** Lets in who shows `good-token`, as a replica called alice. */
export async function authenticateGood({ token }: Credentials): Promise<Principal> {
  if (token === 'broken') throw new Error('the disk')
  if (token !== 'good-token') throw new OrchError('unauthorized')
  return principalOf(alice)
}

/** A front on real sockets. Stop it by `front.stop()`. */
export async function startFront(parts: Partial<FrontParts> = {}): Promise<TestFront> {
  const lines: string[] = []
  let port = 0
  const front = createFront({
    listen: { host: '127.0.0.1', port: 0 },
    allowed: { names: [], origins: [] },
    authenticate: authenticateGood,
    mounts: [],
    upgrades: [],
    notReady: () => undefined,
    clock: systemClock,
    log: createLogger(
      (entry) => lines.push(formatEntry(entry)),
      () => 0,
    ),
    onListening(got) {
      port = got
    },
    ...parts,
  })
  await front.start()
  return { front, port, url: front.url() ?? '', lines }
}

/** What a dialled WebSocket came to: the close code, or the HTTP status. */
export function outcome(url: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
  const socket = new WebSocket(url.replace('http', 'ws'), options.protocols ?? [], { headers: options.headers ?? {} })
  return new Promise<unknown>((resolve) => {
    socket.on('error', () => undefined)
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode))
    socket.once('close', (code) => resolve(code))
    socket.once('open', () => setImmediate(() => socket.readyState === WebSocket.OPEN && socket.close(3000)))
  })
}

/** Status and body of a request whose headers, `host` included, are as given. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: unknown }> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text === '' ? '' : parse(text) }),
      )
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
