/**
 * The simulations at length: `npm run sim -- --runs 5000 [--seed 7]` of the pipeline, `--world` of whole worlds with files
 * and people. Prints the seed and how far it is; what fails becomes a named regression.
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { runs, simulate } from './pipeline.ts'
import { playWorld, worlds } from './world.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    world: { type: 'boolean', default: false },
    /** Repeats one run of a seed, as it was printed. */
    path: { type: 'string' },
  },
})
const numRuns = Number(values.runs)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const TOLD = 500
process.stdout.write(`${numRuns} ${values.world ? 'worlds' : 'runs'}, seed ${seed}\n`)
const started = performance.now()
const seconds = (): number => Math.round((performance.now() - started) / 1000)
let played = 0

/** Throws when something does not hold. */
const check = async (wrong: Promise<readonly string[]>): Promise<void> => {
  const found = await wrong
  if (found.length > 0) throw new Error(found.join('\n'))
  if (++played % TOLD === 0) process.stdout.write(`${played} hold, ${seconds()} s\n`)
}
const property = values.world
  ? fc.asyncProperty(worlds, (world) => check(playWorld(world)))
  : fc.asyncProperty(runs, (steps) => check(simulate(steps)))
await fc.assert(property as fc.IAsyncProperty<unknown>, {
  numRuns,
  seed,
  ...(values.path !== undefined && { path: values.path }),
})
process.stdout.write(`all hold, in ${seconds()} s\n`)
