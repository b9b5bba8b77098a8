/**
 * Measures clones that meet through a git remote, and what the branch grows to. Prints a table.
 * `npm run bench:remote -- --tasks 1000 --snapshots 10000` (a quarter of an hour); less of both for a first look.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import { openGitRemotes } from '../../src/git/real-git-remotes.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createGitSandbox } from '../git/git-sandbox.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createClone, SIM_REF } from '../sim/remote.ts'

const { values: flags } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000' },
    snapshots: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '11' },
  },
})
const [tasks, snapshots, rounds] = [Number(flags.tasks), Number(flags.snapshots), Number(flags.rounds)]
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const ms = (value: number): string => `${value.toFixed(0)} ms`
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const sandbox = createGitSandbox()
const { folder, env } = sandbox
const origin = join(folder, '../origin.git')
sandbox.git('init', '--quiet', '--bare', origin)
const cloneAt = (name: string, seed: number) => {
  const clone = join(folder, '..', name)
  sandbox.git('clone', '--quiet', origin, clone)
  const at = { commonDir: join(clone, '.git'), folder: clone, env, clock: systemClock }
  const repo = openGitRepo({ ...at, random: (n) => randomBytes(n) })
  const made = createClone(
    { repo, remotes: openGitRemotes(at) },
    {
      clock: { ...systemClock, advance: async () => undefined, jump: () => undefined },
      seed,
      happened: () => undefined,
    },
  )
  return { ...made, commonDir: at.commonDir }
}

try {
  const [one, two] = [cloneAt('one', 1), cloneAt('two', 2)]
  two.project.adopt({ id: one.project.id, name: one.project.name })
  for (let from = 0; from < tasks; from += 100) {
    await one.project.transact(byAlice, (tx) => {
      for (let i = from; i < Math.min(from + 100, tasks); i++)
        tx.create(task, { title: `Task ${i}`, body: `What is to be done in ${i}. `.repeat(12) })
    })
  }
  say(`first push of ${tasks} tasks: ${ms(await timed(() => one.remote.sync()))}`)
  say(`first fetch of them: ${ms(await timed(() => two.remote.sync()))}`)

  const ids = one.project.ids(task)
  const merges: number[] = []
  const follows: number[] = []
  const alone: number[] = []
  for (let round = 0; round < rounds; round++) {
    const change = (at: number) => ids[(round * 200 + at) % ids.length]
    for (let at = 0; at < 100; at++) {
      const [ours, theirs] = [change(at), change(at + 100)]
      if (ours)
        await one.project.transact(byAlice, (tx) => tx.update(task, ours, { set: { title: `A ${round} ${at}` } }))
      if (theirs)
        await two.project.transact(byClaude, (tx) => tx.update(task, theirs, { increment: { spentHours: 1 } }))
    }
    await one.remote.sync()
    merges.push(await timed(() => two.remote.sync()))
    follows.push(await timed(() => one.remote.sync()))
    const git = (...args: string[]): string => sandbox.git('--git-dir', two.commonDir, ...args)
    alone.push(
      await timed(async () => {
        git('fetch', '--quiet', origin, SIM_REF)
        git('push', '--quiet', origin, `${SIM_REF}:refs/heads/bench-${round}`)
      }),
    )
  }
  say(`fetch, merge and push of 100 changes on each side: ${ms(median(merges))} (goal: under 1 s)`)
  say(`fetch of them by the other side: ${ms(median(follows))}`)
  say(`git fetch and git push alone: ${ms(median(alone))}`)

  const takes: number[] = []
  let packed = 0
  for (let at = 0; at < snapshots; at++) {
    const id = ids[at % ids.length]
    if (id) await one.project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: `Snapshot ${at}` } }))
    takes.push(await timed(() => one.snapshots.take()))
    if (at % 400 !== 399 || (await one.repo.objects()).loose < 2000) continue
    packed += await timed(() => one.repo.packLoose().then(() => one.repo.packLoose()))
  }
  const { bytes, loose } = await one.repo.objects()
  const chunks = await one.repo.readTree(SIM_REF, 'crdt')
  say(
    `${snapshots} snapshots of one change each, ${tasks} tasks: median ${ms(median(takes))}, the last 100 ${ms(median(takes.slice(-100)))}`,
  )
  say(
    `repository: ${(bytes / 1e6).toFixed(1)} MB, ${loose} loose objects, ${chunks.size} chunks; packing took ${ms(packed)} in all`,
  )
} finally {
  sandbox.remove()
}
