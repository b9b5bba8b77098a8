import { expect, test } from 'vitest'
import { type Partition, partitionLink, partitionLong, partitionRedis } from '../flow/node-partitions.ts'
import { breakNodes } from '../flow/nodes.ts'
import { hasRedis } from '../helpers/redis.ts'

const rounds = Number(process.env.ORCH_NODES_ROUNDS ?? 100)
/** Each kind of bad way, and one that is only slow. */
const partitions: readonly Partition[] = [
  { weather: 'cut' },
  { weather: 'half-open' },
  { weather: 'outward' },
  { weather: 'inward' },
  { weather: 'open', delayMs: 400 },
]
const times = Number(process.env.ORCH_PARTITION_ROUNDS ?? 4)
const seed = Number(process.env.ORCH_NODES_SEED ?? 1)

test.skipIf(!hasRedis)(
  `[P1] [P3] three nodes on a real Redis, ${rounds} rounds of kills, pauses and losses: nothing acknowledged is lost`,
  async () => {
    const say = (line: string): void => void process.stdout.write(`${line}\n`)
    const report = await breakNodes({ nodes: 3, rounds, seed, say })
    say(JSON.stringify(report))
    expect(report.acknowledged).toBeGreaterThan(rounds)
  },
  3_600_000,
)

test.skipIf(!hasRedis)(
  `[P1] [P3] a node whose way to Redis is cut, half open, one-way and slow, ${times} times each: all converge, one holder`,
  async () => {
    await partitionRedis(Array.from({ length: times }, () => partitions).flat())
  },
  3_600_000,
)

test(`[P1] [P3] two daemons whose link is cut, half open, one-way and slow, ${times} times each: both converge, one holder`, async () => {
  await partitionLink(Array.from({ length: times }, () => partitions).flat())
}, 3_600_000)

test.skipIf(!hasRedis)(
  'a node that does not reach Redis for long: it is uncertain of its holder before another has the task, and never two are certain',
  async () => {
    process.stdout.write(`${JSON.stringify(await partitionLong())}\n`)
  },
  600_000,
)
