import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Actor } from '../model/actor.ts'
import { mayExchangeRows, mayWriteDocument, type Principal } from '../model/principal.ts'
import { MAIN_DOC } from '../store/journal.ts'
import type { RoomDocument } from '../store/project.ts'
import { createAdmission } from './admission.ts'
import { type Awareness, createAwareness, type Presence } from './awareness.ts'
import { createBroadcast, gather, keepState } from './broadcast.ts'
import { closeCodes } from './close-codes.ts'
import { type Conduct, createConduct, type Refusal } from './conduct.ts'
import type { Meter } from './flood.ts'
import { type AwarenessEntry, decodeFrame, encodeFrame, type Hello, isReplicaFrame } from './frames.ts'
import type { Peering } from './peering.ts'
import { createRowExchange, type RowExchange } from './row-exchange.ts'
import { createStockClient, type StockClient } from './stock-client.ts'
import type { Wire } from './wire.ts'

export interface RoomParts {
  readonly peering: Peering
  readonly clock: Clock
  readonly log: Logger
  readonly maxWires?: number
  /** One for all rooms. */
  readonly conduct?: Conduct
  /** What the room is about, where that is not the project's document. Replicas do not meet there. */
  readonly document?: RoomDocument
  /** Hears what those show who are connected here, for those who are connected to other nodes. */
  readonly onOwn?: (entries: readonly AwarenessEntry[]) => void
  /** Hears that the last one has left. */
  readonly onEmpty?: () => void
  /** Hears that somebody else shows themselves, or another replica is linked, than before. */
  readonly onPresence?: () => void
}

/** The meeting place of a project: stock clients, and replicas that dialled in. */
export interface Room {
  /** Whether the room is called so: the project's id or its name. */
  answersTo(name: string): boolean
  /** What to tell who asks for a project that has joined this one; undefined for all others. */
  moved(name: string): string | undefined
  /** Takes a connection in and keeps it until either side closes it. */
  join(wire: Wire, principal: Principal): void
  /** The stock clients that show themselves. */
  presence(): readonly Presence[]
  /** What those who are connected here show, and what others do that are connected to other nodes. */
  readonly awareness: Pick<Awareness, 'own' | 'mirror'>
  /** The ids of the replicas that dialled in and are linked. */
  replicas(): readonly string[]
  /** The last ones that were turned away, in all rooms that share a conduct. */
  refusals(): readonly Refusal[]
  /** Closes every wire. */
  stop(): void
}

/** Who is at the other end of a wire. A stock client until it says hello, which a replica does first. */
type Member =
  | { readonly type: 'stock'; readonly actor: string; readonly client: StockClient; heard: boolean }
  | { readonly type: 'replica'; readonly actor: string; readonly exchange: RowExchange; peer: Hello | undefined }

const MAX_WIRES = 1024
/** One actor leaves room for others. */
const MAX_WIRES_OF_ONE = 256
/** How many are sent all that they lack at a time. */
const FULL_SYNCS = 4
/** For a client that is no replica: the largest update, and what is around it. */
const MAX_CLIENT_FRAME_BYTES = (4 << 20) + 1024
const HEARTBEAT_MS = 15_000

export function createRoom(parts: RoomParts): Room {
  const { peering, clock, log, maxWires = MAX_WIRES, document, onEmpty, onPresence } = parts
  const { conduct = createConduct(parts.clock) } = parts
  const { onOwn = () => undefined } = parts
  const { project } = peering
  const shared = document ?? project
  const admission = createAdmission(clock, FULL_SYNCS)
  const states = keepState(shared, clock)
  const docName = document?.name ?? MAIN_DOC
  const members = new Map<Wire, Member>()
  let stopped = false

  const clients = (): StockClient[] =>
    [...members.values()].flatMap((member) => (member.type === 'stock' ? [member.client] : []))
  const broadcast = createBroadcast({ clients, stateVector: () => shared.encodeStateVector(), log })
  const tellClients = (entries: readonly AwarenessEntry[]): void => {
    const frame = encodeFrame({ type: 'awareness', entries })
    for (const client of clients()) client.show(frame)
  }
  const tellLater = gather(clock, tellClients)
  const awareness = createAwareness({
    clock,
    writerOf: project.writerOf,
    onChange(entries) {
      tellLater(entries)
      lookWho()
    },
    onOwn: gather(clock, onOwn),
  })
  const replicas = (): readonly string[] =>
    [...members.values()].flatMap((member) => (member.type === 'replica' && member.peer ? [member.peer.replica] : []))
  let known = '[[],[]]'
  /** Most changes are of a cursor. */
  const lookWho = (): void => {
    const now = JSON.stringify([awareness.presence().map(({ actor }) => actor.name), replicas()])
    if (now === known) return
    known = now
    onPresence?.()
  }

  const unsubscribe = project.onCommit((commit) => {
    states.forget()
    for (const member of members.values()) if (member.type === 'replica') member.exchange.poke()
    broadcast(commit.rows.flatMap((row) => (row.doc === docName ? [row.update] : [])))
  })
  /** Feeds the watchdog of providers, also in a quiet room: after 30 s without a message they reconnect. */
  const heartbeat = (): void => {
    tellClients([])
    cancelHeartbeat = clock.after(HEARTBEAT_MS, heartbeat)
  }
  let cancelHeartbeat = clock.after(HEARTBEAT_MS, heartbeat)

  const replicaOn = (wire: Wire, actor: Actor): Member & { readonly type: 'replica' } => {
    const exchange = createRowExchange({
      peering,
      side: 'host',
      send: (frame) => wire.send(frame),
      close(code, reason) {
        log.warn('a replica was disconnected', { actor: actor.name, code, reason })
        wire.close(code, reason)
      },
      clock,
      log,
      onLinked(peer) {
        member.peer = peer
        lookWho()
        log.info('a replica is linked', { replica: peer.replica, actor: actor.name })
      },
    })
    const member: Member & { readonly type: 'replica' } = {
      type: 'replica',
      actor: actor.name,
      exchange,
      peer: undefined,
    }
    return member
  }

  /** Remembers why the other side of a wire was turned away. */
  const noting = (wire: Wire, actor: Actor): Wire => ({
    get isOpen() {
      return wire.isOpen
    },
    get isFaulty() {
      return wire.isFaulty
    },
    get bufferedBytes() {
      return wire.bufferedBytes
    },
    send: wire.send,
    hold: wire.hold,
    onFrame: wire.onFrame,
    onClose: wire.onClose,
    close(code, reason) {
      if (wire.isOpen) conduct.note(actor.name, code, reason)
      wire.close(code, reason)
    },
  })

  /** Reads no more of who sends too much until that is evened out. */
  const slow = (wire: Wire, meter: Meter, bytes: number): void => {
    const wait = meter.count(bytes)
    if (wait > 0) clock.after(wait, wire.hold())
  }

  const receive = (wire: Wire, principal: Principal, meter: Meter, bytes: Uint8Array) => {
    const member = members.get(wire)
    if (!member) return
    if (member.type === 'stock') slow(wire, meter, bytes.length)
    if (!mayExchangeRows(principal) && bytes.length > MAX_CLIENT_FRAME_BYTES) {
      return wire.close(closeCodes.tooLarge, `a message of ${bytes.length} bytes is more than a client may send`)
    }
    const frame = decodeFrame(bytes)
    if (frame.type === 'malformed') return wire.close(closeCodes.malformed, frame.reason)
    if (!isReplicaFrame(frame)) {
      // A replica's provider still sends the state of its empty document: it says nothing.
      if (member.type === 'replica') return
      member.heard = true
      return member.client.receive(frame)
    }
    if (member.type === 'replica') return member.exchange.receive(frame)
    if (document) return wire.close(closeCodes.malformed, 'replicas meet in the room of the project')
    if (member.heard || (frame.type !== 'hello' && frame.type !== 'otherVersion')) {
      return wire.close(closeCodes.malformed, 'a replica says hello first')
    }
    if (!mayExchangeRows(principal)) {
      return wire.close(
        closeCodes.forbidden,
        `replicas link with a token of the role replica; this is a ${principal.role}`,
      )
    }
    member.client.stop()
    const replica = replicaOn(wire, principal.actor)
    members.set(wire, replica)
    replica.exchange.start()
    replica.exchange.receive(frame)
  }

  const leave = (wire: Wire): void => {
    const member = members.get(wire)
    members.delete(wire)
    if (member?.type === 'stock') member.client.stop()
    if (member?.type === 'replica') {
      member.exchange.stop()
      lookWho()
    }
    if (member && members.size === 0 && !stopped) onEmpty?.()
  }

  return {
    answersTo: (name) => name === project.id || name === project.name,
    moved: peering.moved,
    join(given, principal) {
      const wire = noting(given, principal.actor)
      if (stopped) return wire.close(closeCodes.leaving, 'the daemon is stopping')
      if (members.size >= maxWires) return wire.close(closeCodes.tryLater, 'too many connections')
      const { actor } = principal
      const own = [...members.values()].filter((member) => member.actor === actor.name)
      if (own.length >= MAX_WIRES_OF_ONE)
        return wire.close(closeCodes.tryLater, `too many connections of ${actor.name}`)
      const meter = conduct.meter(actor.name)
      const mayWrite = mayWriteDocument(principal)
      const client = createStockClient({ wire, actor, mayWrite, project: states, awareness, admission, clock, log })
      members.set(wire, { type: 'stock', actor: actor.name, client, heard: false })
      wire.onClose((code, reason) => {
        // Of what is no frame at all the room hears only by the end.
        if (wire.isFaulty) conduct.note(actor.name, code, reason)
        leave(wire)
      })
      client.greet()
      wire.onFrame((bytes) => {
        // What one connection sends must never end the daemon.
        try {
          receive(wire, principal, meter, bytes)
        } catch (error) {
          log.error('a frame failed', { actor: actor.name, error })
          wire.close(closeCodes.failed, 'internal error')
        }
      })
    },
    presence: awareness.presence,
    awareness,
    replicas,
    refusals: conduct.refusals,
    stop() {
      stopped = true
      unsubscribe()
      states.forget()
      cancelHeartbeat()
      for (const wire of [...members.keys()]) {
        leave(wire)
        wire.close(closeCodes.leaving, 'the daemon is stopping')
      }
    },
  }
}
