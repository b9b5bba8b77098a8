import { expect, test } from 'vitest'
import { hasRedis } from '../helpers/redis.ts'
import { breakNodes } from './nodes.ts'

test.skipIf(!hasRedis)(
  '[P1] [P3] two nodes on a real Redis, killed together, then Redis emptied: every acknowledged write is on both once',
  async () => {
    const { acknowledged, kills } = await breakNodes({ nodes: 2, rounds: 2, seed: 1, kinds: ['both', 'empty'] })
    expect(acknowledged).toBeGreaterThan(20)
    expect(Object.keys(kills).length).toBe(2)
  },
)
