import { test } from 'vitest'
import { hasRedis } from '../helpers/redis.ts'
import { partitionRedis } from './node-partitions.ts'

test.skipIf(!hasRedis)(
  '[P1] [P3] a node whose way to Redis is half open: all converge, and a task claimed on both sides has one holder',
  async () => {
    await partitionRedis([{ weather: 'half-open' }])
  },
)
