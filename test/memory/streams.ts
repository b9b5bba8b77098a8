import type { Clock } from '../../src/base/clock.ts'
import { FIRST, isAfter, type StreamEntry, type Streams } from '../../src/peers/streams.ts'

/** A server in memory that nodes share, with what can happen to one. */
export interface MemoryServer {
  connect(): Streams
  /** Nothing is answered any more: what is asked rejects. */
  down(): void
  up(): void
  /** It is there and empty. */
  loseAll(): void
  /** Loses the newest entries of a stream, as a server does that writes to disk once a second. */
  loseNewest(stream: string, count: number): void
  /** Appended from now on vanishes, though who appends is told that it is there. */
  swallow(isSwallowing: boolean): void
  entries(stream: string): readonly StreamEntry[]
  streams(): readonly string[]
}

export function createMemoryServer(clock: Clock): MemoryServer {
  const streams = new Map<string, StreamEntry[]>()
  const hashes = new Map<string, Map<string, string>>()
  const values = new Map<string, { readonly value: string; readonly until: number }>()
  const waiters = new Set<() => void>()
  let isUp = true
  let isSwallowing = false
  let count = 0

  const wake = (): void => {
    for (const waiter of [...waiters]) waiter()
  }
  const liveValue = (key: string): string | undefined => {
    const held = values.get(key)
    return held && held.until > clock.now() ? held.value : undefined
  }

  const connect = (): Streams => {
    let isClosed = false
    /** As over a network: later, and never when the server is not there. */
    const answer = async <T>(work: () => T): Promise<T> => {
      await new Promise((resolve) => setImmediate(resolve))
      if (!isUp || isClosed) throw new Error('connect ECONNREFUSED')
      return work()
    }
    const found = (after: ReadonlyMap<string, string>, limit: number): readonly StreamEntry[] =>
      [...after].flatMap(([stream, id]) =>
        (streams.get(stream) ?? []).filter((entry) => isAfter(entry.id, id)).slice(0, limit),
      )
    return {
      last: (stream) => answer(() => streams.get(stream)?.at(-1)?.id ?? FIRST),
      append: (stream, from, bytes, keep = Number.POSITIVE_INFINITY) =>
        answer(() => {
          const id = `${clock.now()}-${++count}`
          if (isSwallowing) return id
          const entries = streams.get(stream) ?? []
          streams.set(stream, entries)
          entries.push({ stream, id, from, bytes: Uint8Array.from(bytes) })
          if (entries.length > keep) entries.splice(0, entries.length - keep)
          wake()
          return id
        }),
      async read(after, limit, waitMs) {
        const until = clock.monotonic() + waitMs
        for (;;) {
          const entries = await answer(() => found(after, limit))
          if (entries.length > 0 || clock.monotonic() >= until) return entries
          await new Promise<void>((resolve) => {
            const go = (): void => {
              cancel()
              waiters.delete(go)
              resolve()
            }
            const cancel = clock.after(until - clock.monotonic(), go)
            waiters.add(go)
          })
        }
      },
      trim: (stream, id) =>
        answer(() => {
          const kept = streams.get(stream)?.filter((entry) => isAfter(entry.id, id))
          if (kept) streams.set(stream, kept)
        }),
      remove: (stream) => answer(() => void streams.delete(stream)),
      fields: (key) => answer(() => new Map(hashes.get(key) ?? [])),
      setField: (key, field, value) =>
        answer(() => {
          const hash = hashes.get(key) ?? new Map<string, string>()
          hashes.set(key, hash)
          hash.set(field, value)
        }),
      dropField: (key, field) => answer(() => void hashes.get(key)?.delete(field)),
      setFor: (key, value, ms) => answer(() => void values.set(key, { value, until: clock.now() + ms })),
      get: (keys) => answer(() => keys.map(liveValue)),
      setOnce: (key, value) =>
        answer(() => {
          const there = liveValue(key)
          if (there === undefined) values.set(key, { value, until: Number.POSITIVE_INFINITY })
          return there ?? value
        }),
      close() {
        isClosed = true
        wake()
      },
    }
  }

  return {
    connect,
    down() {
      isUp = false
      wake()
    },
    up() {
      isUp = true
    },
    loseAll() {
      streams.clear()
      hashes.clear()
      values.clear()
    },
    loseNewest(stream, lost) {
      streams.get(stream)?.splice(-lost)
    },
    swallow(swallowing) {
      isSwallowing = swallowing
    },
    entries: (stream) => streams.get(stream) ?? [],
    streams: () => [...streams.keys()],
  }
}
