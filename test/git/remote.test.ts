import { expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createGitCare } from '../../src/git/care.ts'
import type { GitRemotes } from '../../src/git/git-repo.ts'
import { chunksOf, rowsFromTree } from '../../src/git/history-tree.ts'
import { createRemotePeer, type RemotePeer } from '../../src/git/remote.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'
import { createSnapshotWorld, REF, type SnapshotWorld } from './snapshot-world.ts'

interface Clone extends SnapshotWorld {
  readonly repo: MemoryGitRepo
  readonly remote: RemotePeer
  /** Every call of the remote. */
  readonly calls: string[]
}

/** A clone of a remote in memory; `fail` says whether a call fails. */
function cloneOf(origin: MemoryGitRepo, fail: () => OrchError | undefined = () => undefined, seed = 1): Clone {
  const repo = createMemoryGitRepo()
  const world = createSnapshotWorld(repo, { project: { seed } })
  const real = repo.remotes(origin)
  const calls: string[] = []
  const remotes: GitRemotes = {
    async fetch(branch) {
      calls.push('fetch')
      const error = fail()
      if (error) throw error
      return await real.fetch(branch)
    },
    async push(branch, commit) {
      calls.push('push')
      return await real.push(branch, commit)
    },
  }
  const remote = createRemotePeer({
    repo,
    remotes,
    snapshots: world.snapshots,
    ref: REF,
    remote: () => 'origin',
    clock: world.clock,
    // The middle: no jitter.
    random: (n) => new Uint8Array(n).fill(127.5),
    log: silentLogger,
  })
  return { ...world, repo, remote, calls }
}
const offline = (): OrchError =>
  new OrchError('remote_failed', { remote: 'origin', reason: 'offline', remedy: 'Wait.' })

test('it syncs soon after a start, once a minute, and before it stops where something is new', async () => {
  const { remote, calls, clock, project } = cloneOf(createMemoryGitRepo())
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'One' }))
  await remote.start()
  await clock.advance(1_000)
  expect(calls).toEqual(['fetch', 'push'])
  await clock.advance(120_000)
  expect(calls).toEqual(['fetch', 'push', 'fetch', 'fetch'])
  expect(remote.state()).toMatchObject({ name: 'origin', state: 'synced' })
  await remote.stop()
  expect(calls).toHaveLength(4)
  await remote.start()
  remote.note()
  await remote.stop()
  expect(calls).toHaveLength(5)
})

test('unasked it goes with the snapshot that is due, and commits no more than one a minute while work never ends', async () => {
  const { remote, calls, clock, project, snapshots, repo } = cloneOf(createMemoryGitRepo())
  const at: number[] = []
  const commit = repo.commit
  repo.commit = (request) => {
    at.push(clock.monotonic())
    return commit(request)
  }
  await snapshots.start()
  await remote.start()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'Busy' }))
  for (let step = 0; step < 200; step++) {
    await project.transact(byClaude, (tx) => tx.update(task, id, { increment: { spentHours: 1 } }))
    await clock.advance(3_000)
  }
  // The one that makes the branch does not count.
  const [, ...counted] = at
  const gaps = counted.slice(1).map((time, i) => time - (counted[i] ?? 0))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60_000)
  expect(calls.filter((call) => call === 'push').length).toBeGreaterThanOrEqual(9)
  // What is not in git yet goes before it stops, and a sync that is asked for waits for nothing.
  await remote.stop()
  await project.transact(byClaude, (tx) => tx.update(task, id, { increment: { spentHours: 1 } }))
  expect(await remote.sync()).toMatchObject({ sent: true })
})

test('[P6] a failure is told with its remedy, tried again more and more seldom, and forgotten when it works', async () => {
  let failing = true
  const { remote, calls, clock } = cloneOf(createMemoryGitRepo(), () => (failing ? offline() : undefined))
  await remote.start()
  await clock.advance(1_000)
  expect(remote.problems()).toMatchObject([{ kind: 'link', where: 'git remote origin', fix: 'Wait.' }])
  const tries: number[] = []
  for (let minute = 1; minute <= 60; minute++) {
    await clock.advance(60_000)
    tries.push(calls.length)
  }
  // After 2, 4, 8 and then every 15 minutes.
  expect([tries[2], tries[7], tries[15], tries[31], tries[59]]).toEqual([2, 3, 4, 5, 7])
  failing = false
  await remote.sync()
  expect(remote.problems()).toEqual([])
  expect(remote.state()).toMatchObject({ state: 'synced' })
})

test('a remote that is not reached does not keep a daemon from stopping', async () => {
  const { remote, calls } = cloneOf(createMemoryGitRepo(), offline)
  await remote.start()
  await remote.sync().catch(() => undefined)
  await remote.stop()
  expect(calls).toEqual(['fetch'])
})

test('who is slower merges and pushes again; a branch that never stands still is left to the next time', async () => {
  const origin = createMemoryGitRepo()
  const [one, two] = [cloneOf(origin), cloneOf(origin, undefined, 9)]
  two.project.adopt({ id: one.project.id, name: one.project.name })
  await one.remote.sync()
  await two.remote.sync()
  await one.project.transact(byAlice, (tx) => tx.create(task, { title: 'One' }))
  await two.project.transact(byClaude, (tx) => tx.create(task, { title: 'Two' }))
  await one.snapshots.take()
  await two.snapshots.take()
  await one.remote.sync()
  expect(await two.remote.sync()).toMatchObject({ received: true, sent: true })
  expect(two.repo.commits.at(-1)).toMatchObject({ message: expect.stringMatching(/^Merge origin\/orch-history/) })
  expect(await one.remote.sync()).toMatchObject({ received: true, sent: false })
  expect(one.project.ids(task)).toEqual(two.project.ids(task))
  expect(await one.remote.sync()).toMatchObject({ received: false, sent: false })
})

test('a branch that somebody moved here by hand is looked at, too', async () => {
  const origin = createMemoryGitRepo()
  const [one, two] = [cloneOf(origin), cloneOf(origin, undefined, 9)]
  two.project.adopt({ id: one.project.id, name: one.project.name })
  const id = await one.project.transact(byAlice, (tx) => tx.create(task, { title: 'One' }))
  const { commit } = await one.remote.sync()
  two.repo.take(origin, commit)
  two.repo.move(REF, commit)
  await two.remote.sync()
  expect(two.project.read(task, id)?.values.title).toBe('One')
})

test.each([
  ['is no history of orch', (origin: MemoryGitRepo) => put(origin, 'README.md', 'mine'), 'git_refused'],
  [
    'is the history of another project',
    (origin: MemoryGitRepo) => put(origin, 'project.json', '{"format": 1, "id": "j-other", "name": "other"}'),
    'different_project',
  ],
])('[P6] a branch there that %s is refused, and neither is changed', async (_what, prepare, code) => {
  const origin = createMemoryGitRepo()
  const { remote, project, snapshots, repo } = cloneOf(origin)
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'One' }))
  await snapshots.take()
  const before = (await repo.head(REF))?.oid
  const there = await prepare(origin)
  await expect(remote.sync()).rejects.toMatchObject({ code })
  expect(remote.problems()).toHaveLength(1)
  expect((await repo.head(REF))?.oid).toBe(before)
  expect((await origin.head(REF))?.oid).toBe(there)
})

async function put(origin: MemoryGitRepo, path: string, text: string): Promise<string> {
  const author = { name: 'Zoe', email: 'zoe@example.com', at: 0 }
  const changes = [{ path, bytes: Buffer.from(text) }]
  return await origin.commit({ ref: REF, parent: undefined, changes, message: 'x', author, committer: author })
}

test('[P1] chunks stay few over hundreds of snapshots, and hold every row; merged with clones that did not join theirs', async () => {
  const origin = createMemoryGitRepo()
  const [one, two] = [cloneOf(origin), cloneOf(origin, undefined, 9)]
  two.project.adopt({ id: one.project.id, name: one.project.name })
  const id = await one.project.transact(byAlice, (tx) => tx.create(task, { title: 'One' }))
  await one.remote.sync()
  await two.remote.sync()
  let most = 0
  for (let snapshot = 0; snapshot < 300; snapshot++) {
    await one.project.transact(byAlice, (tx) => tx.update(task, id, { increment: { spentHours: 1 } }))
    await one.snapshots.take()
    if (snapshot % 7 === 0) {
      await two.project.transact(byClaude, (tx) => tx.update(task, id, { add: { labels: [`l${snapshot}`] } }))
      await two.remote.sync()
      await one.remote.sync()
    }
    most = Math.max(most, chunksOf((await one.repo.readTree(REF)).keys()).length)
  }
  await one.remote.sync()
  await two.remote.sync()
  expect(most).toBeLessThan(75)
  expect(await rowsFromTree(two.repo, REF)).toHaveLength(two.project.rowCount())
  expect(two.project.read(task, id)?.values.spentHours).toBe(300)
})

test('loose objects are packed when they are many or large, where anything was committed, and a failure is left to the next time', async () => {
  const clock = createTestClock()
  let [loose, looseBytes, packed, asked, isChanged] = [5000, 0, 0, 0, true]
  const care = createGitCare({
    repo: {
      async objects() {
        asked++
        return { bytes: 1, loose, looseBytes }
      },
      async packLoose() {
        if (packed++ === 0) throw new Error('another git holds the lock')
        loose = looseBytes = 0
      },
    },
    clock,
    log: silentLogger,
    isChanged: () => isChanged,
  })
  await care.start()
  await clock.advance(30_000)
  expect([asked, packed, care.objects()?.loose]).toEqual([1, 1, 5000])
  await clock.advance(30 * 60_000)
  expect(care.objects()?.loose).toBe(0)
  ;[loose, looseBytes] = [100, 65 << 20]
  await clock.advance(30 * 60_000)
  expect(care.objects()?.loose).toBe(0)
  isChanged = false
  const before = asked
  await clock.advance(60 * 60_000)
  expect(asked).toBe(before)
  await care.stop()
})
