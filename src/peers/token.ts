import type { IncomingMessage } from 'node:http'

/** The subprotocol of rooms. The second one a client offers may carry the token, which keeps it out of URLs. */
export const SUBPROTOCOL = 'orch.y.v1'
const BEARER_PROTOCOL = 'bearer.'

/** The subprotocols by which a client shows a token. */
export function protocolsFor(token: string): readonly string[] {
  return [SUBPROTOCOL, `${BEARER_PROTOCOL}${token}`]
}

/** Whether a token can travel as a subprotocol: letters, digits and `!#$%&'*+-.^_|~` and a backtick. */
export function isToken(text: string): boolean {
  return /^[\w!#$%&'*+.^|~`-]{1,512}$/.test(text)
}

/** The token a request carries: in the header, as a subprotocol, or, for browsers that can do neither, in the query. */
export function tokenOf(request: IncomingMessage, url: URL): string | undefined {
  const header = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim())
  const protocol = offered.find((text) => text.startsWith(BEARER_PROTOCOL))?.slice(BEARER_PROTOCOL.length)
  return header ?? protocol ?? url.searchParams.get('token') ?? undefined
}
