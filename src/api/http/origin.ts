import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** Where requests may come from. */
export interface Allowed {
  /** Whether only this machine can connect. */
  readonly loopbackOnly: boolean
  /** Names by which this daemon is reached from elsewhere, without port. */
  readonly names: readonly string[]
  /** Pages of other sites that may call: `https://board.example.org`. */
  readonly origins: readonly string[]
}

/**
 * Whether a request names this daemon, and a page that made it is allowed to. A page elsewhere can reach any address
 * through a visitor's browser, also by a name of its own that it makes resolve to 127.0.0.1 (DNS rebinding), but it cannot
 * lie in these two headers. An address cannot be rebound, so that beyond loopback any address is accepted as host.
 */
export function isAllowed({ headers: { host, origin } }: IncomingMessage, allowed: Allowed): boolean {
  const named = hostOf(`http://${host ?? ''}`)
  if (named === undefined || !isOurName(named.hostname, allowed)) return false
  if (origin === undefined) return true
  const page = hostOf(origin)
  if (page === undefined) return false
  return page.host === named.host || isLoopback(page.hostname) || allowed.origins.includes(origin)
}

/** `localhost`, `127.x.x.x` or `::1`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

function isOurName(name: string, { loopbackOnly, names }: Allowed): boolean {
  if (isLoopback(name) || names.includes(name)) return true
  return !loopbackOnly && isIP(name.replace(/^\[|\]$/g, '')) !== 0
}

function hostOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
