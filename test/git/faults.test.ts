import { expect, test } from 'vitest'
import type { GitRepo } from '../../src/git/git-repo.ts'
import { rowsFromTree, vectorOf } from '../../src/git/history-tree.ts'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createMemoryGitRepo } from '../memory/git-repo.ts'
import { createSnapshotWorld, REF, type SnapshotWorld } from './snapshot-world.ts'

/** A repository whose `k`-th call fails, `times` in a row; `late`: it did what it was asked, and then failed. */
function faulty(repo: GitRepo, { k, times, late }: { k: number; times: number; late: boolean }) {
  let calls = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    calls++
    if (calls < k || calls >= k + times) return work()
    if (late) await work()
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  }
  const wrapped: GitRepo = {
    head: (ref) => step(() => repo.head(ref)),
    refs: (patterns) => step(() => repo.refs(patterns)),
    commit: (commit) => step(() => repo.commit(commit)),
    dropRef: (ref, oid) => step(() => repo.dropRef(ref, oid)),
    log: (revision, query) => step(() => repo.log(revision, query)),
    readTree: (revision, folder) => step(() => repo.readTree(revision, folder)),
    readBlobs: (oids) => step(() => repo.readBlobs(oids)),
    moveRef: (ref, to, from) => step(() => repo.moveRef(ref, to, from)),
    isShallow: () => step(() => repo.isShallow()),
    objects: () => step(() => repo.objects()),
    packLoose: () => step(() => repo.packLoose()),
  }
  return { wrapped, wasHit: () => calls >= k }
}

/** Makes, changes, renames and removes records and keys, over several snapshots and days. */
async function scenario({ project, clock, snapshots }: SnapshotWorld): Promise<void> {
  const made = await project.transact(byAlice, (tx) => [
    tx.create(task, { title: 'One' }),
    tx.create(task, { title: 'Two' }),
    tx.create(page, { title: 'How' }, { file: 'how.md' }),
  ])
  const [one, two, how] = made as [RecordId, RecordId, RecordId]
  await clock.advance(6_000)
  await project.transact(byClaude, (tx) => {
    tx.update(task, one, { set: { title: 'First' }, file: `${one}-first.md` })
    tx.setKey('state', 'phase', 'beta')
    tx.appendLog({ action: 'ran the tests' })
  })
  await snapshots.take().catch(() => undefined)
  await project.transact(byAlice, (tx) => tx.delete(task, two))
  await project.transact(byAlice, (tx) => tx.update(page, how, { set: { title: 'How we work' } }))
  await clock.advance(24 * 3600_000)
  await project.transact(byClaude, (tx) => tx.update(task, one, { set: { status: 'completed' } }))
  await clock.advance(2_000)
}

test.each([
  [1, false],
  [1, true],
  [5, false],
  [5, true],
])(
  '[P1] [P7] whichever call of git fails, %i in a row (having done it: %s), the history holds everything a little later',
  async (times, late) => {
    for (let k = 1; ; k++) {
      const repo = createMemoryGitRepo()
      const { wrapped, wasHit } = faulty(repo, { k, times, late })
      const world = createSnapshotWorld(wrapped)
      await world.snapshots.start()
      await scenario(world)
      const hit = wasHit()
      await world.clock.advance(400_000)
      const where = `call ${k}`
      const { project, ledger, render } = world
      expect(world.snapshots.problems(), where).toEqual([])
      expect(ledger.isEmpty(), where).toBe(true)
      const keys = [...project.ids(task), ...project.ids(page), 'state/phase']
      const rendered = keys.flatMap((key) => render(key) ?? [])
      const tree = await repo.readTree(REF)
      for (const { path, text } of rendered) expect(repo.text(REF, path), where).toBe(text)
      const records = [...tree.keys()].filter((path) => !/^(crdt\/|log\/|project\.json)/.test(path))
      expect(records.sort(), where).toEqual(rendered.map(({ path }) => path).sort())
      expect(
        [...tree.keys()].filter((path) => path.startsWith('log/')),
        where,
      ).toHaveLength(1)
      expect(vectorOf(tree.keys()), where).toEqual(project.have())
      expect(await rowsFromTree(repo, REF), where).toHaveLength(project.rowCount())
      const made = repo.commits.map(({ committedAt }) => committedAt)
      expect(made, where).toEqual([...made].sort((a, b) => a - b))
      if (!hit) {
        expect(k).toBeGreaterThan(4)
        return
      }
    }
  },
)
