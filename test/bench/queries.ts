/**
 * Measures what questions cost, beside reading the mirror's Markdown and JSON for the same answers: `npm run bench:queries`
 * (1,000 and 10,000 tasks), `-- --tasks 1000,10000,100000`. In CPU time of the whole process, its compiler and its garbage
 * collector included, which other programs disturb least; the time by the clock beside it. Each question is asked 1,000 times
 * before it is measured, as a daemon has been; what the very first one costs is beside it. Prints a table, and fails where a goal is missed. `--keep DIR` makes the projects there and finds
 * them again, `--only PART` asks the questions whose name holds it.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseFilter } from '../../src/model/filter.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { relationsOf } from '../../src/model/relation.ts'
import { closeWhole, openDatabase } from '../../src/store/database.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { withFaults } from '../memory/database.ts'
import { parseFrontMatter } from './front-matter.ts'

const { values: flags } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000,10000' },
    runs: { type: 'string', default: '200' },
    keep: { type: 'string' },
    only: { type: 'string', default: '' },
  },
})
const runs = Number(flags.runs)
/** Until then the compiler works beside the questions now and then, and as long as several of them. */
const WARM = 1_000
const goals = [
  { tasks: 1_000, times: 10 },
  { tasks: 10_000, p99: 5 },
  { tasks: 100_000, p99: 20 },
]
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const WORDS =
  'login token daemon merge index mirror snapshot replica editor agent session page label query graph'.split(' ')

interface Scanned {
  readonly id: string
  readonly text: string
  readonly status: string
  readonly labels: readonly string[]
  readonly dependencies: readonly string[]
  readonly hours: number
  readonly due: string
}

for (const size of String(flags.tasks).split(',').map(Number)) await measure(size)

interface Values extends Readonly<Record<string, string | number | readonly string[]>> {
  readonly labels: readonly string[]
  readonly dependencies: readonly RecordId[]
}

/** A project of so many tasks, in a database and as the files of its mirror. */
async function populate(dir: string, size: number): Promise<void> {
  const db = openDatabase(join(dir, 'making.db'))
  const { project } = createTestProject({ database: withFaults(db) })
  const pick = createPick()
  const text = (n: number): string => Array.from({ length: n }, () => WORDS[pick(1 + pick(WORDS.length))]).join(' ')
  const ids: RecordId[] = []
  const files = join(dir, 'tasks')
  mkdirSync(files)
  while (ids.length < size) {
    const count = Math.min(500, size - ids.length)
    await project.transact(byAlice, (tx) => {
      for (let i = 0; i < count; i++) {
        const n = ids.length
        const values: Values = {
          title: `${text(4)} ${n}`,
          status: ['todo', 'todo', 'in_progress', 'completed'][pick(4)] ?? 'todo',
          labels: [`label${pick(50)}`, `area${pick(8)}`],
          dependencies: n > 3 ? [ids[pick(n)], ids[pick(n)]].filter((id) => id !== undefined) : [],
          estimatedHours: pick(20),
          due: `2026-${String(1 + pick(12)).padStart(2, '0')}-${String(1 + pick(28)).padStart(2, '0')}`,
          body: `${text(60)} rare${pick(size / 10)}`,
        }
        const id = tx.create(task, values)
        ids.push(id)
        writeFileSync(join(files, `${id}.md`), markdown(id, values))
      }
    })
  }
  closeWhole(db)
  renameSync(join(dir, 'making.db'), join(dir, 'orch.db'))
}

function createPick(): (n: number) => number {
  const random = createRandom(5)
  return (n) => ((random(1)[0] ?? 0) * 65_536 + (random(1)[0] ?? 0) * 256 + (random(1)[0] ?? 0)) % n
}

async function measure(size: number): Promise<void> {
  const dir = flags.keep ? join(flags.keep, String(size)) : mkdtempSync(join(tmpdir(), 'orch-bench-queries-'))
  try {
    mkdirSync(dir, { recursive: true })
    if (!existsSync(join(dir, 'orch.db'))) await populate(dir, size)
    const { project } = createTestProject({ database: withFaults(openDatabase(join(dir, 'orch.db'))) })
    const ids = project.ids(task)
    const files = join(dir, 'tasks')
    const pick = createPick()
    const filter = (json: unknown) => parseFilter({ kinds: builtInKinds.records, resolve: (_, one) => one }, task, json)
    const dependencies = relationsOf(builtInKinds.records, task).find(({ name }) => name === 'dependencies')
    const scan = (): readonly Scanned[] =>
      readdirSync(files).map((name) => parseFrontMatter(readFileSync(join(files, name), 'utf8')))
    const done = (all: readonly Scanned[]): ReadonlySet<string> =>
      new Set(all.filter(({ status }) => status === 'completed').map(({ id }) => id))

    const questions: readonly (readonly [string, () => unknown, () => unknown])[] = [
      [
        'one by id',
        () => project.read(task, ids[pick(size)] as RecordId),
        () => scan().find(({ id }) => id === ids[7]),
      ],
      [
        'first 50 open',
        () => project.list(task, { where: { status: ['todo', 'in_progress'] }, limit: 50 }),
        () => scan().filter(({ status }) => status !== 'completed'),
      ],
      [
        'label',
        () => project.list(task, { filter: filter({ labels: 'label7' }), limit: 50 }),
        () => scan().filter(({ labels }) => labels.includes('label7')),
      ],
      [
        'range of hours and status',
        () =>
          project.list(task, { filter: filter({ status: 'todo', estimatedHours: { gte: 15, lt: 18 } }), limit: 50 }),
        () => scan().filter(({ status, hours }) => status === 'todo' && hours >= 15 && hours < 18),
      ],
      [
        'due in ten days, soonest first',
        () =>
          project.list(task, {
            filter: filter({ status: { ne: 'completed' }, due: { gte: '2026-06-05', lt: '2026-06-15' } }),
            sort: 'due',
            limit: 50,
          }),
        () => scan().filter(({ status, due }) => status !== 'completed' && due >= '2026-06-05' && due < '2026-06-15'),
      ],
      [
        'label, all dependencies done, last log',
        () => {
          const page = project.list(task, {
            filter: filter({ labels: 'label7', status: 'todo', dependencies: { every: { status: 'completed' } } }),
            limit: 50,
          })
          return project.lastEntries(
            'task',
            page.items.map(({ id }) => id),
          )
        },
        () => {
          const all = scan()
          const closed = done(all)
          return all.filter((one) => one.labels.includes('label7') && one.dependencies.every((id) => closed.has(id)))
        },
      ],
      [
        'ready, the best 20',
        () => project.ready({ claimed: new Set(), limit: 20 }),
        () => {
          const all = scan()
          const closed = done(all)
          return all.filter((one) => one.status === 'todo' && one.dependencies.every((id) => closed.has(id)))
        },
      ],
      [
        'full text, a word of few',
        // Of as many digits as there are: rare7 would find rare70, too.
        () => project.search({ text: `rare${size / 100 + pick(size / 10 - size / 100)}`, limit: 20 }),
        () => scan().filter(({ text: one }) => one.includes('rare7')),
      ],
      [
        'full text, two words of all',
        () => project.search({ text: 'daemon merge', limit: 20 }),
        () => scan().filter(({ text: one }) => one.includes('daemon') && one.includes('merge')),
      ],
      [
        'open ones with a word of all',
        () => project.list(task, { where: { status: ['todo', 'in_progress'] }, text: 'daemon', limit: 20 }),
        () => scan().filter(({ status, text: one }) => status !== 'completed' && one.includes('daemon')),
      ],
      ['count by status', () => project.groups(task, {}, 'status'), () => scan().length],
      [
        'relations of 50',
        () => dependencies && project.related(task, dependencies, ids.slice(0, 50)),
        () => scan().slice(0, 50),
      ],
      [
        'graph around one',
        () =>
          project.graph(task, {
            field: 'dependencies',
            root: ids[size >> 1],
            direction: 'forward',
            depth: 5,
            limit: 500,
          }),
        () => scan(),
      ],
    ]
    const noise = timed(arithmetic, runs, WARM)
    const goal = goals.find(({ tasks }) => tasks === size)
    say(`\n| ${size.toLocaleString('en')} tasks, ms | p50 | p99 | p99 by the clock | the first | the scan | times |`)
    say('|---|---|---|---|---|---|---|')
    say(
      `| nothing but arithmetic | ${[noise.p50, noise.p99, noise.clock, noise.first].map((ms) => ms.toFixed(2)).join(' | ')} | | |`,
    )
    // All are asked before the first scan: what that leaves to collect would be counted as theirs.
    const chosen = questions
      .filter(([name]) => name.includes(String(flags.only)))
      .map(([name, ask, read]) => ({ name, asked: timed(ask, runs, WARM), read }))
    for (const { name, asked, read } of chosen) {
      const scanned = size > 20_000 ? timed(read, 1, 0) : timed(read, 3, 1)
      const times = scanned.p50 / asked.p50
      const figures = [
        asked.p50.toFixed(2),
        asked.p99.toFixed(2),
        asked.clock.toFixed(2),
        asked.first.toFixed(1),
        scanned.p50.toFixed(0),
      ]
      say(`| ${name} | ${figures.join(' | ')} | ${times.toFixed(0)} |`)
      const isMissed = goal && (asked.p99 > (goal.p99 ?? Number.POSITIVE_INFINITY) || times < (goal.times ?? 0))
      if (isMissed) process.exitCode = 1
    }
  } finally {
    if (!flags.keep) rmSync(dir, { recursive: true, force: true })
  }
}

/** About a millisecond of it: what a busy machine adds to everything is seen in its p99. */
function arithmetic(): number {
  let sum = 0
  for (let i = 0; i < 700_000; i++) sum = (sum * 31 + i) | 0
  return sum
}

function timed(
  run: () => unknown,
  times: number,
  warm: number,
): Readonly<Record<'p50' | 'p99' | 'clock' | 'first', number>> {
  const one = (): { readonly cpu: number; readonly clock: number } => {
    const [start, before] = [performance.now(), process.cpuUsage()]
    run()
    const { user, system } = process.cpuUsage(before)
    return { cpu: (user + system) / 1000, clock: performance.now() - start }
  }
  const asked = Array.from({ length: warm + times }, one)
  const all = asked.slice(warm)
  const at = (figures: readonly number[], part: number): number =>
    figures.toSorted((a, b) => a - b)[Math.floor(figures.length * part)] ?? 0
  const cpu = all.map((one) => one.cpu)
  const clock = all.map((one) => one.clock)
  return { p50: at(cpu, 0.5), p99: at(cpu, 0.99), clock: at(clock, 0.99), first: asked[0]?.cpu ?? 0 }
}

function markdown(id: string, { title, status, labels, dependencies, estimatedHours, due, body }: Values): string {
  return `---\nid: ${id}\ntitle: ${title}\nstatus: ${status}\nlabels: [${labels.join(', ')}]\ndependencies: [${dependencies.join(', ')}]\nestimatedHours: ${estimatedHours}\ndue: ${due}\n---\n\n${body}\n`
}
