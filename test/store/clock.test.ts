import { expect, test } from 'vitest'
import { vectorOf } from '../../src/git/history-tree.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createSnapshotWorld, REF } from '../git/snapshot-world.ts'
import { createTestMirror } from '../helpers/mirror.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createMemoryDatabase } from '../memory/database.ts'
import { createMemoryGitRepo } from '../memory/git-repo.ts'

const HOUR = 3_600_000
const jumps: readonly (readonly [string, readonly number[]])[] = [
  ['an hour back', [-HOUR]],
  ['a year ahead', [365 * 24 * HOUR]],
  ['a year ahead, and back again', [365 * 24 * HOUR, -365 * 24 * HOUR]],
]

test.each(jumps)('[P1] [P3] the clock jumps %s: rows, snapshots, lists and the log stay in order', async (_, by) => {
  const repo = createMemoryGitRepo()
  const world = createSnapshotWorld(repo)
  const { project, clock, snapshots, test: held } = world
  await snapshots.start()
  const made: string[] = []
  const work = async (): Promise<void> => {
    const at = made.length
    const id = await project.transact(byAlice, (tx) => tx.create(task, { title: `Task ${at}` }))
    made.push(id)
    await project.transact(byClaude, (tx) => tx.update(task, id, { increment: { spentHours: 1 } }))
    await project.transact(byClaude, (tx) => tx.appendLog({ action: `did ${at}` }))
    if (at > 0) await project.transact(byAlice, (tx) => tx.delete(task, id))
    await clock.advance(10_000)
  }
  await work()
  for (const ms of by) {
    clock.jump(ms)
    await work()
  }
  await snapshots.take()

  // Rows are numbered, not timed.
  const rows = project.rowsSince({}, 1000)
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_row, i) => i + 1))
  expect(new Set(made).size).toBe(by.length + 1)
  expect(project.ids(task)).toEqual([made[0]])
  expect([...project.ids(task, { deleted: true })].sort()).toEqual([...made].sort())
  // Every commit is at or after its parent, and nothing is left to commit.
  const times = repo.commits.map(({ committedAt }) => committedAt)
  expect(times).toEqual([...times].sort((a, b) => a - b))
  expect(vectorOf((await repo.readTree(REF)).keys())).toEqual(project.have())
  expect(snapshots.problems()).toEqual([])
  // Paging through what is sorted by time gives each once.
  const seen: string[] = []
  for (let after: string | undefined; ; ) {
    const found = project.listLog({ limit: 1, ...(after !== undefined && { after }) })
    seen.push(...found.items.map(({ action }) => action))
    after = found.next
    if (after === undefined) break
  }
  expect(seen.sort()).toEqual(made.map((_id, i) => `did ${i}`))
  const updated: string[] = []
  for (let after: string | undefined; ; ) {
    const found = project.list(task, {
      sort: '-updatedAt',
      deleted: 'all',
      limit: 1,
      ...(after !== undefined && { after }),
    })
    updated.push(...found.items.map(({ id }) => id))
    after = found.next
    if (after === undefined) break
  }
  expect(updated.sort()).toEqual([...made].sort())
  // The lease does not read the clock: the same database stays the same replica.
  expect(held.reopen().project.replica).toBe(project.replica)
  expect(project.checkIndex(createMemoryDatabase())).toEqual([])
})

test.each(jumps)(
  '[P2] [M3] the clock jumps %s under the mirror: saves are taken in, once, and files are written',
  async (_, by) => {
    const t = await createTestMirror()
    const id = await t.create('Fix login', { body: 'start' })
    await t.sync()
    let words = 0
    for (const ms of by) {
      t.clock.jump(ms)
      t.disk.save(t.path(id), t.file(id).replace('start', `start hand${words}`))
      await t.update(id, { edit: { body: [{ at: 0, delete: 0, insert: `command${words} ` }] } })
      await t.sync()
      await t.clock.advance(20_000)
      words++
    }
    const body = String(t.task(id).values.body)
    for (let i = 0; i < words; i++) {
      expect(body.split(`hand${i}`)).toHaveLength(2)
      expect(body.split(`command${i}`)).toHaveLength(2)
    }
    expect(t.file(id)).toContain(body)
    expect(t.attention.list().filter(({ kind }) => kind !== 'stale_save')).toEqual([])
    await t.drive(t.held.project.transact(byAlice, (tx) => tx.create(page, { title: 'P' }, { file: 'p.md' })))
    await t.sync()
    expect(t.disk.text('pages/p.md')).toBeDefined()
  },
)
