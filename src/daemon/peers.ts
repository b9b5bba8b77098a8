import type { PeerInfo } from '../api/operation.ts'
import type { Service } from '../base/service.ts'
import type { Config } from '../config/options.ts'
import { joinedHere } from '../errands/joined.ts'
import type { Problem } from '../model/attention.ts'
import { randomText } from '../model/id.ts'
import { type Accept, createAccept } from '../peers/accept.ts'
import { type Asks, createAsks } from '../peers/asks.ts'
import { createConduct } from '../peers/conduct.ts'
import { createLinks, type Links } from '../peers/links.ts'
import { createLogRooms } from '../peers/log-rooms.ts'
import { createPeering } from '../peers/peering.ts'
import type { NodesShare } from '../peers/relay-news.ts'
import { createRoom } from '../peers/room.ts'
import { dialSockets } from '../peers/wire.ts'
import { joinMarks } from '../store/join-marks.ts'
import { createPeerStore } from '../store/peer-store.ts'
import { type Host, logOf } from './host.ts'
import { createNodes, type Nodes } from './nodes.ts'
import { slowedDown, turnedAway } from './parked-attention.ts'
import type { State } from './state.ts'

/** Everybody that the document is shared with: who dials in, who is dialled, and the other nodes. */
export interface Peers {
  readonly accept: Accept
  readonly links: Links
  readonly asks: Asks
  /** Whether anybody but this daemon may have this project's rows. */
  hasOthers(): boolean
  list(): readonly PeerInfo[]
  /** Who is in the rooms, here and on the other nodes: names of actors, and ids of replicas. */
  presence(): { readonly actors: readonly string[]; readonly replicas: readonly string[] }
  /** Calls the listener when that may have changed, until the returned function is called. */
  onPresence(listen: () => void): () => void
  problems(): readonly Problem[]
  readonly tell: Pick<Nodes, 'tellFailure' | 'tellCredential'>
  /** What decides who holds a task, where several nodes share it. */
  readonly leases: Nodes['leases']
  /** In the order in which they start. */
  readonly services: readonly Service[]
}

export interface PeersParts {
  readonly config: Config
  readonly host: Host
  readonly state: State
  /** Answers what another replica asks. */
  readonly answer: Parameters<typeof createAsks>[0]['answer']
  /** A replica that can be asked has come. */
  readonly onLinked: () => void
  /** The project took over the identity of another. */
  readonly onAdopted: () => void
  /** A connection was closed for good, with this code. */
  readonly onRefused: (code: number) => void
  /** At another node, an address showed a wrong token. */
  readonly onFailure: (from: string) => void
  readonly credentials: NodesShare['credentials']
  /** The list, or who is present, has changed. */
  readonly onChange: () => void
}

export function createPeers({ config, host, state, onChange, ...parts }: PeersParts): Peers {
  const { clock, random } = host
  const { project, db } = state
  const asks = createAsks({
    replica: () => project.replica,
    answer: parts.answer,
    onLinked: parts.onLinked,
    clock,
    key: () => randomText(random, 16),
  })
  const log = logOf(host, 'peers')
  const peering = createPeering({
    project,
    asks,
    instance: randomText(random, 16),
    pristine: () => project.rowCount() === 0,
    async adopt(other) {
      project.adopt(other)
      parts.onAdopted()
    },
    onTwin: (reason) => project.rollReplica(`a peer says that this database was ${reason}`),
    hasMoved: (asked) =>
      [...joinedHere(db), ...joinMarks(project).filter(({ records }) => records !== undefined)].some(
        (moved) => moved.id === asked || moved.name === asked,
      ),
    log,
  })
  const roomLog = logOf(host, 'room')
  const conduct = createConduct(clock)
  const watching = new Set<() => void>()
  const onPresence = (): void => {
    onChange()
    for (const listen of watching) listen()
  }
  const room = createRoom({
    peering,
    clock,
    log: roomLog,
    conduct,
    onPresence,
    onOwn: (entries) => nodes.tellPresence(entries),
  })
  const accept = createAccept({
    room,
    logRooms: createLogRooms({
      project,
      makeRoom: (document, onEmpty) => createRoom({ peering, clock, log: roomLog, conduct, document, onEmpty }),
      log: roomLog,
    }),
    clock,
    log,
    onRefused: parts.onRefused,
  })
  const stored = createPeerStore(db)
  const configured = config.peers.map(({ token = '', ...peer }) => ({ ...peer, token }))
  const links = createLinks({
    store: { ...stored, all: () => [...configured, ...stored.all()] },
    peering,
    dial: dialSockets(clock),
    clock,
    random,
    log: logOf(host, 'links'),
    onChange,
  })
  const actorsHere = (): string[] => room.presence().map(({ actor }) => actor.name)
  const nodes = createNodes({
    redis: config.redis,
    project,
    peering,
    here: actorsHere,
    share: { awareness: room.awareness, onFailure: parts.onFailure, credentials: parts.credentials },
    clock,
    random,
    log: logOf(host, 'relay'),
    graceMs: config['claims.graceMs'],
    idleMs: config['claims.idleMs'],
    onChange: onPresence,
    onLinked: parts.onLinked,
  })
  return {
    accept,
    links,
    asks,
    hasOthers: () => config.redis !== '' || configured.length + stored.all().length > 0,
    list: () => [...links.list(), ...nodes.peers()],
    presence: () => ({
      actors: [...actorsHere(), ...nodes.here().actors],
      replicas: [...room.replicas(), ...nodes.here().replicas],
    }),
    onPresence(listen) {
      watching.add(listen)
      return () => watching.delete(listen)
    },
    problems: () => [...nodes.problems(), ...turnedAway(conduct.refusals()), ...slowedDown(conduct.flooding())],
    tell: nodes,
    leases: nodes.leases,
    services: [links, nodes],
  }
}
