import type { PeerInfo } from '../api/operation.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { Problem } from '../model/attention.ts'
import { type Random, randomText } from '../model/id.ts'
import type { Peering } from '../peers/peering.ts'
import { createRedisLeases, RECOVERY_MS, type RedisLeases } from '../peers/redis-leases.ts'
import { openRedisStreams } from '../peers/redis-streams.ts'
import { createRelay, type Relay, type RelayStatus } from '../peers/relay.ts'
import type { NodesShare } from '../peers/relay-news.ts'
import type { Project } from '../store/project.ts'

export interface NodesParts {
  /** The address of a Redis server; '' for none. */
  readonly redis: string
  readonly project: Pick<Project, 'id' | 'replica' | 'listLog' | 'onCommit'>
  readonly peering: Peering
  /** Names of the actors in this node's room. */
  readonly here: () => readonly string[]
  readonly share: NodesShare
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** How long claims outlive the connection of their holder, and how long those last that nobody renews. */
  readonly graceMs: number
  readonly idleMs: number
  readonly onChange: () => void
  /** What nodes share can be asked again. */
  readonly onLinked: () => void
}

/** The other nodes that serve this project over Redis, as the rest of the daemon sees them. */
export interface Nodes extends Service, Pick<Relay, 'tellPresence' | 'tellFailure' | 'tellCredential'> {
  /** Redis, and each other node. */
  peers(): readonly PeerInfo[]
  /** Who is in the rooms of the other nodes, and the nodes that live. */
  here(): { readonly actors: readonly string[]; readonly replicas: readonly string[] }
  problems(): readonly Problem[]
  /** What decides who holds a task, for all nodes. */
  readonly leases?: RedisLeases
}

const NAME = 'redis'
const SETTLE_MS = 1_000
/** More than between two renewals of a claim. */
const MARGIN_MS = 25_000
/** Rows that are on their way are no problem. */
const LAG_MS = 30_000
const LOST_SHOWN_MS = 10 * 60_000

export function createNodes(parts: NodesParts): Nodes {
  const { redis, project, peering, here, share, clock, random, log, onLinked } = parts
  if (redis === '') return noNodes
  const url = withoutPassword(redis)
  const jitter = (): number => (random(1)[0] ?? 0) / 256
  let wasLinked = false
  /** When each node that is gone was first seen to be so. */
  const goneSince = new Map<string, number>()
  const relay = createRelay({
    peering,
    open: () => openRedisStreams(redis, jitter),
    here,
    share,
    clock,
    log,
    key: () => randomText(random, 16),
    onChange() {
      const { state, nodes } = relay.status()
      const isLinked = state === 'linked'
      for (const { replica, isAlive } of isLinked ? nodes : []) {
        if (isAlive) goneSince.delete(replica)
        else if (!goneSince.has(replica)) {
          goneSince.set(replica, clock.monotonic())
          clock.after(goneMs + SETTLE_MS, onLinked)
        }
      }
      if (isLinked && !wasLinked) {
        onLinked()
        // What was claimed while the server granted nothing.
        clock.after(RECOVERY_MS + SETTLE_MS, onLinked)
      }
      wasLinked = isLinked
      parts.onChange()
    },
  })
  // Longer than such a node itself, should it live and only not reach the server, trusts the claims of those who work there.
  const goneMs = parts.graceMs + MARGIN_MS
  const leases = createRedisLeases({
    url: redis,
    project,
    notServing() {
      const { state, error, refusal } = relay.status()
      return state === 'linked' ? refusal : (error ?? 'there is no connection yet')
    },
    gone: () =>
      relay
        .status()
        .nodes.filter(({ isAlive, replica }) => {
          const since = goneSince.get(replica)
          return !isAlive && since !== undefined && clock.monotonic() - since >= goneMs
        })
        .map(({ replica }) => replica),
    idleMs: parts.idleMs,
    jitter,
    log,
  })
  return {
    name: relay.name,
    leases,
    tellPresence: relay.tellPresence,
    tellFailure: relay.tellFailure,
    tellCredential: relay.tellCredential,
    start: relay.start,
    async stop() {
      leases.close()
      await relay.stop()
    },
    peers: () => peersOf(relay.status(), url),
    here() {
      const living = relay.status().nodes.filter(({ isAlive }) => isAlive)
      return { actors: living.flatMap((node) => node.here), replicas: living.map(({ replica }) => replica) }
    },
    problems: () => problemsOf(relay.status(), url, clock.now()),
  }
}

const noNodes: Nodes = {
  name: 'relay',
  async start() {},
  async stop() {},
  tellPresence() {},
  tellFailure() {},
  tellCredential() {},
  peers: () => [],
  here: () => ({ actors: [], replicas: [] }),
  problems: () => [],
}

function peersOf({ state, since, error, refusal, nodes, lag }: RelayStatus, url: string): readonly PeerInfo[] {
  const why = refusal ?? error
  const server: PeerInfo = {
    name: NAME,
    url,
    state: refusal === undefined ? state : 'waiting',
    since: new Date(since).toISOString(),
    ...(why !== undefined && { error: why }),
    lag: { ...lag, roundTripMs: lag.roundTripMs === undefined ? undefined : Math.round(lag.roundTripMs) },
  }
  const others = nodes.map(
    ({ replica, isAlive, at, refusal: reason }): PeerInfo => ({
      name: `node ${replica}`,
      url,
      state: isAlive && reason === undefined ? 'linked' : 'waiting',
      since: new Date(at).toISOString(),
      ...(reason !== undefined && { error: reason }),
    }),
  )
  return [server, ...others]
}

/** What people should know of. */
function problemsOf(status: RelayStatus, url: string, now: number): readonly Problem[] {
  const { state, since, error, refusal, nodes, refused, lag, behindSince, lostDataAt } = status
  const problems: Problem[] = []
  const why = refusal ?? nodes.find((node) => node.refusal !== undefined)?.refusal
  if (why !== undefined) {
    problems.push({
      kind: 'link',
      key: 'refused',
      what: `Another node is not of this project: ${why}`,
      where: `peer ${NAME}`,
      fix: 'Give each project that meets in this Redis a name of its own, or bring one into the other: see `orch join --help`.',
    })
  }
  if (state !== 'linked' && error !== undefined) {
    problems.push({
      kind: 'link',
      key: 'redis',
      what: `Nothing is exchanged with the other nodes: ${error}. This one works on by itself, and nothing is lost`,
      where: `peer ${NAME}`,
      fix: `Let ${url} answer again; the nodes then exchange what they have. See docs/redis.md.`,
      since,
    })
  }
  if (state === 'linked' && behindSince !== undefined && now - behindSince > LAG_MS) {
    problems.push({
      kind: 'link',
      key: 'behind',
      what: `Other nodes hold ${lag.behind} rows that are not here yet`,
      where: `peer ${NAME}`,
      fix: 'They are asked for. Where this stays, look whether the disk of this node takes writes, and into its log.',
      since: behindSince,
    })
  }
  if (lostDataAt !== undefined && now - lostDataAt < LOST_SHOWN_MS) {
    problems.push({
      kind: 'lost_relay',
      key: 'lost',
      what: 'Redis has lost its data. The nodes have exchanged anew what they hold, and nothing of the project is lost',
      where: `peer ${NAME}`,
      fix: `Look why: ${url} should keep its data (appendonly yes) and throw nothing away (maxmemory-policy noeviction). See docs/redis.md.`,
      since: lostDataAt,
    })
  }
  for (const [replica, reason] of refused) {
    problems.push({
      kind: 'link',
      key: `rows of ${replica}`,
      what: `What replica ${replica} wrote is not taken here: ${reason}`,
      where: `peer ${NAME}`,
      fix: 'Use the same version of orch on all nodes, then `orch restart` here.',
    })
  }
  return problems
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return NAME
  const parsed = new URL(url)
  parsed.username = ''
  parsed.password = ''
  return parsed.toString()
}
