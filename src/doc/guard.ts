import * as Y from 'yjs'
import { findForbidden } from './forbidden.ts'

/** Whose update it is: a replica checked its rows where they were made, a client may send anything. */
export type Trust =
  | { readonly type: 'replica' }
  /** Which root types hold records. */
  | { readonly type: 'client'; readonly holdsRecords: (root: string) => boolean }

type Decoded = ReturnType<typeof Y.decodeUpdate>

export const GUARD_LIMITS = { bytes: 4 << 20, structs: 200_000 } as const

export type Verdict = { readonly type: 'ok' } | Refusal

export type Refusal =
  | { readonly type: 'malformed' | 'too-large' | 'gap' }
  /** Well formed, but it would take from others. */
  | { readonly type: 'forbidden'; readonly reason: string }

/**
 * Looks at a foreign update before it is applied. A `gap` (something it builds on is not here) would be kept by Yjs as
 * pending and answered by nobody; a delete of what is not here would travel in every full state for ever.
 */
export function guardUpdate(doc: Y.Doc, update: Uint8Array, trust: Trust): Verdict {
  if (trust.type === 'client' && update.length > GUARD_LIMITS.bytes) return { type: 'too-large' }
  const decoded = decode(update)
  if (!decoded) return { type: 'malformed' }
  if (trust.type === 'client' && decoded.structs.length > GUARD_LIMITS.structs) return { type: 'too-large' }
  if (hasGap(doc, decoded)) return { type: 'gap' }
  const reason = trust.type === 'client' ? findForbidden(doc, decoded, trust.holdsRecords) : undefined
  return reason === undefined ? { type: 'ok' } : { type: 'forbidden', reason }
}

/** Whether an update holds anything that the document lacks: a struct, or a deletion. What cannot be read counts as that. */
export function addsTo(doc: Y.Doc, update: Uint8Array): boolean {
  const decoded = decode(update)
  if (!decoded) return true
  const isKnown = ({ client, clock }: Y.ID, length: number): boolean => clock + length <= Y.getState(doc.store, client)
  if (decoded.structs.some((struct) => !(struct instanceof Y.Skip) && !isKnown(struct.id, struct.length))) return true
  for (const [client, ranges] of decoded.ds.clients) {
    for (const { clock, len } of ranges) {
      if (!isKnown(new Y.ID(client, clock), len) || !isDeleted(doc, client, clock, len)) return true
    }
  }
  return false
}

function isDeleted(doc: Y.Doc, client: number, clock: number, length: number): boolean {
  for (let at = clock; at < clock + length; ) {
    const struct = Y.getItem(doc.store, new Y.ID(client, at))
    if (!struct.deleted) return false
    at = struct.id.clock + struct.length
  }
  return true
}

function hasGap(doc: Y.Doc, decoded: Decoded): boolean {
  const known = Y.decodeStateVector(Y.encodeStateVector(doc))
  const next = new Map<number, number>()
  for (const struct of decoded.structs) {
    const { client, clock } = struct.id
    const have = next.get(client) ?? known.get(client) ?? 0
    if (clock > have) return true
    if (struct instanceof Y.Skip) return true
    next.set(client, Math.max(have, clock + struct.length))
  }
  const reaches = (id: Y.ID): boolean => id.clock < (next.get(id.client) ?? known.get(id.client) ?? 0)
  for (const struct of decoded.structs) {
    if (!(struct instanceof Y.Item)) continue
    const { origin, rightOrigin, parent } = struct
    if (origin && !reaches(origin)) return true
    if (rightOrigin && !reaches(rightOrigin)) return true
    if (parent instanceof Y.ID && !reaches(parent)) return true
  }
  for (const [client, ranges] of decoded.ds.clients) {
    for (const range of ranges) {
      if (range.clock + range.len > (next.get(client) ?? known.get(client) ?? 0)) return true
    }
  }
  return false
}

function decode(update: Uint8Array): Decoded | undefined {
  try {
    return Y.decodeUpdate(update)
  } catch {
    return undefined
  }
}
