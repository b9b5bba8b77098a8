/**
 * What a start costs: from the spawn of the daemon's process until it answers, on the clock and in CPU, beside `node -e 0`
 * in the same run. `npm run bench:start`; `-- --tasks 10000 --runs 21`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { createTestRepo, must } from '../flow/harness.ts'
import { populate } from './populate.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '1000' }, runs: { type: 'string', default: '15' } },
})
const runs = Number(flags.runs)

interface Start {
  /** Milliseconds until it was ready, and of CPU until then, all threads. */
  readonly wall: number
  readonly cpu: number
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const ms = (value: number): string => `${value.toFixed(0)} ms`

/** Milliseconds of CPU of all threads of a process so far. */
function cpuOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const used = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]))
  return used.reduce((sum, ns) => sum + ns, 0) / 1e6
}

async function daemon(repo: Awaited<ReturnType<typeof createTestRepo>>): Promise<Start> {
  const start = performance.now()
  const child = spawn(process.execPath, ['dist/daemon.mjs', '--report', '--dir', repo.dir], {
    env: repo.env,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  await once(child.stdio[3] as Readable, 'data')
  const wall = performance.now() - start
  const cpu = cpuOf(child.pid ?? 0)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
  return { wall, cpu }
}

function node(): Start {
  const start = performance.now()
  const { stdout } = spawnSync(process.execPath, [
    '-e',
    'const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)',
  ])
  return { wall: performance.now() - start, cpu: Number(stdout) }
}

const repo = await createTestRepo({ init: false })
try {
  await populate(repo, Number(flags.tasks))
  await must(repo.run(['start']))
  await must(repo.run(['sync']))
  await must(repo.run(['stop']))
  const starts: Start[] = []
  const nodes: Start[] = []
  for (let run = 0; run < runs; run++) {
    starts.push(await daemon(repo))
    nodes.push(node())
  }
  const say = (what: string, all: readonly Start[]): void => {
    const [wall, cpu] = [all.map((one) => one.wall), all.map((one) => one.cpu)]
    process.stdout.write(
      `${what.padEnd(44)} ${ms(median(wall)).padStart(8)}  CPU ${ms(median(cpu)).padStart(8)}, least ${ms(Math.min(...wall))}, CPU ${ms(Math.min(...cpu))}\n`,
    )
  }
  say(`the daemon, until it answers, ${flags.tasks} tasks`, starts)
  say('node -e 0', nodes)
} finally {
  await repo.remove()
}
