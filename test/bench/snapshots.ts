/**
 * What the history branch grows to: 10,000 snapshots of one change each in a project of 1,000 tasks, a week of one a
 * minute, with the care for loose objects that the daemon takes. Prints a table. `npm run bench:snapshots` (an hour);
 * `-- --snapshots 500` for a first look.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLogger } from '../../src/base/log.ts'
import { createGitCare } from '../../src/git/care.ts'
import { rowsFromTree } from '../../src/git/history-tree.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createGitSandbox } from '../git/git-sandbox.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { SIM_REF } from '../sim/remote.ts'
import { cloneOf, makeTasks } from './clone.ts'
import { shown, type Timed, timed, typical } from './cpu.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '1000' }, snapshots: { type: 'string', default: '10000' } },
})
const [tasks, snapshots] = [Number(flags.tasks), Number(flags.snapshots)]
const say = (...columns: readonly string[]): void => {
  process.stdout.write(`| ${columns.join(' | ')} |\n`)
}
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
/** Care looks every half hour: so many snapshots at one a minute. */
const BETWEEN_CARE = 30
const LAST = 100

const sandbox = createGitSandbox()
try {
  const origin = join(sandbox.folder, '../origin.git')
  sandbox.git('init', '--quiet', '--bare', origin)
  const one = cloneOf(sandbox, origin, 'one', 1)
  await makeTasks(one.project, tasks)
  const ids = one.project.ids(task)
  const git = (...args: string[]): string => sandbox.git('--git-dir', one.commonDir, ...args)
  /** One commit of one file on the branch, as it would be made by hand; nothing points to it afterwards. */
  const importAlone = (at: number): void => {
    const text = `changed ${at}\n`
    const stream = `feature done\ncommit refs/heads/alone\ncommitter b <b@example.com> 1700000000 +0000\ndata 1\nb\nfrom ${SIM_REF}^0\nM 100644 inline tasks/alone.md\ndata ${text.length}\n${text}done\n`
    execFileSync('git', ['--git-dir', one.commonDir, 'fast-import', '--quiet', '--force'], {
      env: sandbox.env,
      input: stream,
    })
  }

  const takes: Timed[] = []
  const packs: Timed[] = []
  let packings = 0
  const care = async (): Promise<void> => {
    const clock = createTestClock()
    const loose = (await one.repo.objects()).loose
    const caring = createGitCare({ repo: one.repo, clock, log: silentLogger, isChanged: () => true })
    packs.push(
      await timed(async () => {
        await caring.start()
        await clock.advance(30_000)
        await caring.stop()
      }),
    )
    if ((await one.repo.objects()).loose < loose) packings++
  }
  const tell = async (count: number): Promise<void> => {
    const alone: Timed[] = []
    for (let at = 0; at < 21; at++) alone.push(await timed(() => importAlone(at)))
    git('update-ref', '-d', 'refs/heads/alone')
    const { bytes, loose } = await one.repo.objects()
    const chunks = await one.repo.readTree(SIM_REF, 'crdt')
    const [ours, plain] = [typical(takes.slice(-LAST)), typical(alone)]
    say(
      String(count),
      shown(ours),
      `${shown(plain)}: ${(ours.took / plain.took).toFixed(1)}x`,
      mb(bytes),
      String(loose),
      String(chunks.size),
    )
  }

  say('snapshots', `one of the last ${LAST}`, 'git fast-import alone', 'repository', 'loose objects', 'chunks')
  say('---', '---', '---', '---', '---', '---')
  const marks = new Set([0.1, 0.25, 0.5, 1].map((part) => Math.round(snapshots * part)))
  await one.snapshots.take()
  for (let at = 1; at <= snapshots; at++) {
    const id = ids[(at * 7919) % ids.length]
    const by = at % 3 ? byClaude : byAlice
    if (id)
      await one.project.transact(by, (tx) =>
        at % 2
          ? tx.update(task, id, { edit: { body: [{ at: 0, delete: 0, insert: `Note ${at}. ` }] } })
          : tx.update(task, id, { set: { status: at % 4 ? 'in_progress' : 'todo', assignee: `agent-${at % 9}` } }),
      )
    takes.push(await timed(() => one.snapshots.take()))
    if (at % BETWEEN_CARE === 0) await care()
    if (marks.has(at)) await tell(at)
  }
  const total = (all: readonly Timed[]): string =>
    `${(all.reduce((sum, { cpu }) => sum + cpu, 0) / 1000).toFixed(0)} s of CPU`
  process.stdout.write(
    `\ncare: looked ${packs.length} times, packed ${packings} times, ${total(packs)} beside ${total(takes)} for the snapshots\n`,
  )

  const rows = await rowsFromTree(one.repo, SIM_REF)
  if (rows.length !== one.project.rowCount()) throw new Error(`the branch holds ${rows.length} rows`)
  git('fsck', '--strict', '--connectivity-only', SIM_REF)
  const [first] = ids
  if (first === undefined) throw new Error('no task')
  const path = one.project.pathOf(task, first)
  const after: readonly (readonly [string, Timed])[] = [
    ['push of all to an empty remote', await timed(() => one.remote.sync())],
    [
      'a new clone makes the project from the branch',
      await timed(async () => {
        const two = cloneOf(sandbox, origin, 'two', 2)
        two.project.adopt({ id: one.project.id, name: one.project.name })
        await two.remote.sync()
        if (two.project.rowCount() !== one.project.rowCount()) throw new Error('the clone lacks rows')
      }),
    ],
    ['git log -20', await timed(() => git('log', '-20', SIM_REF))],
    ['git log -p -20 of one task', await timed(() => git('log', '-p', '-20', SIM_REF, '--', path))],
    ['git blame of one task', await timed(() => git('blame', SIM_REF, '--', path))],
    ['the last 20 snapshots of one task', await timed(() => one.snapshots.history({ id: first, limit: 20 }))],
  ]
  process.stdout.write('\n')
  for (const [what, time] of after) process.stdout.write(`${what}: ${shown(time)}\n`)
  const { bytes } = await one.repo.objects()
  git('gc', '--quiet', '--prune=now')
  process.stdout.write(`repository: ${mb(bytes)}; after \`git gc\`: ${mb((await one.repo.objects()).bytes)}\n`)
} finally {
  sandbox.remove()
}
