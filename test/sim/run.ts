/**
 * The simulations at length: `npm run sim -- --runs 20000 [--seed 7]` of whole worlds with files and people, with
 * `--pipeline` of the pipeline alone. Goes on after a run that does not hold, which becomes a named regression, and fails
 * in the end. `--seed` and `--path`, as they were printed, repeat one run and make it as small as it can be.
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { reasonOf } from '../../src/base/error.ts'
import { runs, simulate } from './pipeline.ts'
import { playWorld, worlds } from './world.ts'

/** So many share a seed; the next ones have the next seed. */
const PER_SEED = 100

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    pipeline: { type: 'boolean', default: false },
    path: { type: 'string' },
  },
})
const numRuns = Number(values.runs)
const first = Number(values.seed ?? Date.now() % 2 ** 31)
const what = values.pipeline ? 'runs' : 'worlds'
const started = performance.now()
const say = (line: string): boolean => process.stdout.write(`${line}\n`)
const spent = (): string =>
  `${Math.round((performance.now() - started) / 1000)} s, ${Math.round(process.cpuUsage().user / 1e6)} s of CPU`

/** Throws when something does not hold. */
const check = async (wrong: Promise<readonly string[]>): Promise<void> => {
  const found = await wrong
  if (found.length > 0) throw new Error(found.join('\n'))
}
const property = values.pipeline
  ? fc.asyncProperty(runs, (steps) => check(simulate(steps)))
  : fc.asyncProperty(worlds, (world) => check(playWorld(world)))

say(`${numRuns} ${what}, seed ${first}`)
const failed: number[] = []
let played = 0
for (let seed = first; played < numRuns; seed++) {
  const size = Math.min(PER_SEED, numRuns - played)
  const result = await fc.check(property as fc.IAsyncProperty<unknown>, {
    numRuns: size,
    seed,
    ...(values.path === undefined ? { endOnFailure: true } : { path: values.path }),
  })
  played += result.failed ? result.numRuns : size
  if (result.failed) {
    failed.push(seed)
    say(
      `${await fc.asyncDefaultReportMessage(result)}\n${reasonOf(result.errorInstance)}\n--seed ${seed} --path ${result.counterexamplePath}`,
    )
  }
  say(`${played - failed.length} of ${played} hold, ${spent()}`)
  if (values.path !== undefined) break
}
if (failed.length > 0) {
  say(`${failed.length} do not hold, of the seeds ${failed.join(', ')}`)
  process.exitCode = 1
}
