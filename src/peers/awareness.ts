import type { Clock } from '../base/clock.ts'
import { isObject, parsedOrNot } from '../base/json.ts'
import type { Actor } from '../model/actor.ts'
import type { AwarenessEntry } from './frames.ts'

/** Somebody who is in the room with a client of their own. */
export interface Presence {
  readonly actor: Actor
  readonly client: number
}

/** One connection's seat in the table. */
export interface Seat {
  readonly actor: Actor
}

/**
 * Who is here, as the clients say it and the server allows it: each connection speaks for one client id only, and under
 * the name it was authenticated with. (y-protocols itself lets any client speak for, freeze or evict any other.)
 */
export interface Awareness {
  /**
   * Takes what a connection said; entries of other clients, which stock providers echo, are passed over. `opening` for
   * what it said before it can have heard of others: only then may it take its client id over from its own old
   * connection.
   */
  take(seat: Seat, entries: readonly AwarenessEntry[], opening: boolean): 'ok' | 'malformed' | 'too-large'
  /** Removes what a connection said. */
  leave(seat: Seat): void
  /** Here and at the other nodes. */
  all(): readonly AwarenessEntry[]
  /** Of those that are connected here. */
  own(): readonly AwarenessEntry[]
  /**
   * Shows what another node says of its clients, which it has looked at as this one does at its own; where `whole`, what is
   * not among it any more is gone. A client that is connected here is not spoken for by another node.
   */
  mirror(node: string, entries: readonly AwarenessEntry[], whole: boolean): void
  /** The name of who speaks for a client id at this moment. */
  holder(client: number): string | undefined
  presence(): readonly Presence[]
}

const MAX_STATE_BYTES = 4096
/** Who shows himself ten times a second comes here in seven years. */
const MAX_CLOCK = 2 ** 31
/** Clocks go up by one. A jump freezes whoever uses the id afterwards. */
const MAX_CLOCK_STEP = 1000
/** Longer than y-protocols keeps and echoes a state that nobody renews. */
const REMEMBER_MS = 60_000

interface Held {
  readonly seat: Seat
  readonly clock: number
  /** JSON text; `null` while the client shows nothing. */
  readonly state: string
}

export function createAwareness(parts: {
  readonly clock: Clock
  /** Who writes under a client id; undefined while nobody has. */
  readonly writerOf?: (client: number) => string | undefined
  /** Hears what clients are to be told. */
  readonly onChange: (entries: readonly AwarenessEntry[]) => void
  /** Hears what other nodes are to be told: changes of those that are connected here. */
  readonly onOwn?: (entries: readonly AwarenessEntry[]) => void
}): Awareness {
  const { clock, writerOf = () => undefined, onChange, onOwn = () => undefined } = parts
  const held = new Map<number, Held>()
  const others = createOthers()
  const leftAt = new Map<number, number>()
  const clientOf = new Map<Seat, number>()

  const claim = (seat: Seat, client: number, opening: boolean): boolean => {
    const writer = writerOf(client)
    if (writer !== undefined && writer !== seat.actor.name) return false
    const owner = held.get(client)
    const elsewhere = nameIn(others.of(client)?.state)
    if (elsewhere !== undefined && elsewhere !== seat.actor.name) return false
    const mayTake = owner ? opening && owner.seat.actor.name === seat.actor.name : opening || !leftAt.has(client)
    if (!mayTake) return false
    if (owner) clientOf.delete(owner.seat)
    clientOf.set(seat, client)
    held.set(client, { seat, clock: -1, state: 'null' })
    return true
  }
  const forget = (): void => {
    for (const [client, at] of leftAt) if (clock.monotonic() - at > REMEMBER_MS) leftAt.delete(client)
  }

  const own = (): readonly AwarenessEntry[] =>
    shown(held).map(([client, { clock: version, state }]) => ({ client, clock: version, state }))

  return {
    take(seat, entries, opening) {
      forget()
      for (const { client, clock: version, state } of entries) {
        if (!clientOf.has(seat) && (state === 'null' || !claim(seat, client, opening))) continue
        const before = held.get(client)
        if (!before || before.seat !== seat) continue
        const leaves = version === before.clock && state === 'null' && before.state !== 'null'
        if (version <= before.clock && !leaves) continue
        if (version > (before.clock < 0 ? MAX_CLOCK : before.clock + MAX_CLOCK_STEP)) return 'malformed'
        if (Buffer.byteLength(state) > MAX_STATE_BYTES) return 'too-large'
        const rewritten = rewrite(state, seat.actor)
        if (rewritten === undefined) return 'malformed'
        held.set(client, { seat, clock: version, state: rewritten })
        const entry = { client, clock: version, state: rewritten }
        onChange([entry])
        onOwn([entry])
      }
      return 'ok'
    },
    leave(seat) {
      const client = clientOf.get(seat)
      const before = client === undefined ? undefined : held.get(client)
      if (client === undefined || !before) return
      clientOf.delete(seat)
      held.delete(client)
      leftAt.set(client, clock.monotonic())
      if (before.state === 'null') return
      const gone = { client, clock: before.clock, state: 'null' }
      onOwn([gone])
      // It may have gone on at another node.
      onChange([others.of(client) ?? gone])
    },
    all: () => [...own(), ...others.all().filter(({ client }) => !held.has(client))],
    own,
    mirror(node, entries, whole) {
      const changed = others.take(node, entries.filter(isSound), whole)
      const shownHere = changed.filter(({ client }) => !held.has(client))
      if (shownHere.length > 0) onChange(shownHere)
    },
    holder: (client) => held.get(client)?.seat.actor.name ?? nameIn(others.of(client)?.state),
    presence: () => shown(held).map(([client, { seat }]) => ({ actor: seat.actor, client })),
  }
}

/** What other nodes show. Of a client that several show, for a moment while it goes from one to the other, the newest counts. */
function createOthers() {
  const nodes = new Map<string, Map<number, AwarenessEntry>>()
  const of = (client: number): AwarenessEntry | undefined => {
    let newest: AwarenessEntry | undefined
    for (const shownThere of nodes.values()) {
      const entry = shownThere.get(client)
      if (entry && (!newest || entry.clock > newest.clock)) newest = entry
    }
    return newest
  }
  return {
    of,
    all: (): readonly AwarenessEntry[] =>
      [...new Set([...nodes.values()].flatMap((one) => [...one.keys()]))].flatMap((client) => of(client) ?? []),
    /** What has changed by it, for clients. */
    take(node: string, entries: readonly AwarenessEntry[], whole: boolean): readonly AwarenessEntry[] {
      const there = nodes.get(node) ?? new Map<number, AwarenessEntry>()
      const named = new Set(entries.map(({ client }) => client))
      const left = whole ? [...there.values()].filter(({ client }) => !named.has(client)) : []
      const all = [...entries, ...left.map((entry) => ({ ...entry, state: 'null' }))]
      const before = new Map(all.map(({ client }) => [client, of(client)]))
      for (const entry of all) {
        const known = there.get(entry.client)
        if (entry.state === 'null') there.delete(entry.client)
        else if (!known || entry.clock >= known.clock) there.set(entry.client, entry)
      }
      if (there.size > 0) nodes.set(node, there)
      else nodes.delete(node)
      return [...before].flatMap(([client, was]) => {
        const is = of(client)
        if (is) return is.clock === was?.clock && is.state === was.state ? [] : [is]
        return was ? [{ ...was, state: 'null' }] : []
      })
    },
  }
}

function isSound({ client, clock, state }: AwarenessEntry): boolean {
  const areNumbers = [client, clock].every((number) => Number.isSafeInteger(number) && number >= 0)
  return areNumbers && typeof state === 'string' && Buffer.byteLength(state) <= MAX_STATE_BYTES && isState(state)
}

function isState(text: string): boolean {
  return text === 'null' || isObject(parsedOrNot(text))
}

/** Who shows a state, as the node of its client has written it. */
function nameIn(text: string | undefined): string | undefined {
  const state = text === undefined ? undefined : parsedOrNot(text)
  return isObject(state) && isObject(state.user) && typeof state.user.name === 'string' ? state.user.name : undefined
}

function shown(held: ReadonlyMap<number, Held>): readonly (readonly [number, Held])[] {
  return [...held].filter(([, { state }]) => state !== 'null')
}

/** The state with the name of who sent it; undefined when it is not an object. */
function rewrite(text: string, actor: Actor): string | undefined {
  const state = parsedOrNot(text)
  if (state === null) return 'null'
  if (!isObject(state)) return undefined
  const user = isObject(state.user) ? state.user : {}
  return JSON.stringify({ ...state, user: { ...user, name: actor.name } })
}
