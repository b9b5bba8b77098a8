import { expect, test } from 'vitest'
import { sha256 } from '../../src/base/hash.ts'
import { createRenderer } from '../../src/daemon/render.ts'
import type { FileChange, NewCommit, Oid } from '../../src/git/git-repo.ts'
import { rowsFromTree } from '../../src/git/history-tree.ts'
import type { Happened } from '../../src/model/attention.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { encodeRow, type Row } from '../../src/store/row.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'
import { createSnapshotWorld, REF, type SnapshotWorld } from './snapshot-world.ts'

interface World extends SnapshotWorld {
  readonly repo: MemoryGitRepo
  readonly happened: Happened[]
}

/** A project whose files look as people see them, on a repository of its own. */
function createWorld(repo = createMemoryGitRepo(), seed = 1): World {
  const happened: Happened[] = []
  let project: OpenProject | undefined
  const world = createSnapshotWorld(repo, {
    project: { seed },
    parts: {
      happened: (one) => happened.push(one),
      render: (key) => project && createRenderer(project)(key),
    },
  })
  project = world.project
  return { ...world, repo, happened }
}

const AT = Date.UTC(2026, 10, 24, 9, 0, 0)
const byHand = async (
  repo: MemoryGitRepo,
  changes: readonly FileChange[],
  more: Partial<NewCommit> & { name?: string } = {},
): Promise<Oid> => {
  const author = { name: more.name ?? 'Zoë', email: 'zoe@example.com', at: AT }
  const parent = (await repo.head(REF))?.oid
  return await repo.commit({ ref: REF, parent, changes, message: 'By hand', author, committer: author, ...more })
}
const write = (path: string, text: string): FileChange => ({ path, bytes: Buffer.from(text) })
const remove = (path: string): FileChange => ({ path, delete: true })

/** Looks at the branch as a sync does. */
const look = async ({ repo, snapshots }: Pick<World, 'repo' | 'snapshots'>): Promise<unknown> =>
  await snapshots.merge({ oid: (await repo.head(REF))?.oid ?? '', name: 'origin/orch-history' })
const withTask = async (body = 'One two three.'): Promise<World & { id: RecordId; path: string; text: string }> => {
  const world = createWorld()
  const id = await world.project.transact(byAlice, (tx) => tx.create(task, { title: 'Fix login', body }))
  await world.snapshots.take()
  const path = world.project.pathOf(task, id)
  return { ...world, id, path, text: world.repo.text(REF, path) ?? '' }
}
const bodyOf = ({ project }: Pick<World, 'project'>, id: RecordId) => project.read(task, id)?.values.body
const importedRows = ({ project }: Pick<World, 'project'>): Row[] =>
  project.rowsSince({}, 1000).filter(({ replica }) => replica.startsWith('g-'))

test('[P5] an edit in a web editor is merged with what was written meanwhile, in the name of who made it', async () => {
  const { repo, snapshots, project, id, path, text } = await withTask()
  await byHand(repo, [write(path, text.replace('two', 'two and a half').replace('status: todo', 'status: review'))])
  await project.transact(byClaude, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 0, delete: 0, insert: 'Zero. ' }] } }),
  )
  await look({ repo, snapshots })
  expect(bodyOf({ project }, id)).toBe('Zero. One two and a half three.')
  expect(project.read(task, id)?.values.status).toBe('review')
  expect(importedRows({ project }).map(({ actor, at, source, seq }) => [actor, at, source, seq])).toEqual([
    ['Zoë', AT, 'file', 1],
  ])
  expect(repo.text(REF, path)).toContain('Zero. One two and a half three.')
})

test('the same commit makes the same bytes on every clone, whatever else they have: golden', async () => {
  const { repo, path, text, project, id } = await withTask()
  await byHand(repo, [
    write(path, text.replace('two', '2').replace('title: Fix login', 'title: Fix the login\nseverity: high')),
    write('tasks/new one.md', '---\ntitle: New\nlabels: [a, b]\n---\n\nBody.\n'),
    write('state.json', '{"phase": "beta"}\n'),
  ])
  const rows: string[] = []
  for (const seed of [1, 8]) {
    const other = createWorld(createMemoryGitRepo(), seed + 100)
    other.project.adopt({ id: project.id, name: project.name })
    other.repo.take(repo, (await repo.head(REF))?.oid ?? '')
    other.repo.move(REF, (await repo.head(REF))?.oid)
    if (seed === 8) await other.project.transact(byClaude, (tx) => tx.create(task, { title: 'Only here' }))
    await look(other)
    expect(bodyOf(other, id)).toBe('One 2 three.')
    rows.push(...importedRows(other).map((row) => Buffer.from(encodeRow(row)).toString('base64')))
  }
  expect(rows).toHaveLength(2)
  expect(rows[1]).toBe(rows[0])
  // A change of these bytes is a new version of the importer, beside this one: clones of both kinds meet.
  expect(sha256(rows[0] ?? '')).toBe('61d7cf7a718d71bdfbcd0a516e02c109ca8e42dbdf2c0f375833d79d87f129ce')
})

test('a file that is moved, made or removed is a name, a new record, or a soft deletion', async () => {
  const { repo, snapshots, project, id, path, text } = await withTask()
  await byHand(repo, [remove(path), write('tasks/later/renamed.md', text.replace('One', 'First'))])
  await byHand(repo, [write('tasks/made.md', '# Made by hand\n')])
  await look({ repo, snapshots })
  expect(project.pathOf(task, id)).toBe('tasks/later/renamed.md')
  expect(bodyOf({ project }, id)).toBe('First two three.')
  const made = project.ids(task).find((one) => one !== id)
  expect(made && project.read(task, made)?.values.title).toBe('Made by hand')

  await byHand(repo, [remove('tasks/made.md')])
  await look({ repo, snapshots })
  expect(made && project.read(task, made)?.deletedAt).toBeDefined()
  expect([...(await repo.readTree(REF)).keys()].filter((one) => one.startsWith('tasks/'))).toEqual([
    'tasks/later/renamed.md',
  ])
})

test('[P2] a removal that had not seen a later edit keeps the record', async () => {
  const { repo, snapshots, project, id, path } = await withTask()
  await byHand(repo, [remove(path)])
  await project.transact(byClaude, (tx) => tx.update(task, id, { set: { priority: 'high' } }))
  await look({ repo, snapshots })
  expect(project.read(task, id)?.deletedAt).toBeUndefined()
  expect(repo.text(REF, path)).toContain('priority: high')
})

test('[P6] what cannot be taken over is told, with the commit, and the file is put right', async () => {
  const { repo, snapshots, project, path, text, happened, id } = await withTask()
  const broken = text.replace('title: Fix login', 'title: [')
  const other = await project.transact(byAlice, (tx) => tx.create(task, { title: 'Other' }))
  await snapshots.take()
  const otherPath = project.pathOf(task, other)
  const oid = await byHand(repo, [
    write(path, broken),
    write("tasks/it's bad.md", '---\nstatus: [x\n---\n'),
    write('tasks/bytes.md', 'a\0b'),
    // What can be read of the same commit comes in.
    write('tasks/good.md', '---\ntitle: Good\n---\n'),
    write(otherPath, (repo.text(REF, otherPath) ?? '').replace('status: todo', 'status: review')),
    write('state.json', '{"phase": "beta"}\n'),
  ])
  await look({ repo, snapshots })
  expect(project.read(task, id)?.values.title).toBe('Fix login')
  expect(project.read(task, other)?.values.status).toBe('review')
  expect(project.ids(task).map((one) => project.read(task, one)?.values.title)).toContain('Good')
  expect(project.readKeys('state').get('phase')?.value).toBe('beta')
  // What cannot is told with how to see what was written; it stays in the commit, which is never dropped.
  const told = happened.map(({ kind, where, fix }) => [kind, where, /`git show (.+)`/.exec(fix)?.[1]])
  expect(told).toEqual([
    ['kept_save', 'tasks/bytes.md', `${oid.slice(0, 10)}:tasks/bytes.md`],
    ['kept_save', "tasks/it's bad.md", `'${oid.slice(0, 10)}:tasks/it'\\''s bad.md'`],
    ['kept_save', path, `${oid.slice(0, 10)}:${path}`],
  ])
  expect(happened.every(({ forMs }) => forMs === undefined)).toBe(true)
  expect(repo.text(oid, path)).toBe(broken)
  expect((await repo.log(REF, { limit: 1, without: [oid] }))[0]?.parents).toContain(oid)
  expect(repo.text(REF, path)).toBe(text)
  expect(repo.text(REF, 'tasks/bytes.md')).toBeUndefined()
})

test('[P6] merge markers in a commit by hand never reach a record', async () => {
  const { repo, snapshots, project, id, path, text, happened } = await withTask()
  await byHand(repo, [write(path, text.replace('One two three.', '<<<<<<< a\nOne\n=======\nTwo\n>>>>>>> b'))])
  await look({ repo, snapshots })
  expect(bodyOf({ project }, id)).toBe('One two three.')
  expect(happened).toMatchObject([{ where: path }])
})

test('[M8] many files removed by one commit are kept, and told', async () => {
  const { repo, snapshots, project, happened } = createWorld()
  await project.transact(byAlice, (tx) => {
    for (let i = 0; i < 12; i++) tx.create(task, { title: `Task ${i}` })
  })
  await snapshots.take()
  const paths = [...(await repo.readTree(REF)).keys()].filter((path) => path.startsWith('tasks/'))
  await byHand(repo, paths.map(remove))
  await look({ repo, snapshots })
  expect(project.ids(task)).toHaveLength(12)
  expect(happened).toHaveLength(12)
  expect([...(await repo.readTree(REF)).keys()].filter((path) => path.startsWith('tasks/'))).toEqual(paths)
})

test('[P2] text that came with its state is never taken for an edit: squashed, amended, or merged by a host', async () => {
  const first = await withTask('Base.')
  const { repo, project, id } = first
  const start = (await repo.head(REF))?.oid ?? ''
  const second = createWorld(createMemoryGitRepo(), 50)
  second.project.adopt({ id: project.id, name: project.name })
  second.repo.take(repo, start)
  second.repo.move(REF, start)
  await second.snapshots.take()
  await second.project.transact(byClaude, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 5, delete: 0, insert: ' Theirs.' }] } }),
  )
  await second.snapshots.take()
  const theirs = (await second.repo.head(REF))?.oid ?? ''
  repo.take(second.repo, theirs)

  // Squashed onto the branch by a person: text and rows of the other clone in one commit of theirs.
  const [tree, before] = [await repo.readTree(theirs), await repo.readTree(start)]
  const changes = [...tree].filter(([path, oid]) => before.get(path) !== oid).map(([path, oid]) => ({ path, oid }))
  await byHand(repo, changes)
  await look(first)
  expect(bodyOf(first, id)).toBe('Base. Theirs.')
  // And amended: the same tree once more, by somebody who is its committer now.
  const [own] = await repo.log(theirs, { limit: 1 })
  if (!own) throw new Error('no commit')
  const amended = await repo.commit({
    ref: 'refs/heads/amended',
    parent: start,
    changes,
    message: own.message,
    author: own.author,
    committer: { name: 'Zoë', email: 'zoe@example.com', at: AT },
  })
  await byHand(repo, [], { merged: amended })
  await look(first)
  expect(bodyOf(first, id)).toBe('Base. Theirs.')
  expect(importedRows(first)).toEqual([])
})

test('a merge that a person resolved by hand is their edit of what both sides say', async () => {
  const { repo, snapshots, project, id, path, text } = await withTask()
  const start = (await repo.head(REF))?.oid ?? ''
  const left = await byHand(repo, [write(path, text.replace('One', 'Left'))], { ref: 'refs/heads/left', parent: start })
  const right = await byHand(repo, [write(path, text.replace('One', 'Right'))], {
    ref: 'refs/heads/right',
    parent: start,
  })
  const merged = await byHand(repo, [write(path, text.replace('One', 'Both'))], {
    ref: 'refs/heads/merge',
    parent: left,
    merged: right,
  })
  repo.move(REF, merged)
  await look({ repo, snapshots })
  expect(importedRows({ project })).toHaveLength(3)
  expect(bodyOf({ project }, id)).toBe('Both two three.')
})

test('[P1] rows that somebody removed from the tree are put back', async () => {
  const { repo, snapshots, project, path, text, id } = await withTask()
  const chunks = [...(await repo.readTree(REF)).keys()].filter((one) => one.startsWith('crdt/'))
  await byHand(repo, [...chunks.map(remove), write(path, text.replace('two', '2'))])
  await look({ repo, snapshots })
  expect(bodyOf({ project }, id)).toBe('One 2 three.')
  expect(await rowsFromTree(repo, REF)).toHaveLength(project.rowCount())
})

test('[P6] edits on a history of a newer importer are refused, not taken over differently', async () => {
  const { repo, snapshots, path, text } = await withTask()
  const file = JSON.parse(repo.text(REF, 'project.json') ?? '{}')
  await byHand(repo, [write('project.json', JSON.stringify({ ...file, importer: 2 }))])
  await byHand(repo, [write(path, text.replace('two', '2'))])
  await expect(look({ repo, snapshots })).rejects.toMatchObject({
    code: 'git_refused',
    message: expect.stringContaining('newer'),
  })
})
