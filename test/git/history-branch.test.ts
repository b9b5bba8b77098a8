import { expect, test } from 'vitest'
import { resolveHistoryBranch } from '../../src/git/history-branch.ts'
import { projectFile } from '../../src/git/history-tree.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'

const signature = { name: 'x', email: 'x@example.com', at: 0 }
const put = (repo: MemoryGitRepo, ref: string, path: string, text = 'x'): Promise<string> => {
  const changes = [{ path, bytes: Buffer.from(text) }]
  return repo.commit({ ref, parent: undefined, changes, message: ref, author: signature, committer: signature })
}
const project = { id: 'j-1', name: 'demo' }
const putOurs = (repo: MemoryGitRepo, ref: string, id = 'j-1'): Promise<string> =>
  put(repo, ref, 'project.json', projectFile({ ...project, id }))

test('a repository that knows nothing of orch gets the plain name and adopts nothing', async () => {
  expect(await resolveHistoryBranch(createMemoryGitRepo())).toEqual({
    ref: 'refs/heads/orch-history',
    adopt: undefined,
    passedOver: [],
  })
})

test('[P7] a history that is there is taken over: from the branch itself, else from a remote, origin first', async () => {
  const repo = createMemoryGitRepo()
  await putOurs(repo, 'refs/remotes/a/orch-history', 'j-a')
  const commit = await putOurs(repo, 'refs/remotes/origin/orch-history')
  const found = await resolveHistoryBranch(repo)
  expect(found).toMatchObject({
    ref: 'refs/heads/orch-history',
    adopt: { ref: 'refs/remotes/origin/orch-history', commit, project },
  })
  const own = await putOurs(repo, 'refs/heads/orch-history')
  expect((await resolveHistoryBranch(repo)).adopt).toEqual({ ref: 'refs/heads/orch-history', commit: own, project })
})

test.each([
  ['a branch of somebody else', 'refs/heads/orch-history'],
  ['a tag', 'refs/tags/orch-history'],
  ['a folder of branches', 'refs/heads/orch-history/x'],
])('%s with the name makes it pass over to the next', async (_what, ref) => {
  const repo = createMemoryGitRepo()
  await put(repo, ref, 'README')
  const found = await resolveHistoryBranch(repo)
  expect(found.ref).toBe('refs/heads/orch-history-2')
  expect(found.passedOver).toEqual([`${ref} is not a history of orch`])
})

test('a file in the repository with the name does so too, a history of ours there or not', async () => {
  const repo = createMemoryGitRepo()
  const isTaken = (name: string): boolean => name === 'work'
  expect((await resolveHistoryBranch(repo, { name: 'work', isTaken })).ref).toBe('refs/heads/work-2')
  await putOurs(repo, 'refs/heads/work')
  expect((await resolveHistoryBranch(repo, { name: 'work', isTaken })).ref).toBe('refs/heads/work')
})

test("somebody else's branch on a remote is not adopted, and no free name is a refusal", async () => {
  const repo = createMemoryGitRepo()
  await put(repo, 'refs/remotes/origin/orch-history', 'README')
  expect((await resolveHistoryBranch(repo)).adopt).toBeUndefined()
  await expect(resolveHistoryBranch(repo, { isTaken: () => true })).rejects.toMatchObject({ code: 'git_refused' })
})
