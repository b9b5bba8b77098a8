/**
 * The simulations at length: `npm run sim -- --runs 20000 [--seed 7]` of whole worlds with files and people, with
 * `--pipeline` of the pipeline alone; on every core, or on `--jobs`. Goes on after a run that does not hold, which becomes a
 * named regression, and fails in the end. `--seed` and `--path`, as they were printed, repeat one run and make it as small as
 * it can be.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { reasonOf } from '../../src/base/error.ts'
import { runs, simulate } from './pipeline.ts'
import { playWorld, worlds } from './world.ts'

/** So many share a seed; the next ones have the next seed. */
const PER_SEED = 100

/** What became of those of one seed. */
interface Played {
  readonly seed: number
  readonly count: number
  /** What does not hold. */
  readonly wrong?: string
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    pipeline: { type: 'boolean', default: false },
    path: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})
const numRuns = Number(values.runs)
const first = Number(values.seed ?? Date.now() % 2 ** 31)
const jobs = values.path === undefined ? Number(values.jobs) : 1

/** In the environment of the processes that play. */
const CHILD = { ...process.env, ORCH_SIM_CHILD: '1' }

/** Throws when something does not hold. */
const check = async (wrong: Promise<readonly string[]>): Promise<void> => {
  const found = await wrong
  if (found.length > 0) throw new Error(found.join('\n'))
}
const property = values.pipeline
  ? fc.asyncProperty(runs, (steps) => check(simulate(steps)))
  : fc.asyncProperty(worlds, (world) => check(playWorld(world)))

/** Plays those of one seed, up to the first that does not hold. */
async function play(seed: number, size: number): Promise<Played> {
  const result = await fc.check(property as fc.IAsyncProperty<unknown>, {
    numRuns: size,
    seed,
    ...(values.path === undefined ? { endOnFailure: true } : { path: values.path }),
  })
  if (!result.failed) return { seed, count: size }
  const report = await fc.asyncDefaultReportMessage(result)
  const again = `--seed ${seed} --path ${result.counterexamplePath}`
  return { seed, count: result.numRuns, wrong: `${report}\n${reasonOf(result.errorInstance)}\n${again}` }
}

/** A process of this program that plays what it is given. */
function createPlayer(): { play: typeof play; end: () => void } {
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), { env: CHILD })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('a process that played has ended')))
  return {
    async play(seed, size) {
      child.send({ seed, size })
      const [played] = await Promise.race([once(child, 'message'), ended])
      return played as Played
    },
    end: () => child.disconnect(),
  }
}

/** Gives seeds to processes of this program until there were enough runs. */
async function playAll(hear: (played: Played) => void): Promise<void> {
  let begun = 0
  let next = first
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      const player = jobs === 1 ? { play, end: () => undefined } : createPlayer()
      while (begun < numRuns) {
        const [seed, size] = [next++, Math.min(PER_SEED, numRuns - begun)]
        begun += size
        const played = await player.play(seed, size)
        // Those that were left out behind one that does not hold are others' turn.
        if (values.path === undefined) begun -= size - played.count
        hear(played)
        if (values.path !== undefined) break
      }
      player.end()
    }),
  )
}

if (process.env.ORCH_SIM_CHILD === '1') {
  process.on('message', async ({ seed, size }: { seed: number; size: number }) =>
    process.send?.(await play(seed, size)),
  )
} else {
  const what = values.pipeline ? 'runs' : 'worlds'
  const started = performance.now()
  const say = (line: string): boolean => process.stdout.write(`${line}\n`)
  const failed: number[] = []
  let played = 0
  say(`${numRuns} ${what}, seed ${first}`)
  await playAll(({ seed, count, wrong }) => {
    played += count
    if (wrong !== undefined) {
      failed.push(seed)
      say(wrong)
    }
    say(`${played - failed.length} of ${played} hold, ${Math.round((performance.now() - started) / 1000)} s`)
  })
  if (failed.length > 0) {
    say(`${failed.length} do not hold, of the seeds ${failed.join(', ')}`)
    process.exitCode = 1
  }
}
