import { expect, test } from 'vitest'
import { breakNodes } from '../flow/nodes.ts'
import { hasRedis } from '../helpers/redis.ts'

const rounds = Number(process.env.ORCH_NODES_ROUNDS ?? 100)
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
