/**
 * Measures what a person waits for, as ratios in one run: machines differ and are shared. Prints a table.
 * `npm run bench` (about three minutes); `npm run bench -- --tasks 1000` for a smaller project.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { task } from '../../src/model/kinds/task.ts'
import { createTestRepo, must, type TestRepo } from '../flow/harness.ts'
import { byBench, openForSnapshots, populate } from './populate.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, runs: { type: 'string', default: '21' } },
})
const large = Number(flags.tasks)
const runs = Number(flags.runs)

interface Line {
  readonly what: string
  readonly figure: string
  readonly beside: string
  readonly goal: string
  readonly ok: boolean
}
const lines: Line[] = []
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Whole processes, run in turn so that what disturbs one disturbs all; median milliseconds of each. */
function timeCommands(commands: Readonly<Record<string, () => void>>): Readonly<Record<string, number>> {
  const times: Record<string, number[]> = {}
  for (let run = 0; run < runs; run++) {
    for (const [name, command] of Object.entries(commands)) {
      const start = performance.now()
      command()
      times[name] = [...(times[name] ?? []), performance.now() - start]
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]))
}

const node = (...args: string[]): void => {
  spawnSync(process.execPath, args, { stdio: 'ignore' })
}
const orch = (repo: TestRepo, ...args: string[]): void => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/orch.js', '-C', repo.dir, ...args], {
    env: { ...repo.env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
}
const ms = (value: number): string => `${value.toFixed(1)} ms`
const times = (value: number): string => `${value.toFixed(2)}x`

say(`making projects of 100 and ${large} tasks ...`)
const small = await createTestRepo({ init: false, name: 'small' })
const big = await createTestRepo({ init: false, name: 'big' })
try {
  await populate(small, 100)
  const made = await populate(big, large)
  say(
    `  rows written at ${Math.round(large / (made / 1000))} tasks/s, one commit each ${large > 100 ? 'batch of 50' : ''}`,
  )
  for (const repo of [small, big]) {
    const start = performance.now()
    await must(repo.run(['start']))
    const ready = performance.now() - start
    await must(repo.run(['sync']))
    say(
      `  ${repo.dir.split('/').at(-1)}: ready after ${ms(ready)}, all files written and in git after ${ms(performance.now() - start)}`,
    )
  }

  const cli = timeCommands({
    node: () => node('-e', '0'),
    listSmall: () => orch(small, 'task', 'list'),
    list: () => orch(big, 'task', 'list'),
    createSmall: () => orch(small, 'task', 'create', 'One more'),
    create: () => orch(big, 'task', 'create', 'One more'),
  })
  const at = (name: string): number => cli[name] ?? Number.NaN
  const ratioLine = (what: string, name: string, beside: string, label: string, goal: number): void => {
    const ratio = at(name) / at(beside)
    lines.push({
      what,
      figure: ms(at(name)),
      beside: `${times(ratio)} of ${label} (${ms(at(beside))})`,
      goal: `<= ${goal}x`,
      ok: ratio <= goal,
    })
  }
  ratioLine(`task list, cold, ${large} tasks`, 'list', 'node', 'node -e 0', 2)
  ratioLine(`task create, cold, ${large} tasks`, 'create', 'node', 'node -e 0', 2)
  ratioLine(`task list, ${large} tasks`, 'list', 'listSmall', 'the same at 100', 1.15)
  ratioLine(`task create, ${large} tasks`, 'create', 'createSmall', 'the same at 100', 1.15)

  await must(big.run(['stop']))
  await snapshotBench(big)
} finally {
  await Promise.all([small.remove(), big.remove()])
}

/** One change in a large project: our whole snapshot, beside `git fast-import` of the same commit alone. */
async function snapshotBench(repo: TestRepo): Promise<void> {
  const { project, snapshots, close } = openForSnapshots(repo)
  const id = project.ids(task)[0]
  if (id === undefined) throw new Error('no task')
  const path = project.pathOf(task, id)
  const ours: number[] = []
  const alone: number[] = []
  await snapshots.take()
  for (let run = 0; run < runs; run++) {
    await project.transact(byBench, (tx) => tx.update(task, id, { set: { title: `Changed ${run}` } }))
    const start = performance.now()
    const taken = await snapshots.take()
    ours.push(performance.now() - start)
    if (!taken) throw new Error('no snapshot was taken')
    alone.push(fastImport(repo, taken.commit, path, run))
  }
  close()
  repo.git('branch', '--quiet', '-D', 'bench')
  const ratio = median(ours) / median(alone)
  lines.push({
    what: `snapshot of one change, ${large} files`,
    figure: ms(median(ours)),
    beside: `${times(ratio)} of git fast-import alone (${ms(median(alone))})`,
    goal: '<= 3x',
    ok: ratio <= 3,
  })
}

function fastImport(repo: TestRepo, parent: string, path: string, run: number): number {
  const text = `changed ${run}\n`
  const stream = [
    'feature done',
    'commit refs/heads/bench',
    'committer bench <bench@example.com> 1700000000 +0000',
    'data 5',
    'bench',
    `from ${parent}`,
    `M 100644 inline ${path}`,
    `data ${Buffer.byteLength(text)}`,
    text,
    'done',
    '',
  ].join('\n')
  const start = performance.now()
  execFileSync('git', ['fast-import', '--quiet', '--force'], { cwd: repo.dir, env: { ...repo.env }, input: stream })
  return performance.now() - start
}

const width = (key: keyof Line): number => Math.max(...lines.map((line) => String(line[key]).length))
say('')
for (const line of lines) {
  say(
    [
      line.ok ? 'ok ' : 'NO ',
      line.what.padEnd(width('what')),
      line.figure.padStart(width('figure')),
      line.beside.padEnd(width('beside')),
      `goal ${line.goal}`,
    ].join('  '),
  )
}
say('\nwhat size costs:')
const sizes = ['--tasks', String(large), '--edits', String(10 * large), '--entries', String(10 * large)]
const growth = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', 'test/bench/growth.ts', ...sizes], {
  stdio: 'inherit',
})
process.exitCode = growth.status === 0 && lines.every(({ ok }) => ok) ? 0 : 1
