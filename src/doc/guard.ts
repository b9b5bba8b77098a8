import * as Y from 'yjs'

export interface GuardLimits {
  readonly bytes: number
  readonly structs: number
}

export const GUARD_LIMITS: GuardLimits = { bytes: 4 << 20, structs: 200_000 }

export type Verdict = 'ok' | 'malformed' | 'too-large' | 'gap'

/**
 * Looks at a foreign update before it is applied. A `gap` (something it builds on is not here) would be kept by Yjs as
 * pending and answered by nobody; a delete of what is not here would travel in every full state for ever.
 */
export function guardUpdate(doc: Y.Doc, update: Uint8Array, limits: GuardLimits = GUARD_LIMITS): Verdict {
  if (update.length > limits.bytes) return 'too-large'
  const decoded = decode(update)
  if (!decoded) return 'malformed'
  if (decoded.structs.length > limits.structs) return 'too-large'
  const known = Y.decodeStateVector(Y.encodeStateVector(doc))
  const next = new Map<number, number>()
  for (const struct of decoded.structs) {
    const { client, clock } = struct.id
    const have = next.get(client) ?? known.get(client) ?? 0
    if (clock > have) return 'gap'
    if (struct instanceof Y.Skip) return 'gap'
    next.set(client, Math.max(have, clock + struct.length))
  }
  const reaches = (id: Y.ID): boolean => id.clock < (next.get(id.client) ?? known.get(id.client) ?? 0)
  for (const struct of decoded.structs) {
    if (!(struct instanceof Y.Item)) continue
    const { origin, rightOrigin, parent } = struct
    if (origin && !reaches(origin)) return 'gap'
    if (rightOrigin && !reaches(rightOrigin)) return 'gap'
    if (parent instanceof Y.ID && !reaches(parent)) return 'gap'
  }
  for (const [client, ranges] of decoded.ds.clients) {
    for (const range of ranges) {
      if (range.clock + range.len > (next.get(client) ?? known.get(client) ?? 0)) return 'gap'
    }
  }
  return 'ok'
}

function decode(update: Uint8Array): ReturnType<typeof Y.decodeUpdate> | undefined {
  try {
    return Y.decodeUpdate(update)
  } catch {
    return undefined
  }
}
