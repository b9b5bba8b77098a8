import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { countOf, createTestRepo } from '../flow/harness.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'

const seconds = Number(process.env.ORCH_SOAK_SECONDS ?? 300)
const processes = Number(process.env.ORCH_SOAK_PROCESSES ?? 50)
const pauseMs = process.env.ORCH_SOAK_PAUSE_MS ?? '500'

interface Told {
  readonly words: readonly string[]
  readonly refused: readonly string[]
  readonly hours: number
  readonly count: number
  readonly latencies: readonly number[]
}

interface Measured {
  readonly p99: number
  readonly max: number
  readonly rss: number
  readonly heapUsed: number
}

test(`[P1] [P8] ${processes} processes with mixed operations for ${seconds} s: nothing lost, nothing refused, the event loop is free`, async () => {
  const repo = await createTestRepo({ env: { ORCH_MEASURE: '1' } })
  try {
    const { ask } = createDaemonClient(repo.dir, repo.env, packageJson.version)
    const tasks = Array.from({ length: 20 }, (_, i) => ask('task.create', { title: `Shared ${i}` }, 'test'))
    await Promise.all(tasks)
    const workers = Array.from({ length: processes }, (_, i) =>
      fork(join(import.meta.dirname, 'soak-worker.ts'), [repo.dir, String(i), pauseMs], {
        env: repo.env,
        execArgv: ['--import', 'tsx'],
      }),
    )
    const told = workers.map(async (worker) => (await once(worker, 'message'))[0] as Told)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    for (const worker of workers) worker.send('stop')
    const all = await Promise.all(told)

    const measured = measurements(repo.read('.git/orch/daemon.log'))
    const calls = all.flatMap(({ latencies }) => latencies).sort((a, b) => a - b)
    const at = (part: number): number => Math.round(calls[Math.floor(calls.length * part)] ?? 0)
    const worst = measured.map(({ p99 }) => p99).sort((a, b) => a - b)
    const half = measured.slice(Math.floor(measured.length / 2))
    const figures = {
      calls: calls.length,
      latencyMs: { p50: at(0.5), p99: at(0.99), max: at(0.99999) },
      loopMs: {
        medianP99: worst[Math.floor(worst.length / 2)],
        worstP99: worst.at(-1),
        max: Math.max(...measured.map(({ max }) => max)),
      },
      rssMb: measured.map(({ rss }) => Math.round(rss / 1e6)),
      heapMb: measured.map(({ heapUsed }) => Math.round(heapUsed / 1e6)),
      growthKbPerCall: slope(half.map(({ rss }) => rss)) / 1000 / (calls.length / measured.length),
    }
    process.stdout.write(`\n${JSON.stringify(figures)}\n`)

    expect(all.flatMap(({ refused }) => refused)).toEqual([])
    const texts: string[] = []
    let after: string | undefined
    let spent = 0
    do {
      const page = await ask<{
        items: readonly { title: string; body: string; spentHours: number }[]
        next?: string
      }>('task.list', { full: true, limit: 1000, all: true, ...(after && { after }) }, 'test')
      for (const { title, body, spentHours } of page.items) {
        texts.push(title, body)
        spent += spentHours
      }
      after = page.next
    } while (after)
    const found = new Map<string, number>()
    for (const [word] of texts.join('\n').matchAll(/\bs\d+n\d+e\b/g)) found.set(word, (found.get(word) ?? 0) + 1)
    expect(all.flatMap(({ words }) => words).filter((word) => found.get(word) !== 1)).toEqual([])
    expect(spent).toBe(all.reduce((sum, { hours }) => sum + hours, 0))
    await ask('sync', {}, 'test')
    const { findings } = await ask<{ findings: readonly { ok: boolean }[] }>('doctor', {}, 'test')
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    expect(countOf(repo.read('.git/orch/daemon.log'), '"message":"the daemon is ready"')).toBe(1)
  } finally {
    await repo.remove()
  }
})

function measurements(log: string): readonly Measured[] {
  const lines = log.split('\n').filter((line) => line.includes('"message":"measured"'))
  return lines.map((line) => JSON.parse(line) as Measured)
}

/** Bytes per measurement, by least squares. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const up = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0)
  return (
    up /
    Math.max(
      1,
      values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0),
    )
  )
}
