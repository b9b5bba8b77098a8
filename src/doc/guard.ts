import * as Y from 'yjs'
import { findOversized } from './content-limits.ts'
import { findForbidden } from './forbidden.ts'
import { CLIENTS_ROOT } from './layout.ts'

/** Whose a clientID is, seen by who sends structs of it: `ours` is written under by this replica itself. */
export type Owner = 'sender' | 'free' | 'other' | 'ours'

/** Whose update it is: a replica checked its rows where they were made, a client may send anything. */
export type Trust =
  | { readonly type: 'replica' }
  | {
      readonly type: 'client'
      /** Which root types hold records. */
      readonly holdsRecords: (root: string) => boolean
      readonly whose: (client: number) => Owner
    }

export type Decoded = ReturnType<typeof Y.decodeUpdate>

export const GUARD_LIMITS = { bytes: 4 << 20, structs: 200_000 } as const

/** A clientID, and how far it must have got. */
export interface Clock {
  readonly client: number
  readonly clock: number
}

/** `clients`: the clientIDs that it has new structs of. */
export type Verdict = { readonly type: 'ok'; readonly clients: readonly number[] } | Parked | Refusal

/**
 * Honest clients send it, too (after roaming between replicas, a reload offline, a restored server), but it cannot be
 * applied as it is: to be kept, and looked at again when `waitsFor` is reached.
 */
export interface Parked {
  readonly type: 'park'
  /** `missing`: it builds on something that is not here. `foreign`: it has structs of somebody else's clientID. */
  readonly reason: 'missing' | 'foreign'
  readonly waitsFor: Clock
  /** The part that can be applied, and the clientIDs it has new structs of. */
  readonly rest?: { readonly update: Uint8Array; readonly clients: readonly number[] }
}

export type Refusal =
  | { readonly type: 'malformed' | 'too-large' | 'gap' }
  /** Well formed, but it would take from others. */
  | { readonly type: 'forbidden'; readonly reason: string }

/** Further than any document gets: what claims more is no update of a client that works. */
const MAX_CLOCK = 2 ** 40

/**
 * Looks at a foreign update before it is applied. A gap (something it builds on is not here) would be kept by Yjs as
 * pending and answered by nobody; a delete of what is not here would travel in every full state for ever; and a struct
 * under somebody else's clientID makes that one's later edits vanish without a word.
 */
export function guardUpdate(doc: Y.Doc, update: Uint8Array, trust: Trust): Verdict {
  if (trust.type === 'client' && update.length > GUARD_LIMITS.bytes) return { type: 'too-large' }
  const decoded = decode(update)
  if (!decoded) return { type: 'malformed' }
  if (trust.type === 'client' && decoded.structs.some(buildsOnItself)) return { type: 'malformed' }
  const clients = newClients(doc, decoded)
  if (trust.type === 'replica') return firstGap(doc, decoded) ? { type: 'gap' } : { type: 'ok', clients }

  if (decoded.structs.length > GUARD_LIMITS.structs) return { type: 'too-large' }
  const oversized = findOversized(doc, decoded)
  if (oversized !== undefined) return { type: 'forbidden', reason: oversized }
  if (clients.some((client) => trust.whose(client) === 'ours')) {
    return { type: 'forbidden', reason: 'it writes under an id of this replica itself' }
  }
  const others = clients.filter((client) => trust.whose(client) === 'other' || isIntroduced(decoded, client))
  if (others.length > 0) return splitOff(doc, update, others, trust)
  const gap = firstGap(doc, decoded)
  if (gap) return { type: 'park', reason: 'missing', waitsFor: gap }
  const reason = findForbidden(doc, decoded, trust.holdsRecords)
  return reason === undefined ? { type: 'ok', clients } : { type: 'forbidden', reason }
}

/** Judges what of an update is not under the clientIDs of others; the whole is to be kept for the rest of it. */
function splitOff(doc: Y.Doc, update: Uint8Array, others: readonly number[], trust: Trust): Verdict {
  const [client = 0] = others
  const waitsFor = { client, clock: Y.getState(doc.store, client) + 1 }
  const whole: Parked = { type: 'park', reason: 'foreign', waitsFor }
  const rest = without(doc, update, others)
  if (!rest || !addsTo(doc, rest)) return whole
  const verdict = guardUpdate(doc, rest, trust)
  switch (verdict.type) {
    case 'ok':
      return { ...whole, rest: { update: rest, clients: verdict.clients } }
    case 'park':
      return whole
    default:
      return verdict
  }
}

/** What daemons do with a clientID before its first use: so it is one of a replica whose rows have not come yet. */
function isIntroduced(decoded: Decoded, client: number): boolean {
  return decoded.structs.some(
    (struct) =>
      struct.id.client === client &&
      struct instanceof Y.Item &&
      (struct.parent as unknown) === CLIENTS_ROOT &&
      struct.parentSub === String(client),
  )
}

/** Whether an update holds anything that the document lacks: a struct, or a deletion. What cannot be read counts as that. */
export function addsTo(doc: Y.Doc, update: Uint8Array): boolean {
  const decoded = decode(update)
  if (!decoded || newClients(doc, decoded).length > 0) return true
  for (const [client, ranges] of decoded.ds.clients) {
    for (const { clock, len } of ranges) {
      if (clock + len > Y.getState(doc.store, client) || !isDeleted(doc, client, clock, len)) return true
    }
  }
  return false
}

/** The clientIDs of which an update has structs that the document lacks. */
function newClients(doc: Y.Doc, { structs }: Decoded): readonly number[] {
  const found = new Set<number>()
  for (const struct of structs) {
    const { client, clock } = struct.id
    if (struct instanceof Y.Skip || found.has(client)) continue
    if (clock + struct.length > Y.getState(doc.store, client)) found.add(client)
  }
  return [...found]
}

function isDeleted(doc: Y.Doc, client: number, clock: number, length: number): boolean {
  for (let at = clock; at < clock + length; ) {
    const struct = Y.getItem(doc.store, new Y.ID(client, at))
    if (!struct.deleted) return false
    at = struct.id.clock + struct.length
  }
  return true
}

/** The first thing that an update builds on and that neither the document nor the update has. */
function firstGap(doc: Y.Doc, decoded: Decoded): Clock | undefined {
  const known = Y.decodeStateVector(Y.encodeStateVector(doc))
  const next = new Map<number, number>()
  for (const struct of decoded.structs) {
    const { client, clock } = struct.id
    const have = next.get(client) ?? known.get(client) ?? 0
    if (clock > have) return { client, clock }
    // Where updates were merged over something that is missing: no gap once that is here.
    if (struct instanceof Y.Skip && clock + struct.length > have) return { client, clock: clock + struct.length }
    next.set(client, Math.max(have, clock + struct.length))
  }
  const reaches = ({ client, clock }: Clock): boolean => clock <= (next.get(client) ?? known.get(client) ?? 0)
  for (const struct of decoded.structs) {
    if (!(struct instanceof Y.Item)) continue
    const { origin, rightOrigin, parent } = struct
    for (const id of [origin, rightOrigin, parent instanceof Y.ID ? parent : null]) {
      const needed = id && { client: id.client, clock: id.clock + 1 }
      if (needed && !reaches(needed)) return needed
    }
  }
  for (const [client, ranges] of decoded.ds.clients) {
    for (const range of ranges) {
      const needed = { client, clock: range.clock + range.len }
      if (!reaches(needed)) return needed
    }
  }
  return undefined
}

/** Whether a struct builds on itself or on what the same client wrote after it: Yjs fails on that in the middle of an update. */
function buildsOnItself(struct: Decoded['structs'][number]): boolean {
  if (!(struct instanceof Y.Item)) return false
  const { id, origin, rightOrigin, parent } = struct
  return [origin, rightOrigin, parent instanceof Y.ID ? parent : null].some(
    (other) => other !== null && other.client === id.client && other.clock >= id.clock,
  )
}

/** An update without the structs of some clientIDs and without deletions of what is then not there; undefined when it cannot be cut. */
function without(doc: Y.Doc, update: Uint8Array, clients: readonly number[]): Uint8Array | undefined {
  const everything = new Map(clients.map((client) => [client, Number.MAX_SAFE_INTEGER]))
  const cut = Y.diffUpdate(update, Y.encodeStateVector(everything))
  const decoded = decode(cut)
  const deletions = decoded && encodeDeletions(decoded.ds.clients)
  const structs = deletions && cut.subarray(0, cut.length - deletions.length)
  if (!deletions || !structs || Buffer.compare(cut.subarray(structs.length), deletions) !== 0) return undefined
  const upto = new Map<number, number>()
  for (const { id, length } of decoded.structs) upto.set(id.client, id.clock + length)
  const kept = [...decoded.ds.clients].map(([client, ranges]) => {
    const end = Math.max(upto.get(client) ?? 0, Y.getState(doc.store, client))
    return [client, ranges.filter(({ clock, len }) => clock + len <= end)] as const
  })
  return Buffer.concat([structs, encodeDeletions(new Map(kept.filter(([, ranges]) => ranges.length > 0)))])
}

type Ranges = readonly { readonly clock: number; readonly len: number }[]

/** The last part of an update, as Yjs writes it in encoding V1. */
function encodeDeletions(clients: ReadonlyMap<number, Ranges>): Uint8Array {
  const bytes: number[] = []
  const write = (value: number): void => {
    let left = value
    for (; left > 127; left = Math.floor(left / 128)) bytes.push(128 | (left & 127))
    bytes.push(left)
  }
  write(clients.size)
  for (const [client, ranges] of [...clients].sort(([a], [b]) => b - a)) {
    write(client)
    write(ranges.length)
    for (const { clock, len } of ranges) {
      write(clock)
      write(len)
    }
  }
  return Uint8Array.from(bytes)
}

function decode(update: Uint8Array): Decoded | undefined {
  try {
    const decoded = Y.decodeUpdate(update)
    const isSane = decoded.structs.every(({ id, length }) => id.clock + length < MAX_CLOCK)
    return isSane ? decoded : undefined
  } catch {
    return undefined
  }
}
