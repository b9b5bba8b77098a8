import { expect, test } from 'vitest'
import type { FileChange } from '../../src/git/git-repo.ts'
import { chunkPath, orderRows, projectFile, projectOf, rowsFromTree, vectorOf } from '../../src/git/history-tree.ts'
import { packRows } from '../../src/git/new-rows.ts'
import { encodeChunk, type Row, type Vector } from '../../src/store/row.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'

const REF = 'refs/heads/orch-history'
const row = (replica: string, seq: number, seen: Vector = {}, size = 1): Row => ({
  replica,
  seq,
  doc: 'main',
  at: 1_000 * seq,
  actor: `on ${replica}`,
  source: 'api',
  verified: true,
  session: `s-${replica}`,
  seen,
  touched: [],
  update: new Uint8Array(size),
})
const names = (rows: readonly Row[]): string => rows.map(({ replica, seq }) => `${replica}${seq}`).join(' ')
const chunk = (...rows: Row[]): FileChange => ({
  path: chunkPath(rows[0]?.replica ?? '', rows[0]?.seq ?? 0, rows.at(-1)?.seq ?? 0),
  bytes: encodeChunk(rows),
})
const signature = { name: 'orch', email: 'orch@orch.invalid', at: 0 }
const repoWith = async (...changes: FileChange[]): Promise<MemoryGitRepo> => {
  const repo = createMemoryGitRepo()
  await repo.commit({ ref: REF, parent: undefined, changes, message: 'x', author: signature, committer: signature })
  return repo
}
const file = (path: string, text: string): FileChange => ({ path, bytes: Buffer.from(text) })

test('[P7] rows come in an order in which causes come first, each once, also from overlapping chunks', async () => {
  const [a1, a2, a3] = [row('a', 1), row('a', 2, { b: 2 }), row('a', 3, { b: 2 })]
  const [b1, b2] = [row('b', 1, { a: 1 }), row('b', 2, { a: 1 })]
  const repo = await repoWith(chunk(a1, a2), chunk(a2, a3), chunk(b1), chunk(b1, b2), file('tasks/x.md', 'x'))
  expect(names(await rowsFromTree(repo, REF))).toBe('a1 b1 b2 a2 a3')
  expect(names(await rowsFromTree(repo, REF, { a: 2, b: 1 }))).toBe('b2 a3')
  expect(vectorOf((await repo.readTree(REF)).keys())).toEqual({ a: 3, b: 2 })
})

test('rows whose causes are missing wait, and a tree that lacks them is refused with the row that does', async () => {
  const rows = [row('a', 2), row('b', 1, { c: 4 }), row('d', 1)]
  const { ordered, waiting } = orderRows(rows, {})
  expect([names(ordered), names(waiting)]).toEqual(['d1', 'b1 a2'])
  const repo = await repoWith(chunk(row('a', 2)))
  await expect(rowsFromTree(repo, REF)).rejects.toMatchObject({
    code: 'git_refused',
    message: expect.stringContaining('row 2 of replica a'),
  })
  expect(vectorOf((await repo.readTree(REF)).keys())).toEqual({})
})

test('[P6] a damaged chunk is refused with its path', async () => {
  const good = chunk(row('a', 1))
  if (!('bytes' in good)) return
  const bytes = good.bytes.slice()
  bytes.set([255], bytes.length - 1)
  const repo = await repoWith({ path: good.path, bytes })
  await expect(rowsFromTree(repo, REF)).rejects.toMatchObject({
    code: 'git_refused',
    message: expect.stringContaining('crdt/a/0000000001-0000000001'),
  })
})

test("a tree says whose history it is; what is not ours is nobody's, what is newer is refused", async () => {
  const project = { id: 'j-1', name: 'demo' }
  expect(await projectOf(await repoWith(file('project.json', projectFile(project))), REF)).toEqual(project)
  for (const text of ['', '{', '[]', 'null', '{"id":"j-1","name":"demo"}', '{"format":1,"id":2,"name":"x"}'])
    expect(await projectOf(await repoWith(file('project.json', text)), REF)).toBeUndefined()
  expect(await projectOf(await repoWith(file('README', 'x')), REF)).toBeUndefined()
  const newer = file('project.json', '{"format":2,"id":"j-1","name":"demo"}')
  await expect(projectOf(await repoWith(newer), REF)).rejects.toMatchObject({ code: 'git_refused' })
})

test('new rows are packed per replica without gaps, large ones apart, and none made after the cut', async () => {
  const journal = [
    row('a', 1),
    row('a', 2),
    row('b', 1),
    row('a', 3, {}, 300_000),
    row('a', 4),
    row('b', 2),
    row('a', 5),
  ]
  const project = {
    rowsSince: (have: Vector, limit: number) =>
      journal.filter(({ replica, seq }) => seq > (have[replica] ?? 0)).slice(0, limit),
  }
  const turns = { isOver: () => true, next: () => Promise.resolve() }
  const packed = await packRows(project, { from: { a: 1 }, have: { a: 4, b: 2 }, key: undefined }, turns)
  expect(packed).toMatchObject({
    actors: ['on a', 'on b'],
    sessions: ['s-a', 's-b'],
    upto: { a: 4, b: 2 },
    lastAt: 4_000,
  })
  expect(packed.chunks.map(({ path }) => path).sort()).toEqual([
    chunkPath('a', 2, 3),
    chunkPath('a', 4, 4),
    chunkPath('b', 1, 2),
  ])
  const read = await rowsFromTree(await repoWith(...packed.chunks), REF, { a: 1 })
  expect(new Set(read)).toEqual(new Set(journal.slice(1, 6)))
})
