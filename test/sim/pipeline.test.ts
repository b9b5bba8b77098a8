import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs, simulate } from './pipeline.ts'

const numRuns = Number(process.env.ORCH_SIM_RUNS ?? 100)
const seed = Number(process.env.ORCH_SIM_SEED ?? Date.now() % 2 ** 31)

test(`[P1] [P2] [P3] actors on three replicas with crashes, partitions and failing commits keep what a plain model says: ${numRuns} runs, seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (steps) => {
      expect(await simulate(steps)).toEqual([])
    }),
    { numRuns, seed },
  )
}, 3_600_000)
