import type { RedisOptions } from 'ioredis'
import type { StreamEntry, Streams } from './streams.ts'

/** A server that answers nothing for so long is one that is not there. */
const ANSWER_MS = 5_000
const CONNECT_MS = 5_000
const SILENCE_MS = 8_000
const MAX_RETRY_MS = 1_000

/**
 * Streams on a Redis server. Resolves at once; methods reject while there is no connection, which comes back by itself.
 * ioredis is loaded here, so only a daemon that uses Redis pays for it. `jitter` gives numbers from 0 up to 1.
 */
export async function openRedisStreams(url: string, jitter: () => number): Promise<Streams> {
  // By its default: bundled, a CommonJS package has no other names.
  const { default: ioredis } = await import('ioredis')
  const options = {
    // Version 3 answers a read in another shape.
    protocol: 2,
    // A paused server keeps its connections; the longest wait of a read is less than this.
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_MS,
    // What fails is done again by who asked, who knows whether it still has to be.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 5), MAX_RETRY_MS) * (0.5 + jitter() / 2),
  } satisfies RedisOptions
  const redis = new ioredis.Redis(url, { ...options, commandTimeout: ANSWER_MS })
  // A read that waits holds its connection: it has one of its own.
  const reader = new ioredis.Redis(url, options)
  let reason = 'no connection'
  for (const client of [redis, reader]) {
    client.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.message || error.code || reason
    })
  }
  /** Says why there is no connection, which ioredis tells only apart from the command that fails. */
  const asked = async <T>(client: typeof redis, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw client.status === 'ready' ? error : new Error(`Redis does not answer (${reason})`, { cause: error })
    }
  }
  const ask = <T>(work: () => Promise<T>): Promise<T> => asked(redis, work)

  return {
    append: (stream, from, bytes) =>
      ask(async () => String(await redis.xadd(stream, '*', 'f', from, 'b', Buffer.from(bytes)))),
    read: (after, limit, waitMs) =>
      asked(reader, async () => {
        const [streams, ids] = [[...after.keys()], [...after.values()]]
        const answer = (await reader.callBuffer(
          'XREAD',
          ...['COUNT', limit, 'BLOCK', Math.max(1, Math.ceil(waitMs)), 'STREAMS', ...streams, ...ids],
        )) as readonly (readonly [Buffer, readonly (readonly [Buffer, readonly Buffer[] | null])[]])[] | null
        return (answer ?? []).flatMap(([stream, entries]) =>
          entries.flatMap(([id, fields]) => entryOf(stream.toString(), id.toString(), fields ?? [])),
        )
      }),
    trim: (stream, id) =>
      ask(async () => {
        const [ms, n] = id.split('-')
        await redis.xtrim(stream, 'MINID', `${ms}-${Number(n) + 1}`)
      }),
    remove: (stream) => ask(async () => void (await redis.del(stream))),
    fields: (key) => ask(async () => new Map(Object.entries(await redis.hgetall(key)))),
    setField: (key, field, value) => ask(async () => void (await redis.hset(key, field, value))),
    dropField: (key, field) => ask(async () => void (await redis.hdel(key, field))),
    setFor: (key, value, ms) => ask(async () => void (await redis.set(key, value, 'PX', ms))),
    get: (keys) =>
      ask(async () => (keys.length === 0 ? [] : (await redis.mget(...keys)).map((value) => value ?? undefined))),
    setOnce: (key, value) =>
      ask(async () => {
        await redis.set(key, value, 'NX')
        return (await redis.get(key)) ?? value
      }),
    close() {
      redis.disconnect()
      reader.disconnect()
    },
  }
}

function entryOf(stream: string, id: string, fields: readonly Buffer[]): readonly StreamEntry[] {
  const [, from, , bytes] = fields
  // A copy: the buffer is a part of what was received, which would be kept in memory with it.
  return from && bytes ? [{ stream, id, from: from.toString(), bytes: Uint8Array.from(bytes) }] : []
}
