/**
 * What a mirror at rest costs: CPU over half a minute with nothing to do, beside a process that only waits.
 * `npm run bench:idle [-- --tasks 10000 --seconds 30]`.
 */
import { parseArgs } from 'node:util'
import { sleep, systemClock } from '../../src/base/clock.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byClaude } from '../helpers/project.ts'
import { openRealMirror } from '../mirror/race.ts'

const { values } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, seconds: { type: 'string', default: '30' } },
})
const [tasks, seconds] = [Number(values.tasks), Number(values.seconds)]
const BATCH = 500

/** CPU time used while waiting, in milliseconds a second. */
async function cpuPerSecond(): Promise<number> {
  const before = process.cpuUsage()
  await Promise.all([
    sleep(systemClock, seconds * 1000),
    // The clock keeps no process alive by itself.
    new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  ])
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / seconds
}

const waiting = await cpuPerSecond()
const { held, mirror, stop } = await openRealMirror()
for (let i = 0; i < tasks; i += BATCH) {
  await held.project.transact(byClaude, (tx) => {
    for (let n = 0; n < Math.min(BATCH, tasks - i); n++) tx.create(task, { title: `Task ${i + n}`, body: 'text' })
  })
}
await mirror.sync()
// Signatures of files that are younger than two seconds are not trusted, and displaced ones are looked at once more.
await cpuPerSecond()
const idle = await cpuPerSecond()
const rows = [
  ['a process that waits', waiting],
  [`a mirror of ${tasks} files at rest, ${mirror.abilities().summary.split(':')[0]} tier`, idle],
] as const
process.stdout.write('| what | CPU, ms a second | of one core |\n|---|---|---|\n')
for (const [what, ms] of rows) {
  process.stdout.write(`| ${what} | ${ms.toFixed(2)} | ${(ms / 10).toFixed(2)} % |\n`)
}
await stop()
