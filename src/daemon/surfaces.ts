import type { Agents } from '../agents/agents.ts'
import { claimantOf, contextOfCaller } from '../api/context-of-caller.ts'
import { createDoor, type Door } from '../api/door.ts'
import { createFront, type Front } from '../api/http/front.ts'
import { isLoopback } from '../api/http/origin.ts'
import type { Parts } from '../api/operation.ts'
import { operationsOf } from '../api/operations.ts'
import { createSocketServer } from '../api/socket-server.ts'
import { isStill } from '../base/repository.ts'
import type { Service } from '../base/service.ts'
import type { Config } from '../config/options.ts'
import type { Principal } from '../model/principal.ts'
import type { Accept } from '../peers/accept.ts'
import { type Access, tlsOf } from './access.ts'
import type { ActivityFeed } from './activity.ts'
import type { Audit } from './audit.ts'
import { createGraphql } from './graphql.ts'
import { type Host, logOf } from './host.ts'
import type { Measures } from './measures.ts'
import { mountsOf } from './mounts.ts'
import type { State } from './state.ts'

/** Where callers come in: the local socket, and the front with all that is served over HTTP and WebSockets. */
export interface Surfaces {
  readonly door: Door
  readonly sockets: Service
  readonly front: Front
}

export interface SurfacesParts {
  readonly config: Config
  readonly host: Host
  readonly state: State
  readonly agents: Agents
  readonly access: Access
  readonly audit: Audit
  readonly activity: ActivityFeed
  readonly measures: Measures
  readonly accept: Accept
  /** Calls the listener when somebody came or left. */
  readonly onPresence: (listen: () => void) => () => void
  /** What operations work on. */
  readonly parts: Parts
  /** Resolves when requests may be answered. */
  readonly ready: Promise<void>
  /** Why the daemon is not ready to serve all, where it is not. */
  readonly notReady: () => string | undefined
}

export function createSurfaces(surfaces: SurfacesParts): Surfaces {
  const { config, host, state, agents, audit, activity, measures, parts, ready } = surfaces
  const { authenticate } = surfaces.access
  const { clock, random } = host
  const { project, kinds, meta } = state
  const operations = operationsOf(kinds)
  const door = createDoor({
    operations,
    identify: agents.identify,
    contextOf: contextOfCaller({ project, clock, parts, renewed: agents.claims.renewed }),
    ready,
    monotonic: clock.monotonic,
    note(call) {
      measures.noteCall(call)
      audit.noteCall(call)
    },
    log: logOf(host, 'door'),
  })
  const attach = (principal: Principal, ends = false): (() => void) =>
    agents.attach(claimantOf(agents.identify(principal)), ends)
  const sockets = createSocketServer({
    socket: host.paths.socket,
    common: host.common,
    movedFrom: () => (isStill(host.commonDir, host.common) ? undefined : host.commonDir),
    version: host.version,
    door,
    person: host.person,
    ready,
    drain: host.drain,
    attach,
    activity: activity.subscribe,
    log: logOf(host, 'socket'),
  })
  const graphql = createGraphql({
    door,
    project,
    kinds,
    operations,
    onPresence: surfaces.onPresence,
    readerIntrospection: config['graphql.readerIntrospection'],
    authenticate,
    clock,
    log: logOf(host, 'graphql'),
  })
  const listen = listenAt(config.listen, () => Number(meta.get('port') ?? 0))
  const front = createFront({
    listen,
    allowed: { names: config['http.names'], origins: config['http.origins'] },
    tls: tlsOf(config, host.paths.dir, clock, logOf(host, 'http')),
    isInsecureAllowed: config.listenInsecure,
    authenticate,
    mounts: mountsOf({
      door,
      project,
      operations,
      attach,
      activity: activity.subscribe,
      clock,
      random,
      version: host.version,
      metrics: measures.metrics,
      graphql: graphql.server,
      isLoopback: isLoopback(listen.host),
    }),
    upgrades: [surfaces.accept, graphql.socket],
    notReady: surfaces.notReady,
    clock,
    log: logOf(host, 'http'),
    onListening: (port) => meta.set('port', String(port)),
  })
  return { door, sockets, front }
}

/** `host:port`, an IPv6 host in brackets. Port 0 is the one that was listened on before. */
function listenAt(listen: string, portBefore: () => number): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  const port = Number(listen.slice(at + 1))
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: port === 0 ? portBefore() : port }
}
