import type { IncomingMessage } from 'node:http'

/** What a request shows of who makes it. Nothing of it is checked yet. */
export interface Credentials {
  readonly token: string | undefined
  /** Who it says it is, for tokens that stand for nobody in particular. */
  readonly actor?: string | undefined
  /** The session it says it works in. */
  readonly session?: string | undefined
  /** The address it comes from. */
  readonly from: string
}

const BEARER_PROTOCOL = 'bearer.'

/** The credentials in a request's headers. */
export function credentialsOf(request: IncomingMessage): Credentials {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  return {
    token,
    actor: oneOf(request.headers['orch-actor']),
    session: oneOf(request.headers['orch-session']),
    from: addressOf(request),
  }
}

/**
 * The credentials of a WebSocket, which a browser gives no headers: a subprotocol `bearer.TOKEN`, or, for stock clients
 * that can do neither, the query.
 */
export function upgradeCredentialsOf(request: IncomingMessage, url: URL): Credentials {
  const inHeaders = credentialsOf(request)
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim())
  const protocol = offered.find((text) => text.startsWith(BEARER_PROTOCOL))?.slice(BEARER_PROTOCOL.length)
  return { ...inHeaders, token: inHeaders.token ?? protocol ?? url.searchParams.get('token') ?? undefined }
}

/** The address of the other end, an IPv4 one as such. */
export function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
}

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
