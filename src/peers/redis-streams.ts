import { connectRedis } from './redis-connection.ts'
import { FIRST, type StreamEntry, type Streams } from './streams.ts'

/** A server that answers nothing for so long is one that is not there. */
const ANSWER_MS = 5_000

/** Streams on a Redis server. Resolves at once; methods reject while there is no connection, which comes back by itself. */
export async function openRedisStreams(url: string, jitter: () => number): Promise<Streams> {
  const { redis, ask } = await connectRedis(url, { answerMs: ANSWER_MS, jitter })
  // A read that waits holds its connection: it has one of its own.
  const { redis: reader, ask: askReader } = await connectRedis(url, { jitter })

  return {
    append: (stream, from, bytes, keep) =>
      ask(async () => {
        const fields = ['f', from, 'b', Buffer.from(bytes)] as const
        const id =
          keep === undefined
            ? redis.xadd(stream, '*', ...fields)
            : redis.xadd(stream, 'MAXLEN', '~', keep, '*', ...fields)
        return String(await id)
      }),
    last: (stream) => ask(async () => (await redis.xrevrange(stream, '+', '-', 'COUNT', 1))[0]?.[0] ?? FIRST),
    read: (after, limit, waitMs) =>
      askReader(async () => {
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
