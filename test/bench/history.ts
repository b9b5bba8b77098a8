/**
 * What looking back costs in a large project: 10,000 tasks and 100,000 rows, one of the tasks with 5,000 of them, and
 * how long any of it keeps the event loop. `npm run bench:history`; `-- --tasks 1000 --rows 10000` for less.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openDatabase } from '../../src/store/database.ts'
import { openProject } from '../../src/store/open-project.ts'
import { createRandom } from '../helpers/random.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, rows: { type: 'string', default: '100000' } },
})
const [tasks, rows] = [Number(flags.tasks), Number(flags.rows)]
const hot = rows / 20

const project = openProject({
  db: openDatabase(':memory:'),
  kinds: builtInKinds,
  clock: systemClock,
  random: createRandom(7),
  log: silentLogger,
  lease: { machine: 'bench', path: '/orch.db', inode: '1' },
  generations: { get: () => undefined, set: () => undefined },
  loads: { newest: () => undefined, make: () => Promise.resolve() },
  name: 'history',
})
const by = (name: string, session = '') =>
  ({ source: 'api', actor: { name, type: 'agent', verified: false }, session }) as const

const ids: RecordId[] = []
const writes: (() => Promise<unknown>)[] = []
for (let i = 0; i < tasks; i++) {
  writes.push(async () => {
    ids.push(
      await project.transact(by('ada'), (tx) => tx.create(task, { title: `Task ${i}`, body: 'alpha beta gamma' })),
    )
  })
}
for (let i = 0; i < rows - tasks; i++) {
  writes.push(() => {
    const id = (i < hot ? ids[0] : ids[(i * 7919) % ids.length]) as RecordId
    const origin = i % 100 === 1 ? by('claude', 's-1') : by(i % 2 ? 'bob' : 'ada')
    return project.transact(origin, (tx) =>
      tx.update(
        task,
        id,
        i % 3 === 0
          ? { edit: { body: [{ at: 0, delete: 0, insert: `w${i} ` }] } }
          : { set: { assignee: `a${i % 7}` }, increment: { spentHours: 1 } },
      ),
    )
  })
}
const started = performance.now()
for (let i = 0; i < writes.length; i += 50) await Promise.all(writes.slice(i, i + 50).map((write) => write()))
say('making it, per row', (performance.now() - started) / rows)

/** The longest turn while something runs, its own work between two looks included: on the clock, and of CPU. */
async function measured(what: string, work: () => Promise<unknown> | unknown): Promise<void> {
  globalThis.gc?.()
  const cpuNow = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  let [last, lastCpu, longest, longestCpu, done] = [performance.now(), cpuNow(), 0, 0, false]
  const look = (): void => {
    const [now, cpu] = [performance.now(), cpuNow()]
    longest = Math.max(longest, now - last)
    longestCpu = Math.max(longestCpu, cpu - lastCpu)
    ;[last, lastCpu] = [now, cpu]
    if (!done) setImmediate(look)
  }
  setImmediate(look)
  const start = performance.now()
  await work()
  const took = performance.now() - start
  done = true
  await new Promise((resolve) => setImmediate(resolve))
  say(what, took, longest, longestCpu)
}

function say(what: string, took: number, ...turns: readonly number[]): void {
  const columns = [took, ...turns].map((value) => `${value.toFixed(1).padStart(10)} ms`)
  process.stdout.write(`${what.padEnd(52)}${columns.join('')}\n`)
}

const half = { [project.replica]: Math.floor(rows * 0.5) }
const late = { [project.replica]: rows - 100 }
const { past } = project
process.stdout.write(`${''.padEnd(52)}${'took'.padStart(13)}${'longest turn'.padStart(13)}${'its CPU'.padStart(13)}\n`)
await measured('nothing, for comparison', () => new Promise((resolve) => setTimeout(resolve, 200)))
await measured('one task as it was', () => past.record(task, ids[9] as RecordId, half))
await measured(`a task of ${hot} rows as it was`, () => past.record(task, ids[0] as RecordId, half))
await measured('the moment of a time', () => past.momentAt(systemClock.now() - 1000))
await measured('all, as it was 100 rows ago', () => past.view(late, () => undefined))
await measured('all, as it was at half of the rows', () => past.view(half, () => undefined))
await measured('the same once more', () => past.view(half, () => undefined))
await measured('what changed in the second half of the rows', () => past.keysBetween(half, project.have()))
await measured('the last 20 changes', () => past.history({ limit: 20 }))
await measured('the last 20 changes of one task', () => past.history({ key: ids[9] as RecordId, limit: 20 }))
await measured(`the last 20 changes of a task of ${hot} rows`, () =>
  past.history({ key: ids[0] as RecordId, limit: 20 }),
)
await measured('blame of one task', () => past.blame(task, ids[9] as RecordId))
await measured(`blame of a task of ${hot} rows`, () => past.blame(task, ids[0] as RecordId))
await measured('the plan to undo a session of 1 % of the rows', () => past.undo({ session: 's-1' }))
