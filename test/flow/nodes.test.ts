import { expect, test } from 'vitest'
import { hasRedis } from '../helpers/redis.ts'
import { breakNodes } from './nodes.ts'

test.skipIf(!hasRedis)(
  '[P1] [P3] two nodes on a real Redis, killed, paused and emptied in turn: every acknowledged write is on both once',
  async () => {
    const { acknowledged, kills } = await breakNodes({ nodes: 2, rounds: 5, seed: 1 })
    expect(acknowledged).toBeGreaterThan(20)
    expect(Object.keys(kills).length).toBe(5)
  },
)
