import { expect, test } from 'vitest'
import { projectFile, projectOf } from '../../src/git/history-tree.ts'
import { planRetirement, type Retirement, retireBranch } from '../../src/git/retire.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice } from '../helpers/project.ts'
import { createMemoryGitRepo } from '../memory/git-repo.ts'
import { createSnapshotWorld, REF } from './snapshot-world.ts'

const signature = { name: 'orch', email: 'orch@orch.invalid', at: 0 }
const project = { id: 'j-old', name: 'My shop!', movedTo: { id: 'j-new', name: 'platform' } }
const TO = 'refs/heads/orch-history-My-shop'
const retirement: Retirement = { ref: REF, to: TO, project, replica: 'r-1' }

async function repository(ref = REF) {
  const repo = createMemoryGitRepo()
  const changes = [
    { path: 'project.json', bytes: Buffer.from(projectFile({ id: project.id, name: project.name })) },
    { path: 'tasks/one.md', bytes: Buffer.from('one') },
  ]
  const tip = await repo.commit({
    ref,
    parent: undefined,
    changes,
    message: 'x',
    author: signature,
    committer: signature,
  })
  return { repo, tip }
}

test('the branch of a project that moved is kept under another name, says where, and its name is free', async () => {
  const { repo, tip } = await repository()
  expect(await planRetirement(repo, REF, project)).toBe(TO)
  await retireBranch(repo, retirement)
  expect(await repo.head(REF)).toBeUndefined()
  expect(await projectOf(repo, TO)).toEqual(project)
  expect(repo.text(TO, 'tasks/one.md')).toBe('one')
  expect((await repo.log(TO, { limit: 9 })).map(({ parents, message }) => [parents, message])).toEqual([
    [[tip], 'My shop! has moved into platform (j-new)\n\nOrch-Replica: r-1'],
    [[], 'x'],
  ])
})

test('cut short between its two steps, it is finished by doing it again, and doing it twice changes nothing', async () => {
  const { repo, tip } = await repository()
  await retireBranch(repo, retirement)
  const last = await repo.head(TO)
  repo.move(REF, tip)
  await retireBranch(repo, retirement)
  await retireBranch(repo, retirement)
  expect([await repo.head(REF), await repo.head(TO)]).toEqual([undefined, last])
})

test('a branch that is there already, of another project or checked out is not touched', async () => {
  const { repo } = await repository()
  expect(await planRetirement(repo, REF, { id: 'j-else', name: 'else' })).toBeUndefined()
  await retireBranch(repo, { ...retirement, project: { ...project, id: 'j-else' } })
  expect(await repo.head(REF)).toBeDefined()
  await repository().then(() => repo.move(TO, 'f'.repeat(40)))
  expect(await planRetirement(repo, REF, project)).toBe(`${TO}-2`)
  repo.checkOut(REF, '/work')
  await expect(planRetirement(repo, REF, project)).rejects.toMatchObject({ code: 'join_failed' })
})

test('a replica that goes on with the history of a project that moved leaves the word there', async () => {
  const repo = createMemoryGitRepo()
  const old = createSnapshotWorld(repo)
  await old.project.transact(byAlice, (tx) => tx.create(task, { title: 'one' }))
  await old.snapshots.take()
  const { id, name } = old.project
  await retireBranch(repo, { ...retirement, project: { id, name, movedTo: project.movedTo } })
  repo.move(REF, (await repo.head(TO))?.oid)
  await old.project.transact(byAlice, (tx) => tx.create(task, { title: 'two' }))
  await old.snapshots.take()
  expect((await projectOf(repo, REF))?.movedTo).toEqual(project.movedTo)
})
