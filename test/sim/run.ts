/** The simulation at length: `npm run sim -- --runs 5000 [--seed 7]`. Prints the seed; a failing one becomes a regression. */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { runs, simulate } from './pipeline.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5000' }, seed: { type: 'string' } } })
const numRuns = Number(values.runs)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
process.stdout.write(`${numRuns} runs, seed ${seed}\n`)
const started = performance.now()
await fc.assert(
  fc.asyncProperty(runs, async (steps) => {
    const wrong = await simulate(steps)
    if (wrong.length > 0) throw new Error(wrong.join('\n'))
  }),
  { numRuns, seed },
)
process.stdout.write(`all hold, in ${Math.round((performance.now() - started) / 1000)} s\n`)
