import { expect, test } from 'vitest'
import { rowsFromTree } from '../../src/git/history-tree.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createMemoryGitRepo } from '../memory/git-repo.ts'
import { createSnapshotWorld, REF } from './snapshot-world.ts'

const DAY_MS = 86_400_000
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

test('a day of the work log is in the tree when it is over, and before that only as rows', async () => {
  const repo = createMemoryGitRepo()
  const { project, snapshots, clock } = createSnapshotWorld(repo)
  const log = async (action: string): Promise<void> => {
    await project.transact(byClaude, (tx) => tx.appendLog({ action }))
  }
  const paths = async (): Promise<readonly string[]> => [...(await repo.readTree(REF)).keys()]
  const first = dayOf(clock.now())
  await snapshots.start()
  await log('one')
  await clock.advance(1)
  await log('two')
  await snapshots.take()
  expect(repo.commits.at(-1)?.message.split('\n')[0]).toBe('2 log entries (claude)')
  expect((await paths()).filter((path) => path.startsWith('log/'))).toEqual([])
  expect((await paths()).some((path) => path.startsWith('crdt/'))).toBe(true)

  await clock.advance(DAY_MS)
  const second = dayOf(clock.now())
  await project.transact(byAlice, (tx) => {
    tx.create(task, { title: 'With an entry' })
    tx.appendLog({ action: 'three' })
    // From a replica that was away: that day is written again.
    tx.appendLog({ action: 'late', at: `${first}T23:00:00.000Z` })
  })
  await snapshots.take()
  expect((await paths()).filter((path) => path.startsWith('log/'))).toEqual([`log/${first}.jsonl`])
  const actions = (path: string): readonly string[] =>
    (repo.text(REF, path) ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).action)
  expect(actions(`log/${first}.jsonl`)).toEqual(['one', 'two', 'late'])
  expect(repo.commits.at(-1)?.message).toContain('\n\n2 log entries\n')
  expect(await snapshots.take()).toBeUndefined()

  await clock.advance(DAY_MS)
  await snapshots.take()
  expect(actions(`log/${second}.jsonl`)).toEqual(['three'])
  // Another replica writes the same bytes of the same entries, and nothing where the tree shows them already.
  const other = createSnapshotWorld(repo, { project: { seed: 9 } })
  await other.clock.advance(2 * DAY_MS)
  other.project.adopt({ id: project.id, name: project.name })
  await other.project.applyRows(await rowsFromTree(repo, REF), { source: 'git', commit: 'x' })
  expect(other.project.listLog({ limit: 10 })).toEqual(project.listLog({ limit: 10 }))
  const before = await repo.readTree(REF)
  await other.snapshots.start()
  await other.snapshots.take()
  expect(await repo.readTree(REF)).toEqual(before)
})

test('entries that come while a snapshot is taken are in the next one', async () => {
  const repo = createMemoryGitRepo()
  const { project, ledger, snapshots, clock } = createSnapshotWorld(repo)
  await snapshots.start()
  await project.transact(byClaude, (tx) => tx.appendLog({ action: 'one' }))
  const day = dayOf(clock.now())
  await clock.advance(DAY_MS)
  const noted = ledger.days(dayOf(clock.now()))
  expect(noted).toEqual([{ day, entries: 1 }])
  await project.transact(byClaude, (tx) => tx.appendLog({ action: 'two', at: `${day}T23:59:00.000Z` }))
  ledger.done({ commit: 'c', have: {} }, ledger.cut(), noted)
  expect(ledger.days(dayOf(clock.now()))).toEqual([{ day, entries: 2 }])
})
