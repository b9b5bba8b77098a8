import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { type Keyring, noKeys } from '../../src/base/keys.ts'
import { silentLogger } from '../../src/base/log.ts'
import { chunksOf, projectOf, rowsFromTree } from '../../src/git/history-tree.ts'
import { createRemotePeer, type RemotePeer } from '../../src/git/remote.ts'
import { rewritten } from '../../src/git/rewrite-export.ts'
import { gitEnv } from '../../src/git/run-git.ts'
import { closeChunk, openChunk, sealingFor } from '../../src/git/sealed-chunks.ts'
import { askForKey } from '../../src/git/snapshot-ledger.ts'
import type { Snapshots } from '../../src/git/snapshots.ts'
import { task } from '../../src/model/kinds/task.ts'
import { decodeChunk, encodeChunk, type Row } from '../../src/store/row.ts'
import { keyOf, ringOf } from '../helpers/cipher.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'
import { connect, createSnapshotWorld, REF, type SnapshotWorld } from './snapshot-world.ts'

const MARKER = 'Quetzalcoatlus'
const [KEY, OTHER] = [keyOf(1), keyOf(2)]

interface Clone extends Pick<SnapshotWorld, 'project' | 'test'> {
  readonly repo: MemoryGitRepo
  readonly snapshots: Snapshots
  readonly remote: RemotePeer
  /** The same clone after a start with other keys. */
  with(keyring: Keyring): Clone
}

/** A clone of a remote in memory, of one project with the first. */
function cloneOf(origin: MemoryGitRepo, keyring: Keyring, seed = 1, like?: Clone): Clone {
  const repo = createMemoryGitRepo()
  const world = createSnapshotWorld(repo, { project: { seed }, parts: { keyring } })
  if (like) world.project.adopt({ id: like.project.id, name: like.project.name })
  return connected(origin, repo, world, world.snapshots)
}

function connected(origin: MemoryGitRepo, repo: MemoryGitRepo, world: SnapshotWorld, snapshots: Snapshots): Clone {
  const { project, clock, ledger, test: made } = world
  const remote = createRemotePeer({
    repo,
    remotes: repo.remotes(origin),
    snapshots,
    ref: REF,
    remote: () => 'origin',
    clock,
    random: (n) => new Uint8Array(n).fill(127),
    log: silentLogger,
  })
  const again = (keyring: Keyring): Clone =>
    connected(origin, repo, world, connect(repo, project, ledger, clock, { parts: { keyring } }).snapshots)
  return { project, test: made, repo, snapshots, remote, with: again }
}

const write = (clone: Clone, title: string): Promise<unknown> =>
  clone.project.transact(byAlice, (tx) => tx.create(task, { title, body: MARKER }))

/** How many chunks a branch has, and how many of them hold the word that every task has. */
async function chunksIn(repo: MemoryGitRepo, revision = REF): Promise<{ all: number; readable: number }> {
  const tree = await repo.readTree(revision)
  const oids = chunksOf(tree.keys()).map(({ path }) => tree.get(path) ?? '')
  const blobs = await repo.readBlobs(oids)
  const readable = oids.filter((oid) => Buffer.from(blobs.get(oid) ?? []).includes(MARKER)).length
  return { all: oids.length, readable }
}

const keyIn = async (repo: MemoryGitRepo): Promise<string | undefined> => (await projectOf(repo, REF))?.key

const titles = ({ project }: Clone): readonly unknown[] =>
  project
    .ids(task)
    .map((id) => project.read(task, id)?.values.title)
    .sort()

test.each([
  ['the first commit', [], undefined, KEY.id, false],
  ['a plain branch', [''], undefined, KEY.id, true],
  ['a branch of an older key', [OTHER.id], undefined, OTHER.id, false],
  ['one whose key is to change', [OTHER.id], KEY.id, KEY.id, true],
  ['one that is to be plain', [KEY.id], '', undefined, true],
  ['one that has become plain', [''], '', undefined, false],
  ['an encrypted and a plain one', [KEY.id, ''], undefined, KEY.id, true],
  ['two of different keys', [KEY.id, OTHER.id], undefined, OTHER.id, true],
])('[E7] how rows are written on %s', (_what, found, wanted, key, isAnew) => {
  const sealing = sealingFor(ringOf(KEY, OTHER), found, wanted, 'x')
  expect([sealing.key?.id, sealing.isAnew]).toEqual([key, isAnew])
})

test('[E1] rows in git hold nothing that can be read, say by which key, and are read with it alone', async () => {
  for (const keyring of [noKeys, ringOf(KEY)]) {
    const one = cloneOf(createMemoryGitRepo(), keyring)
    await write(one, 'One')
    await one.snapshots.take()
    await write(one, 'Two')
    await one.snapshots.take()
    const isPlain = keyring === noKeys
    expect(await chunksIn(one.repo)).toEqual({ all: 2, readable: isPlain ? 2 : 0 })
    expect(await keyIn(one.repo)).toBe(isPlain ? undefined : KEY.id)
    if (isPlain) continue
    expect(await rowsFromTree(one.repo, REF, {}, [KEY])).toHaveLength(one.project.rowCount())
    await expect(rowsFromTree(one.repo, REF)).rejects.toMatchObject({ code: 'key_missing' })
    await expect(rowsFromTree(one.repo, REF, {}, [OTHER])).rejects.toMatchObject({ code: 'key_wrong' })
  }
})

test('[E4] a chunk that lies at another path than it was written for, or was changed, is damaged', async () => {
  const one = cloneOf(createMemoryGitRepo(), ringOf(KEY))
  await write(one, 'One')
  await one.snapshots.take()
  const tree = await one.repo.readTree(REF)
  const [chunk] = chunksOf(tree.keys())
  const oid = tree.get(chunk?.path ?? '') ?? ''
  const bytes = (await one.repo.readBlobs([oid])).get(oid) ?? new Uint8Array()
  let branches = 0
  const put = async (path: string, content: Uint8Array): Promise<string> => {
    const author = { name: 'Zoe', email: 'zoe@example.com', at: 0 }
    const parent = (await one.repo.head(REF))?.oid
    const changes = [{ path: chunk?.path ?? '', delete: true } as const, { path, bytes: content }]
    return await one.repo.commit({
      ref: `refs/heads/x${++branches}`,
      parent,
      changes,
      message: 'x',
      author,
      committer: author,
    })
  }
  const read = async (path: string, content: Uint8Array): Promise<unknown> =>
    await rowsFromTree(one.repo, await put(path, content), {}, [KEY]).catch(({ message }) => message)
  expect(await read(`crdt/r-other/0000000001-0000000001`, bytes)).toContain('is damaged: it was written as')
  const changed = Uint8Array.from(bytes)
  changed[bytes.length - 1] = (changed[bytes.length - 1] ?? 0) ^ 1
  expect(await read(chunk?.path ?? '', changed)).toContain('is damaged: it was changed')
  expect(await read(chunk?.path ?? '', bytes.subarray(0, 40))).toContain('is damaged: it is cut short')
})

test('[E3] two clones with the key converge, and write one row as one file', async () => {
  const origin = createMemoryGitRepo()
  const one = cloneOf(origin, ringOf(KEY))
  const two = cloneOf(origin, ringOf(KEY), 9, one)
  await write(one, 'One')
  await one.remote.sync()
  await two.remote.sync()
  await write(one, 'Here')
  await write(two, 'There')
  for (const clone of [one, two, one]) await clone.remote.sync()
  expect(titles(one)).toEqual(['Here', 'One', 'There'])
  expect(titles(two)).toEqual(titles(one))
  expect((await chunksIn(origin)).readable).toBe(0)
  // Each alone, from the rows of both.
  const rows = one.project.rowsSince({}, 100)
  const alone = [one, two].map(async ({ project, repo }) => {
    expect(new Set(project.rowsSince({}, 100).map(({ replica, seq }) => `${replica} ${seq}`)).size).toBe(rows.length)
    return [...(await repo.readTree(REF))].filter(([path]) => path.startsWith('crdt/'))
  })
  expect(await alone[1]).toEqual(await alone[0])
})

test('chunks are joined as those of a plain branch are, and stay encrypted', async () => {
  const one = cloneOf(createMemoryGitRepo(), ringOf(KEY))
  for (let n = 0; n < 40; n++) {
    await write(one, `Task ${n}`)
    await one.snapshots.take()
  }
  const { all, readable } = await chunksIn(one.repo)
  expect(all).toBeLessThan(30)
  expect(readable).toBe(0)
  expect(await rowsFromTree(one.repo, REF, {}, [KEY])).toHaveLength(one.project.rowCount())
})

test.each([
  ['none', noKeys, 'key_missing'],
  ['another one', ringOf(OTHER), 'key_wrong'],
])(
  '[E7] a clone with %s of the keys takes nothing in, pushes nothing, and says so until it has it',
  async (_what, keyring, code) => {
    const origin = createMemoryGitRepo()
    const one = cloneOf(origin, ringOf(KEY))
    await write(one, 'One')
    const { commit } = await one.remote.sync()
    const two = cloneOf(origin, keyring, 9, one)
    await write(two, 'Two')
    await two.snapshots.take().catch(() => undefined)
    const before = (await two.repo.head(REF))?.oid
    for (let tries = 0; tries < 2; tries++) await expect(two.remote.sync()).rejects.toMatchObject({ code })
    expect(two.remote.problems()).toMatchObject([
      { what: expect.stringContaining(KEY.id), fix: expect.stringContaining('key') },
    ])
    expect([titles(two), (await two.repo.head(REF))?.oid]).toEqual([['Two'], before])
    expect((await origin.head(REF))?.oid).toBe(commit)
    const again = two.with(ringOf(KEY, OTHER))
    await again.remote.sync()
    await one.with(ringOf(KEY, OTHER)).remote.sync()
    expect([titles(again), titles(one)]).toEqual([
      ['One', 'Two'],
      ['One', 'Two'],
    ])
    expect(await keyIn(origin)).toBe(KEY.id)
    expect((await chunksIn(origin)).readable).toBe(0)
  },
)

test('[E7] a clone without the key that has every row already, by a link, pushes no plain row either', async () => {
  const origin = createMemoryGitRepo()
  const one = cloneOf(origin, ringOf(KEY))
  const two = cloneOf(origin, noKeys, 9, one)
  await write(one, 'One')
  const { commit } = await one.remote.sync()
  await two.project.applyRows(one.project.rowsSince({}, 100), { source: 'peer', peer: one.project.replica })
  await write(two, 'Two')
  await expect(two.remote.sync()).rejects.toMatchObject({ code: 'key_missing' })
  expect((await origin.head(REF))?.oid).toBe(commit)
})

test('[E7] a plain branch is encrypted whole by the first who is to; what was committed before stays readable', async () => {
  const origin = createMemoryGitRepo()
  const one = cloneOf(origin, noKeys)
  const two = cloneOf(origin, noKeys, 9, one)
  await write(one, 'One')
  const { commit } = await one.remote.sync()
  await two.remote.sync()
  await write(two, 'Two')
  await two.snapshots.take()
  const sealed = one.with(ringOf(KEY))
  await write(one, 'Three')
  await sealed.remote.sync()
  expect(await chunksIn(origin)).toMatchObject({ readable: 0 })
  expect((await chunksIn(origin, commit)).readable).toBe(1)
  await expect(two.remote.sync()).rejects.toMatchObject({ code: 'key_missing' })
  await two.with(ringOf(KEY)).remote.sync()
  await sealed.remote.sync()
  expect(titles(one)).toEqual(['One', 'Three', 'Two'])
  expect(titles(two)).toEqual(titles(one))
  expect([await chunksIn(origin), await keyIn(origin)]).toMatchObject([{ readable: 0 }, KEY.id])
})

test('[E6] a key is replaced, and taken away, for all rows in one commit; who has no key then needs none', async () => {
  const origin = createMemoryGitRepo()
  const one = cloneOf(origin, ringOf(KEY))
  const two = cloneOf(origin, ringOf(KEY), 9, one)
  await write(one, 'One')
  await one.remote.sync()
  await two.remote.sync()
  await write(two, 'Two')
  await two.remote.sync()

  // Another key comes first, and somebody asks for it: then it counts.
  const both = one.with(ringOf(OTHER, KEY))
  await both.remote.sync()
  expect(await keyIn(origin)).toBe(KEY.id)
  askForKey(one.test.database, OTHER.id)
  await both.remote.sync()
  expect(await keyIn(origin)).toBe(OTHER.id)
  expect(await rowsFromTree(origin, REF, {}, [OTHER])).toHaveLength(one.project.rowCount())
  expect(one.repo.commits.at(-1)?.message).toMatch(`All rows encrypted with the key ${OTHER.id}`)
  const commits = one.repo.commits.length
  await both.remote.sync()
  expect(one.repo.commits.length).toBe(commits)
  await expect(two.remote.sync()).rejects.toMatchObject({ code: 'key_wrong' })

  // Given both, the other one follows; what it wrote meanwhile by the old one goes by the new one. Then that is enough.
  await two.project.transact(byClaude, (tx) => tx.create(task, { title: 'Meanwhile' }))
  await two.snapshots.take()
  await two.with(ringOf(KEY, OTHER)).remote.sync()
  await two.with(ringOf(OTHER)).remote.sync()
  expect(await rowsFromTree(origin, REF, {}, [OTHER])).toHaveLength(two.project.rowCount())

  // Plain again, by somebody who has no key any more.
  await both.remote.sync()
  askForKey(one.test.database, '')
  await one.with(noKeys).remote.sync()
  expect([await keyIn(origin), (await chunksIn(origin)).readable > 0]).toEqual([undefined, true])
  await two.with(noKeys).remote.sync()
  expect(titles(two)).toEqual(['Meanwhile', 'One', 'Two'])
  expect(titles(one)).toEqual(titles(two))
})

test('[E1] a purge reaches rows that are encrypted, in place and by the same key, and leaves the others byte for byte', async () => {
  const row = (seq: number, actor: string): Row => ({
    ...{ replica: 'r-1', seq, doc: 'main', at: 1, actor, source: 'api', verified: true },
    ...{ session: '', seen: {}, touched: [], update: new Uint8Array([0, 0]) },
  })
  const paths = ['crdt/r-1/0000000001-0000000001', 'crdt/r-1/0000000002-0000000002'] as const
  const sealed = [row(1, MARKER), row(2, 'alice')].map((one, at) =>
    Buffer.from(closeChunk(OTHER, paths[at] ?? '', encodeChunk([one]))),
  )
  const run = async (keys: Keyring['keys']): Promise<readonly Buffer[]> => {
    const counts = { commits: 0, hits: 0 }
    const stream = Readable.from(
      sealed.map((bytes) => Buffer.concat([Buffer.from(`blob\ndata ${bytes.length}\n`), bytes, Buffer.from('\n')])),
    )
    const parts = {
      ref: REF,
      keys,
      row: (one: Row) => (one.actor === MARKER ? { ...one, actor: 'x' } : one),
      text: (text: string) => text,
    }
    const made: Buffer[] = []
    for await (const bytes of rewritten(stream, parts, counts)) {
      const text = bytes.toString('latin1')
      if (text.startsWith('data ')) made.push(bytes.subarray(text.indexOf('\n') + 1))
    }
    expect(counts.hits).toBe(1)
    return made
  }
  const [first, second] = await run([KEY, OTHER])
  const rows = decodeChunk(openChunk([OTHER], paths[0], first ?? new Uint8Array()))
  expect(rows.map(({ actor, seq }) => [actor, seq])).toEqual([['x', 1]])
  expect(second).toEqual(sealed[1])
  await expect(run([KEY])).rejects.toMatchObject({ code: 'key_wrong' })
})

test('[E5] what git starts is not told the key', () => {
  expect(gitEnv({ ORCH_ENCRYPTION_KEY: 'secret', ORCH_ENCRYPTION_KEY_FILE: '/a', HOME: '/b' })).toMatchObject({
    HOME: '/b',
  })
  expect(JSON.stringify(gitEnv({ ORCH_ENCRYPTION_KEY: 'secret' }))).not.toContain('secret')
})
