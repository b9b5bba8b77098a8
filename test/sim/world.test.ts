import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { REGRESSIONS } from './regressions.ts'
import { playWorld, worlds } from './world.ts'

const numRuns = Number(process.env.ORCH_WORLD_RUNS ?? 300)
// The same each time: who changes something sees whether they broke it. New worlds are for `npm run sim`.
const seed = Number(process.env.ORCH_WORLD_SEED ?? 1006)

describe('[I1] [I2] [I3] [I4] [I5] [I6] [I7] [I8] [I9] [I12] [I13] [I14] [I15] a world of replicas, people with editors, agents, and all that breaks', () => {
  test.each(Object.entries(REGRESSIONS))('%s', async (_, world) => {
    expect(await playWorld(world)).toEqual([])
  })

  test(`[P1] [P2] [P3] comes to rest with every word as often as those who wrote and removed it say: ${numRuns} worlds, seed ${seed}`, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        expect(await playWorld(world)).toEqual([])
      }),
      { numRuns, seed },
    )
  }, 3_600_000)

  test('plays the same world twice alike', async () => {
    const [world] = fc.sample(worlds, { numRuns: 10, seed: 4 }).sort((a, b) => b.steps.length - a.steps.length)
    const traces: string[][] = [[], []]
    for (const trace of traces) await playWorld(must(world, 'a world'), (line) => trace.push(line))
    expect(traces[0]?.length).toBeGreaterThan(10)
    expect(traces[0]).toEqual(traces[1])
  })
})
