import type { Clock } from '../base/clock.ts'

/** How much of something may come: so much at once, and so much a second in the long run. */
interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** What a connection and an actor may send, in frames and bytes. An honest client that was offline for a week is far below. */
const LIMITS = {
  connection: {
    frames: { burst: 20_000, perSecond: 5_000 },
    bytes: { burst: 32 << 20, perSecond: 1 << 20 },
  },
  actor: {
    frames: { burst: 200_000, perSecond: 20_000 },
    bytes: { burst: 128 << 20, perSecond: 4 << 20 },
  },
} as const

/** Who is slowed at this moment, for people to see. */
export interface Flooding {
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly since: number
}

/** Counts what connections send. */
export interface Meter {
  /** Counts a frame; returns for how many milliseconds no more of this connection is to be read, 0 as a rule. */
  count(bytes: number): number
}

/**
 * Keeps connections and actors from sending more than is good for the others. Nothing is dropped: who sends too much is
 * read more slowly, and waits at its own end of the line.
 */
export interface Flood {
  /** For a new connection of an actor. */
  meter(actor: string): Meter
  /** Who was slowed within the last minute. */
  flooding(): readonly Flooding[]
}

const SHOWN_MS = 60_000
const KEPT_ACTORS = 1_000

export function createFlood(clock: Clock): Flood {
  const actors = new Map<string, Bucket>()
  const slowed = new Map<string, { readonly since: number; last: number }>()

  const bucketOf = (actor: string): Bucket => {
    const bucket = actors.get(actor) ?? createBucket(clock, LIMITS.actor)
    actors.delete(actor)
    actors.set(actor, bucket)
    // Whose bucket is full again is as one who never came.
    if (actors.size > KEPT_ACTORS) for (const [name, one] of actors) if (one.isFull()) actors.delete(name)
    return bucket
  }
  const note = (actor: string): void => {
    const known = slowed.get(actor)
    if (known) known.last = clock.monotonic()
    else slowed.set(actor, { since: clock.now(), last: clock.monotonic() })
  }

  return {
    meter(actor) {
      const own = createBucket(clock, LIMITS.connection)
      return {
        count(bytes) {
          const wait = Math.max(own.take(bytes), bucketOf(actor).take(bytes))
          if (wait > 0) note(actor)
          return wait
        },
      }
    },
    flooding() {
      for (const [actor, { last }] of slowed) if (clock.monotonic() - last > SHOWN_MS) slowed.delete(actor)
      return [...slowed].map(([actor, { since }]) => ({ actor, since }))
    },
  }
}

interface Bucket {
  take(bytes: number): number
  isFull(): boolean
}

function createBucket(clock: Clock, { frames, bytes }: { readonly frames: Rate; readonly bytes: Rate }): Bucket {
  const [ofFrames, ofBytes] = [createLevel(clock, frames), createLevel(clock, bytes)]
  return {
    take: (size) => Math.max(ofFrames.take(1), ofBytes.take(size)),
    isFull: () => ofFrames.isFull() && ofBytes.isFull(),
  }
}

/** A token bucket. What was taken beyond it is waited for. */
export function createLevel(clock: Clock, { burst, perSecond }: Rate): { take(n: number): number; isFull(): boolean } {
  let level = burst
  let at = clock.monotonic()
  const fill = (): void => {
    const now = clock.monotonic()
    level = Math.min(burst, level + ((now - at) / 1000) * perSecond)
    at = now
  }
  return {
    take(n) {
      fill()
      level -= n
      return level >= 0 ? 0 : Math.ceil((-level / perSecond) * 1000)
    },
    isFull() {
      fill()
      return level >= burst
    },
  }
}
