import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { noKeys } from '../../src/base/keys.ts'
import { silentLogger } from '../../src/base/log.ts'
import { findRepository, pathsOf } from '../../src/base/repository.ts'
import { leaseFacts } from '../../src/config/host.ts'
import { type JoinParts, type JoinSource, performJoin, previewJoin } from '../../src/errands/join.ts'
import { finishJoin } from '../../src/errands/join-swap.ts'
import { joinedHere } from '../../src/errands/joined.ts'
import { projectOf } from '../../src/git/history-tree.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { closeWhole, type Database, openDatabase } from '../../src/store/database.ts'
import { joinMarks } from '../../src/store/join-marks.ts'
import { openMirrorBases } from '../../src/store/mirror-bases.ts'
import { type OpenProject, openProject } from '../../src/store/open-project.ts'
import { createPeerStore } from '../../src/store/peer-store.ts'
import { createSnapshotWorld, REF } from '../git/snapshot-world.ts'
import { createTestClock } from '../helpers/clock.ts'
import { alice, byAlice, byClaude } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'
import { createMemoryNetwork } from '../memory/wire.ts'
import { createTestReplica, TOKEN } from '../peers/replica.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const run of cleanUp.splice(0).reverse()) await run()
})

const SAME = 't-00000001' as RecordId
const FREE = 't-00000002' as RecordId
const SOURCE: JoinSource = { type: 'peer', url: 'ws://platform/sync/platform', token: TOKEN }

/** A database file of a project, opened as its daemon does. */
function open(file: string, seed: number, name = 'shop'): { db: Database; project: OpenProject } {
  if (!existsSync(file)) writeFileSync(file, '', { mode: 0o600 })
  const db = openDatabase(file)
  const project = openProject({
    db,
    kinds: builtInKinds,
    clock: createTestClock(),
    random: createRandom(seed),
    log: silentLogger,
    lease: leaseFacts(file),
    generations: { get: () => undefined, set: () => undefined },
    loads: { newest: () => undefined, make: () => Promise.resolve() },
    name,
  })
  return { db, project }
}

/** The platform, on a network, and a repository with a shop in it whose daemon is not running. */
async function world() {
  const root = mkdtempSync(join(tmpdir(), 'orch-join-'))
  cleanUp.push(() => rmSync(root, { recursive: true, force: true }))
  for (const dir of ['.git/objects', '.git/refs', '.git/orch/load']) mkdirSync(join(root, dir), { recursive: true })
  writeFileSync(join(root, '.git/HEAD'), 'ref: refs/heads/main\n')
  const paths = pathsOf(findRepository(root), {
    platform: 'linux',
    runtimeDir: undefined,
    temporaryDir: '/tmp',
    userId: 0,
  })
  writeFileSync(join(paths.dir, 'load/load-1.bin'), 'of the shop')

  const clock = createTestClock()
  const network = createMemoryNetwork({ clock })
  const platform = await createTestReplica({ host: 'platform', seed: 1, network, clock })
  cleanUp.push(() => platform.stop())
  await platform.project.transact(byAlice, (tx) => tx.create(task, { title: 'Theirs' }, { id: SAME }))

  const { db, project } = open(paths.database, 2)
  await project.transact(byClaude, (tx) => {
    tx.create(task, { title: 'Ours' }, { id: SAME })
    tx.create(task, { title: 'Free', dependencies: [SAME] }, { id: FREE })
  })
  const style = { bom: false, eol: 'lf' } as const
  const bases = openMirrorBases(db)
  for (const id of [SAME, FREE]) {
    bases.put({ path: `tasks/${id}.md`, kind: 'task', id, text: `base ${id}`, hash: 'h', style, problem: undefined })
  }
  bases.addVersion(`tasks/${SAME}.md`, { text: 'before', next: 'base', replacedAt: 1 })
  createPeerStore(db).put({ name: 'colleague', url: 'ws://colleague/sync/shop', token: 'theirs' })
  const shop = { id: project.id, replica: project.replica }
  closeWhole(db)

  const repo = createMemoryGitRepo()
  await commitProject(repo, shop.id)
  const parts: JoinParts = {
    paths,
    keyring: noKeys,
    kinds: builtInKinds,
    repo,
    ref: REF,
    generations: { get: () => undefined, set: () => undefined },
    person: alice,
    dial: network.dial,
    clock,
    random: createRandom(3),
    log: silentLogger,
  }
  return { paths, platform, parts, repo, shop, network, clock }
}

async function commitProject(repo: MemoryGitRepo, id: string): Promise<void> {
  const signature = { name: 'orch', email: 'orch@orch.invalid', at: 0 }
  const text = JSON.stringify({ format: 1, id, name: 'shop', importer: 1 })
  const changes = [{ path: 'project.json', bytes: Buffer.from(text) }]
  await repo.commit({ ref: REF, parent: undefined, changes, message: 'x', author: signature, committer: signature })
}

/** What the repository holds when its daemon would start now. */
function look({ paths }: Pick<JoinParts, 'paths'>) {
  const { db, project } = open(paths.database, 99)
  try {
    const tasks = project.list(task, { limit: 100 }).items
    return {
      name: project.name,
      replica: project.replica,
      titles: tasks.map(({ values }) => values.title).sort(),
      wrong: project.checkIndex(openDatabase(':memory:')),
      joined: joinedHere(db),
      peers: createPeerStore(db)
        .all()
        .map(({ url }) => url),
      bases: [...openMirrorBases(db).signatures().keys()].map((path) => {
        const base = openMirrorBases(db).get(path)
        return [path, String(project.read(task, base?.id as RecordId)?.values.title), base?.text]
      }),
      versions: openMirrorBases(db).versions(`tasks/${SAME}.md`, 0).length,
      tasks,
    }
  } finally {
    closeWhole(db)
  }
}

test('the preview names both projects and what collides, and writes nothing anywhere', async () => {
  const { parts, shop, platform, paths } = await world()
  const before = readdirSync(paths.dir).sort()
  const bytes = readFileSync(paths.database)
  expect(await previewJoin(parts, SOURCE)).toEqual({
    from: { id: shop.id, name: 'shop' },
    into: { id: platform.project.id, name: 'platform' },
    counts: expect.objectContaining({ tasks: 2, pages: 0 }),
    there: expect.objectContaining({ tasks: 1, pages: 0 }),
    deleted: 0,
    renamed: [{ id: SAME, to: undefined }],
    keys: [],
    database: `joined-${shop.id}.db`,
    branch: `${REF}-shop`,
  })
  expect(
    readdirSync(paths.dir)
      .filter((name) => !/-(wal|shm)$/.test(name))
      .sort(),
  ).toEqual(before)
  expect(platform.project.rowCount()).toBe(1)
  expect(readFileSync(paths.database)).toEqual(bytes)
})

test('[P1] joined: one project with the records of both, what the mirror knew, and the old one kept', async () => {
  const { parts, shop, platform, paths, repo, clock } = await world()
  const report = await performJoin(parts, SOURCE)
  const renamed = must(report.renamed[0]?.to, 'a new id')
  expect(report.renamed).toEqual([{ id: SAME, to: renamed }])
  const joined = look(parts)
  expect(joined).toMatchObject({
    name: 'platform',
    titles: ['Free', 'Ours', 'Theirs'],
    wrong: [],
    joined: [{ id: shop.id, name: 'shop' }],
    peers: ['ws://colleague/sync/shop', SOURCE.url],
    bases: [
      [`tasks/${SAME}.md`, 'Ours', `base ${SAME}`],
      [`tasks/${FREE}.md`, 'Free', `base ${FREE}`],
    ],
    versions: 1,
  })
  expect(joined.tasks.find(({ id }) => id === FREE)?.values.dependencies).toEqual([renamed])
  expect(joined.replica).not.toBe(shop.replica)
  expect(readdirSync(paths.dir).sort()).toEqual([`joined-${shop.id}.db`, 'orch.db'])
  expect(look({ paths: { ...paths, database: join(paths.dir, `joined-${shop.id}.db`) } }).titles).toEqual([
    'Free',
    'Ours',
  ])
  expect(await repo.head(REF)).toBeUndefined()
  expect((await projectOf(repo, `${REF}-shop`))?.movedTo).toEqual({ id: platform.project.id, name: 'platform' })
  // Nothing of it is at the other one before this repository's daemon sends it: only the word.
  await clock.advance(1_000)
  expect(platform.titles()).toEqual(['Theirs'])
  expect(joinMarks(platform.project)).toMatchObject([{ id: shop.id, by: shop.replica, records: undefined }])
})

test('the replica that joined keeps its identity at the next start, and sends what it brought', async () => {
  const { parts, paths, platform, shop } = await world()
  await performJoin(parts, SOURCE)
  const { db, project } = open(paths.database, 99)
  await platform.project.applyRows(project.rowsSince(platform.project.have(), 1000), { source: 'peer', peer: 'x' })
  expect(platform.titles()).toEqual(['Free', 'Ours', 'Theirs'])
  expect(joinMarks(platform.project)).toMatchObject([{ id: shop.id, records: 2, by: shop.replica }])
  expect(Object.keys(platform.project.have()).sort()).toEqual([platform.project.replica, project.replica].sort())
  closeWhole(db)
})

test.each(['claim', 'import', 'decide', 'fold', 'keep', 'loads', 'swap', 'branch', 'end'] as const)(
  '[P1] killed before "%s", the repository holds the one project or the other, whole, and a second try ends it',
  async (at) => {
    const { parts, paths, shop, platform, repo } = await world()
    const onStep = (step: string): void => {
      if (step === at) throw new Error('killed')
    }
    await expect(performJoin({ ...parts, onStep }, SOURCE)).rejects.toThrow('killed')
    const isDecided = ['fold', 'keep', 'loads', 'swap', 'branch', 'end'].includes(at)
    expect(existsSync(paths.database)).toBe(true)
    // The next daemon.
    await finishJoin({ paths, keyring: noKeys, repo, log: silentLogger })
    expect(look(parts).titles).toEqual(isDecided ? ['Free', 'Ours', 'Theirs'] : ['Free', 'Ours'])
    expect(look(parts).wrong).toEqual([])
    expect(readdirSync(paths.dir)).toEqual(isDecided ? [`joined-${shop.id}.db`, 'orch.db'] : ['load', 'orch.db'])
    expect((await repo.head(REF)) === undefined).toBe(isDecided)
    if (!isDecided) await performJoin({ ...parts, random: createRandom(50) }, SOURCE)
    expect(look(parts).titles).toEqual(['Free', 'Ours', 'Theirs'])
    expect(platform.titles()).toEqual(['Theirs'])
  },
)

test('[P6] a second replica of a project is refused while the first one joins and after it has; the first may try again', async () => {
  const { parts, paths, platform, shop } = await world()
  const other = join(paths.dir, '../other')
  mkdirSync(other)
  const second = { ...parts, paths: { ...paths, dir: other, database: join(other, 'orch.db') } }
  const { db, project } = open(second.paths.database, 7)
  project.adopt({ id: shop.id, name: 'shop' })
  await project.transact(byClaude, (tx) => tx.create(task, { title: 'Only here' }))
  closeWhole(db)

  const stop = {
    onStep: (step: string) => {
      if (step === 'import') throw new Error('killed')
    },
  }
  await expect(performJoin({ ...parts, ...stop }, SOURCE)).rejects.toThrow('killed')
  await expect(performJoin(second, SOURCE)).rejects.toMatchObject({
    code: 'already_joined',
    message: expect.stringContaining('is about to join'),
  })
  await performJoin({ ...parts, random: createRandom(50) }, SOURCE)
  const joined = open(paths.database, 99)
  await platform.project.applyRows(joined.project.rowsSince(platform.project.have(), 1000), {
    source: 'peer',
    peer: 'x',
  })
  closeWhole(joined.db)
  await expect(performJoin(second, SOURCE)).rejects.toMatchObject({
    code: 'already_joined',
    message: expect.stringContaining('has joined'),
  })
  expect(look(second).titles).toEqual(['Only here'])
  expect(platform.titles()).toEqual(['Free', 'Ours', 'Theirs'])
})

test('another replica of a project that has moved follows it: nothing is imported, and files that are only there are new', async () => {
  const { parts, paths, platform, shop } = await world()
  const other = join(paths.dir, '../other')
  mkdirSync(other)
  const second = { ...parts, paths: { ...paths, dir: other, database: join(other, 'orch.db') }, follow: true }
  const { db, project } = open(second.paths.database, 7)
  project.adopt({ id: shop.id, name: 'shop' })
  await project.transact(byClaude, (tx) => {
    tx.create(task, { title: 'Ours' }, { id: SAME })
    tx.create(task, { title: 'Only here' }, { id: 't-00000009' as RecordId })
  })
  const style = { bom: false, eol: 'lf' } as const
  for (const id of [SAME, 't-00000009']) {
    openMirrorBases(db).put({
      path: `tasks/${id}.md`,
      kind: 'task',
      id,
      text: id,
      hash: 'h',
      style,
      problem: undefined,
    })
  }
  closeWhole(db)
  await expect(performJoin(second, SOURCE)).rejects.toThrow('nothing to follow')

  await performJoin(parts, SOURCE)
  const joined = open(paths.database, 99)
  await platform.project.applyRows(joined.project.rowsSince({}, 1000), { source: 'peer', peer: 'x' })
  closeWhole(joined.db)
  const before = platform.project.rowCount()
  expect(await performJoin({ ...second, random: createRandom(60) }, SOURCE)).toMatchObject({
    counts: { tasks: 1 },
    database: `joined-${shop.id}.db`,
  })
  expect(look(second)).toMatchObject({
    name: 'platform',
    titles: ['Free', 'Ours', 'Theirs'],
    // Of the file of the record that is only here nothing is known: the mirror takes it in as a new one.
    bases: [[`tasks/${SAME}.md`, 'Ours', SAME]],
  })
  expect(platform.project.rowCount()).toBe(before)
})

test('[P6] joining oneself, nothing, or where nobody is, is refused and leaves all as it was', async () => {
  const { parts, platform, network, clock } = await world()
  const empty = await createTestReplica({ host: 'empty', seed: 8, network, clock })
  cleanUp.push(() => empty.stop())
  const at = (host: string): JoinSource => ({ type: 'peer', url: `ws://${host}/sync/${host}`, token: TOKEN })
  await expect(performJoin(parts, at('empty'))).rejects.toThrow('nothing in that project yet')
  await expect(performJoin(parts, at('nowhere'))).rejects.toMatchObject({ code: 'join_failed' })
  await expect(performJoin(parts, { ...SOURCE, token: 'wrong' } as JoinSource)).rejects.toThrow('unauthorized')
  await performJoin(parts, SOURCE)
  await expect(previewJoin(parts, SOURCE)).rejects.toThrow('one project already')
  expect(platform.titles()).toEqual(['Theirs'])
})

test('[P7] a project can be joined from a history that was fetched', async () => {
  const { parts, repo } = await world()
  const theirs = createSnapshotWorld(repo, {
    project: { seed: 20, name: 'platform' },
    parts: { ref: 'refs/remotes/up/orch-history' },
  })
  await theirs.project.transact(byAlice, (tx) => tx.create(task, { title: 'Theirs' }, { id: SAME }))
  await theirs.snapshots.take()
  await expect(performJoin(parts, { type: 'git', ref: `${REF}-none` })).rejects.toMatchObject({ code: 'git_refused' })
  await performJoin(parts, { type: 'git', ref: 'refs/remotes/up/orch-history' })
  expect(look(parts)).toMatchObject({ name: 'platform', titles: ['Free', 'Ours', 'Theirs'], wrong: [] })
})

test('a branch that git will not rename holds nothing up, and is renamed at a later start', async () => {
  const { parts, repo, paths } = await world()
  const onStep = (step: string): void => {
    if (step === 'branch') repo.refuse('the disk is full')
  }
  await performJoin({ ...parts, onStep }, SOURCE)
  expect(look(parts).name).toBe('platform')
  expect(await repo.head(REF)).toBeDefined()
  repo.refuse(undefined)
  await finishJoin({ paths, keyring: noKeys, repo, log: silentLogger })
  expect(await repo.head(REF)).toBeUndefined()
  expect(readdirSync(paths.dir).filter((name) => name.startsWith('join')).length).toBe(1)
})
