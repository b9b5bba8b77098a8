import type { Redis, RedisOptions } from 'ioredis'

export interface RedisConnectionOptions {
  /** What is not answered for so long, fails; without it, a command may wait. */
  readonly answerMs?: number
  /** Numbers from 0 up to 1. */
  readonly jitter: () => number
}

/** A connection to a Redis server, which comes back by itself. */
export interface RedisConnection {
  readonly redis: Redis
  /** Does something, and says why there is no connection, which ioredis tells only apart from the command that fails. */
  ask<T>(work: () => Promise<T>): Promise<T>
}

const CONNECT_MS = 5_000
const SILENCE_MS = 8_000
const MAX_RETRY_MS = 1_000

/** Resolves at once; commands reject while there is no connection. ioredis is loaded here, so only who uses Redis pays for it. */
export async function connectRedis(
  url: string,
  { answerMs, jitter }: RedisConnectionOptions,
): Promise<RedisConnection> {
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
    ...(answerMs !== undefined && { commandTimeout: answerMs }),
  } satisfies RedisOptions
  const redis = new ioredis.Redis(url, options)
  let reason = 'no connection'
  redis.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.message || error.code || reason
  })
  return {
    redis,
    async ask(work) {
      try {
        return await work()
      } catch (error) {
        throw redis.status === 'ready' ? error : new Error(`Redis does not answer (${reason})`, { cause: error })
      }
    },
  }
}
