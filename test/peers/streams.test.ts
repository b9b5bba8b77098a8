import { afterAll, beforeAll, describe } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { openRedisStreams } from '../../src/peers/redis-streams.ts'
import { streamsContract } from '../contract/streams.ts'
import { until } from '../flow/harness.ts'
import { createTestRedis, hasRedis, type TestRedis } from '../helpers/redis.ts'
import { createMemoryServer } from '../memory/streams.ts'

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

streamsContract('in memory', async () => {
  const server = createMemoryServer(systemClock)
  const [streams, other] = [server.connect(), server.connect()]
  return { streams, other, pass, dispose: async () => other.close() }
})

describe.skipIf(!hasRedis)('on a real server', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await createTestRedis()
  })
  afterAll(() => redis?.remove())

  streamsContract('redis', async () => {
    redis.cli('flushall')
    const open = async () => {
      const one = await openRedisStreams(redis.url, () => 0.5)
      const isUp = async (): Promise<boolean> => {
        try {
          await one.fields('none')
          await one.read(new Map([['none', '0-0']]), 1, 1)
          return true
        } catch {
          return false
        }
      }
      await until(isUp, 'the connection')
      return one
    }
    const [streams, other] = [await open(), await open()]
    return {
      streams,
      other,
      pass,
      dispose: async () => {
        streams.close()
        other.close()
      },
    }
  })
})
