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
  const { Redis: Client } = await import('ioredis')
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
  const redis = new Client(url, { ...options, commandTimeout: ANSWER_MS })
  // A read that waits holds its connection: it has one of its own.
  const reader = new Client(url, options)
  // Without a listener an error is printed; every method rejects by itself.
  for (const client of [redis, reader]) client.on('error', () => undefined)

  return {
    async append(stream, from, bytes) {
      return String(await redis.xadd(stream, '*', 'f', from, 'b', Buffer.from(bytes)))
    },
    async read(after, limit, waitMs) {
      const [streams, ids] = [[...after.keys()], [...after.values()]]
      const answer = (await reader.callBuffer(
        'XREAD',
        ...['COUNT', limit, 'BLOCK', Math.max(1, Math.ceil(waitMs)), 'STREAMS', ...streams, ...ids],
      )) as readonly (readonly [Buffer, readonly (readonly [Buffer, readonly Buffer[] | null])[]])[] | null
      return (answer ?? []).flatMap(([stream, entries]) =>
        entries.flatMap(([id, fields]) => entryOf(stream.toString(), id.toString(), fields ?? [])),
      )
    },
    async trim(stream, id) {
      const [ms, n] = id.split('-')
      await redis.xtrim(stream, 'MINID', `${ms}-${Number(n) + 1}`)
    },
    async remove(stream) {
      await redis.del(stream)
    },
    fields: async (key) => new Map(Object.entries(await redis.hgetall(key))),
    async setField(key, field, value) {
      await redis.hset(key, field, value)
    },
    async dropField(key, field) {
      await redis.hdel(key, field)
    },
    async setFor(key, value, ms) {
      await redis.set(key, value, 'PX', ms)
    },
    get: async (keys) =>
      keys.length === 0 ? [] : (await redis.mget(...keys)).map((value) => (value === null ? undefined : value)),
    async setOnce(key, value) {
      await redis.set(key, value, 'NX')
      return (await redis.get(key)) ?? value
    },
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
