import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { build } from 'esbuild'
import packageJson from '../../package.json' with { type: 'json' }
import { countOf, createTestRepo, type TestRepo, until } from '../flow/harness.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'

/** What a process of the soak says at its end. */
export interface Told {
  /** Words of acknowledged writes, by where they must be found. */
  readonly words: Readonly<Record<'tasks' | 'pages' | 'sessions' | 'contexts' | 'log', readonly string[]>>
  readonly refused: readonly string[]
  readonly hours: number
  readonly latencies: readonly number[]
}

export interface SoakOptions {
  readonly seconds: number
  readonly processes: number
  /** The mean time a process waits between two operations. */
  readonly pauseMs: number
}

export interface SoakResult {
  /** What is not as it must be; empty when all is well. */
  readonly wrong: readonly string[]
  /** How late the daemon's event loop was, and one that does nothing but a small durable write now and then. */
  readonly loopP99Ms: number
  readonly machineP99Ms: number
  /** Bytes that are kept when all garbage is gone: over time, and by a daemon that was just started on the same state. */
  readonly kept: readonly number[]
  readonly keptByFresh: number
  readonly figures: object
}

interface Measured {
  readonly p99: number
  readonly max: number
  readonly collectionMax: number
  readonly rss: number
  readonly kept?: number
}

const SHARED = 20
const RESOLUTION_MS = 5

/** What a daemon that has worked for a while keeps beyond one that was just started, in bytes: compiled code, statements. */
export const WARMTH = 8e6

/** Lets many processes work on one repository, then looks whether all that was acknowledged is there. */
export async function soak({ seconds, processes, pauseMs }: SoakOptions): Promise<SoakResult> {
  const repo = await createTestRepo({ env: { ORCH_MEASURE: '1' } })
  try {
    const { ask } = createDaemonClient(repo.dir, repo.env, packageJson.version)
    await Promise.all(Array.from({ length: SHARED }, (_, i) => ask('task.create', { title: `Shared ${i}` }, 'test')))
    const program = join(repo.dir, '.git', 'soak-worker.mjs')
    await bundleWorker(program)
    const workers = Array.from({ length: processes }, (_, i) =>
      fork(program, [repo.dir, String(i), String(pauseMs)], { env: repo.env, execArgv: [] }),
    )
    const machine = createBaseline(join(repo.dir, '.git', 'baseline'))
    const told = workers.map(async (worker) => (await once(worker, 'message'))[0] as Told)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    for (const worker of workers) worker.send('stop')
    const all = await Promise.all(told)

    const underLoad = measurements(repo)
    const machineP99Ms = machine.stop()
    await ask('sync', {}, 'test')
    const wrong = [
      ...all.flatMap(({ refused }) => refused),
      ...(await lost(ask, all)),
      ...(await findings(ask)),
      ...(countOf(repo.read('.git/orch/daemon.log'), '"message":"the daemon is ready"') === 1 ? [] : ['it died']),
    ]
    const own = await keptNow(repo)
    await repo.run(['restart'])
    await ask('sync', {}, 'test')
    const keptByFresh = await keptNow(repo)
    const kept = [...underLoad.flatMap((one) => one.kept ?? []), own]
    const calls = all.flatMap(({ latencies }) => latencies).sort((a, b) => a - b)
    const at = (part: number): number => Math.round(calls[Math.floor(calls.length * part)] ?? 0)
    const delays = underLoad.map(({ p99 }) => p99).sort((a, b) => a - b)
    const loopP99Ms = delays[delays.length >> 1] ?? Number.NaN
    return {
      wrong,
      loopP99Ms,
      machineP99Ms,
      kept,
      keptByFresh,
      figures: {
        calls: calls.length,
        callsPerSecond: Math.round(calls.length / seconds),
        writes: all.reduce((sum, { words }) => sum + Object.values(words).flat().length, 0),
        latencyMs: { p50: at(0.5), p99: at(0.99), max: at(0.99999) },
        loopMs: {
          medianP99: loopP99Ms,
          machineP99: machineP99Ms,
          worstP99: delays.at(-1),
          max: Math.max(...underLoad.map(({ max }) => max)),
          longestCollection: Math.max(...underLoad.map(({ collectionMax }) => collectionMax)),
        },
        rssMb: underLoad.map(({ rss }) => Math.round(rss / 1e6)),
        keptMb: kept.map((bytes) => Math.round(bytes / 1e5) / 10),
        keptByFreshMb: Math.round(keptByFresh / 1e5) / 10,
      },
    }
  } finally {
    await repo.remove()
  }
}

/** What the machine, its disk above all, does to the event loop of any program that makes things durable. */
function createBaseline(path: string): { stop(): number } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const file = openSync(path, 'w')
  delay.enable()
  const timer = setInterval(() => {
    writeSync(file, Buffer.alloc(4096), 0, 4096, 0)
    fsyncSync(file)
  }, 20)
  return {
    stop() {
      clearInterval(timer)
      closeSync(file)
      delay.disable()
      return Math.round(delay.percentile(99) / 1e5) / 10 - RESOLUTION_MS
    },
  }
}

/** Fifty processes that each compiled it would measure the compiler. */
async function bundleWorker(outfile: string): Promise<void> {
  const entryPoints = [join(import.meta.dirname, 'soak-worker.ts')]
  const define = { 'import.meta.dirname': JSON.stringify(join(import.meta.dirname, '../helpers')) }
  await build({ entryPoints, outfile, define, bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' })
}

type Ask = ReturnType<typeof createDaemonClient>['ask']

/** Words that are not there exactly once, and hours that are not the sum. */
async function lost(ask: Ask, all: readonly Told[]): Promise<readonly string[]> {
  const wrong: string[] = []
  const expected = (what: keyof Told['words']) => all.flatMap(({ words }) => words[what])
  const places = { tasks: 'task.list', pages: 'page.list', sessions: 'session.list', contexts: 'context.list' } as const
  let spent = 0
  for (const [what, op] of Object.entries(places) as [keyof typeof places, string][]) {
    const common = { full: true, ...(what === 'tasks' && { all: true }) }
    const living = await everything(ask, op, common)
    const deleted = await everything(ask, op, { full: true, deleted: true })
    if (what === 'tasks') spent = living.reduce((sum: number, one) => sum + Number(one.spentHours), 0)
    wrong.push(...notOnce(what, expected(what), [...living, ...deleted]))
  }
  wrong.push(...notOnce('log', expected('log'), await everything(ask, 'log.list', {})))
  const hours = all.reduce((sum, told) => sum + told.hours, 0)
  return spent === hours ? wrong : [...wrong, `${spent} hours, not ${hours}`]
}

function notOnce(
  what: string,
  words: readonly string[],
  records: readonly Record<string, unknown>[],
): readonly string[] {
  const found = new Map<string, number>()
  // A title is in the name of the file, too, and the text of a session begins with its goal.
  for (const { file: _, goal, summary, ...record } of records) {
    const texts = [goal, String(summary).replace(String(goal), ''), ...Object.values(record)]
    const text = texts.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n')
    for (const [word] of text.matchAll(/\bs\d+n\d+e\b/g)) found.set(word, (found.get(word) ?? 0) + 1)
  }
  return words
    .filter((word) => found.get(word) !== 1)
    .map((word) => `${word} is ${found.get(word) ?? 0} times in ${what}`)
}

async function everything(ask: Ask, op: string, input: object): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = []
  for (let after: string | undefined; ; ) {
    const page = await ask<{ items: readonly Record<string, unknown>[]; next?: string | null }>(
      op,
      { ...input, limit: 500, ...(after && { after }) },
      'test',
    )
    found.push(...page.items)
    if (!page.next) return found
    after = page.next
  }
}

async function findings(ask: Ask): Promise<readonly string[]> {
  const doctor = await ask<{ findings: readonly { ok: boolean }[] }>('doctor', {}, 'test')
  return doctor.findings.filter(({ ok }) => !ok).map((finding) => JSON.stringify(finding))
}

function measurements(repo: TestRepo): readonly Measured[] {
  const lines = repo.read('.git/orch/daemon.log').split('\n')
  return lines.filter((line) => line.includes('"message":"measured"')).map((line) => JSON.parse(line) as Measured)
}

/** What the daemon keeps at this moment when all garbage is gone. */
async function keptNow(repo: TestRepo): Promise<number> {
  const kept = (): readonly number[] => measurements(repo).flatMap((one) => one.kept ?? [])
  const before = kept().length
  const { pid } = JSON.parse(repo.read('.git/orch/daemon.json')) as { pid: number }
  process.kill(pid, 'SIGUSR2')
  await until(() => kept().length > before, 'memory is measured', 60_000)
  return kept().at(-1) ?? Number.NaN
}
