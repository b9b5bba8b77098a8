/**
 * Measures clones that meet through a git remote: a sync of 100 changes on each side, beside what git alone takes to carry
 * them. Prints a table. `npm run bench:remote`; `-- --tasks 100 --rounds 5` for a first look.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { task } from '../../src/model/kinds/task.ts'
import { createGitSandbox } from '../git/git-sandbox.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { SIM_REF } from '../sim/remote.ts'
import { cloneOf, makeTasks } from './clone.ts'
import { shown, type Timed, timed, typical } from './cpu.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '21' } },
})
const [tasks, rounds] = [Number(flags.tasks), Number(flags.rounds)]
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const sandbox = createGitSandbox()
try {
  const origin = `${sandbox.folder}/../origin.git`
  sandbox.git('init', '--quiet', '--bare', origin)
  const [one, two] = [cloneOf(sandbox, origin, 'one', 1), cloneOf(sandbox, origin, 'two', 2)]
  two.project.adopt({ id: one.project.id, name: one.project.name })
  await makeTasks(one.project, tasks)
  say(`first push of ${tasks} tasks: ${shown(await timed(() => one.remote.sync()))}`)
  say(`first fetch of them: ${shown(await timed(() => two.remote.sync()))}`)

  const ids = one.project.ids(task)
  const [merges, follows, alone]: [Timed[], Timed[], Timed[]] = [[], [], []]
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
    const before = sandbox.git('--git-dir', two.commonDir, 'rev-parse', SIM_REF)
    const theirs = sandbox.git('--git-dir', origin, 'rev-parse', SIM_REF)
    merges.push(await timed(() => two.remote.sync()))
    const merged = sandbox.git('--git-dir', two.commonDir, 'rev-parse', SIM_REF)
    follows.push(await timed(() => one.remote.sync()))
    // The same bytes by git alone: a clone that has what this one had brings theirs, and gives the merge.
    const plain = `${sandbox.folder}/../plain.git`
    const there = `${sandbox.folder}/../there.git`
    for (const [folder, commit] of [
      [plain, before],
      [there, theirs],
    ] as const) {
      sandbox.git('init', '--quiet', '--bare', folder)
      sandbox.git('--git-dir', two.commonDir, 'push', '--quiet', folder, `${commit}:${SIM_REF}`)
    }
    sandbox.git('--git-dir', plain, 'fetch', '--quiet', two.commonDir, `${merged}:refs/merged`)
    alone.push(
      await timed(() => {
        sandbox.git('--git-dir', plain, 'fetch', '--quiet', there, SIM_REF)
        sandbox.git('--git-dir', plain, 'push', '--quiet', there, `refs/merged:${SIM_REF}`)
      }),
    )
    for (const folder of [plain, there]) rmSync(folder, { recursive: true })
  }
  const [merge, plain] = [typical(merges), typical(alone)]
  say(`fetch, merge and push of 100 changes on each side: ${shown(merge)}; goal: under 1 s`)
  say(`fetch of them by the other side: ${shown(typical(follows))}`)
  say(`git fetch and git push of the same commits alone: ${shown(plain)}`)
  say(`ratio: ${(merge.took / plain.took).toFixed(1)}, of CPU ${(merge.cpu / plain.cpu).toFixed(1)}`)
} finally {
  sandbox.remove()
}
