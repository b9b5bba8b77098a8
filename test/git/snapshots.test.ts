import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { silentLogger } from '../../src/base/log.ts'
import { rowsFromTree, vectorOf } from '../../src/git/history-tree.ts'
import { createSnapshots } from '../../src/git/snapshots.ts'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { session } from '../../src/model/kinds/session.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Tx } from '../../src/store/tx.ts'
import { settle } from '../helpers/clock.ts'
import { byAlice, byClaude, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { createMemoryDatabase } from '../memory/database.ts'
import { createMemoryGitRepo, type MemoryGitRepo } from '../memory/git-repo.ts'
import { connect, createSnapshotWorld, plainRender, REF, type SnapshotWorld } from './snapshot-world.ts'

const begin = async (repo: MemoryGitRepo = createMemoryGitRepo()): Promise<SnapshotWorld & { repo: MemoryGitRepo }> => {
  const world = createSnapshotWorld(repo)
  await world.snapshots.start()
  await world.snapshots.take()
  // A commit may be made unasked again.
  await world.clock.advance(60_000)
  return { ...world, repo }
}
const createTask = (world: Pick<SnapshotWorld, 'project'>, title: string): Promise<RecordId> =>
  world.project.transact(byAlice, (tx) => tx.create(task, { title }))
const byClaudeDo = (world: Pick<SnapshotWorld, 'project'>, work: (tx: Tx) => void): Promise<void> =>
  world.project.transact(byClaude, work)
const subjects = (repo: MemoryGitRepo): (string | undefined)[] =>
  repo.commits.map(({ message }) => message.split('\n')[0])
const paths = async (repo: MemoryGitRepo): Promise<string[]> => [...(await repo.readTree(REF)).keys()]

test('a new project gets its first snapshot, with its name and id', async () => {
  const repo = createMemoryGitRepo()
  const { snapshots, clock, project } = createSnapshotWorld(repo)
  await snapshots.start()
  await clock.advance(5_000)
  expect(subjects(repo)).toEqual(['project demo'])
  expect(JSON.parse(repo.text(REF, 'project.json') ?? '')).toEqual({
    format: 1,
    id: project.id,
    name: 'demo',
    importer: 1,
  })
})

test('a snapshot is taken 5 s after the last change, and 60 s after the first at most', async () => {
  const { repo, clock, ...world } = await begin()
  const id = await createTask(world, 'Fix login')
  await clock.advance(4_999)
  expect(repo.commits).toHaveLength(1)
  await clock.advance(1)
  expect(subjects(repo).slice(1)).toEqual([`${id}: created "Fix login" (alice)`])
  expect(repo.text(REF, world.project.pathOf(task, id))).toBe('Fix login\ntodo\n\n')

  for (let second = 0; second < 59; second++) {
    await byClaudeDo(world, (tx) => tx.update(task, id, { increment: { spentHours: 1 } }))
    await clock.advance(1_000)
  }
  expect(repo.commits).toHaveLength(2)
  await clock.advance(1_000)
  expect(subjects(repo).slice(2)).toEqual([`${id}: spentHours +59 (claude)`])
})

test('the first work of a new project does not wait because of the commit that makes the branch', async () => {
  const repo = createMemoryGitRepo()
  const world = createSnapshotWorld(repo)
  await world.snapshots.start()
  await world.clock.advance(5_000)
  const id = await createTask(world, 'First')
  await world.clock.advance(5_000)
  expect(subjects(repo)).toEqual(['project demo', `${id}: created "First" (alice)`])
  await createTask(world, 'Second')
  await world.clock.advance(59_000)
  expect(repo.commits).toHaveLength(2)
  await world.clock.advance(1_000)
  expect(repo.commits).toHaveLength(3)
})

test('closing a task is in git a second later; others that are closed within a minute join the next snapshot', async () => {
  const { repo, clock, ...world } = await begin()
  const ids = await Promise.all(['a', 'b', 'c'].map((title) => createTask(world, title)))
  await world.snapshots.take()
  await clock.advance(60_000)
  const close = (id: RecordId | undefined, status: string) =>
    byClaudeDo(world, (tx) => tx.update(task, id ?? ('' as RecordId), { set: { status } }))
  await close(ids[0], 'completed')
  await clock.advance(999)
  expect(repo.commits).toHaveLength(2)
  await clock.advance(1)
  expect(subjects(repo).at(-1)).toBe(`${ids[0]}: todo -> completed (claude)`)
  await close(ids[1], 'cancelled')
  await clock.advance(2_000)
  await close(ids[2], 'completed')
  await clock.advance(57_999)
  expect(repo.commits).toHaveLength(3)
  await clock.advance(1)
  expect(subjects(repo).at(-1)).toBe('2 tasks by claude')
  await clock.advance(100_000)
  expect(repo.commits).toHaveLength(4)
})

test('the end of a session is in git a second later, with the task that was completed just before it', async () => {
  const { repo, clock, ...world } = await begin()
  const done = await createTask(world, 'Done')
  const id = await world.project.transact(byClaude, (tx) => tx.create(session, { goal: 'Try' }))
  await world.snapshots.take()
  await clock.advance(60_000)
  await byClaudeDo(world, (tx) => tx.update(task, done, { set: { status: 'completed' } }))
  await clock.advance(500)
  await byClaudeDo(world, (tx) => tx.update(session, id, { set: { endedAt: '2026-11-25T08:00:00Z' } }))
  await clock.advance(500)
  expect(repo.commits).toHaveLength(3)
  expect(repo.commits.at(-1)?.message).toContain(`${done} Done (claude)\n  status todo -> completed`)
  expect(repo.commits.at(-1)?.message).toContain(`${id} Try (claude)\n  ended`)
})

test('under load nothing is committed unasked within a minute of another commit, whatever is closed or asked for', async () => {
  const { repo, clock, ...world } = await begin()
  const taken: { readonly at: number; readonly isAsked: boolean }[] = []
  const commit = repo.commit
  repo.commit = (request) => {
    taken.push({ at: clock.monotonic(), isAsked: request.message.startsWith('asked') })
    return commit(request)
  }
  const random = createRandom(11)
  const id = await createTask(world, 'Busy')
  for (let step = 0; step < 300; step++) {
    const dice = random(1)[0] ?? 0
    await byClaudeDo(world, (tx) =>
      dice < 40
        ? tx.update(task, id, { set: { status: dice % 2 ? 'completed' : 'todo' } })
        : tx.update(task, id, { increment: { spentHours: 1 } }),
    )
    if (step % 90 === 37) await world.snapshots.take(`asked ${step}`)
    // With calms, so that every reason for a snapshot comes up.
    await clock.advance(dice % 16 === 3 ? 10_000 : 1_500)
  }
  const asked = taken.filter(({ isAsked }) => isAsked).length
  const gaps = taken.flatMap(({ at, isAsked }, i) => (isAsked || i === 0 ? [] : [at - (taken[i - 1]?.at ?? 0)]))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60_000)
  // And not much more seldom.
  expect(Math.max(...gaps)).toBeLessThanOrEqual(70_000)
  expect(asked).toBe(3)
})

test('nothing changed: nothing is taken and no git is asked', async () => {
  const { repo, clock, snapshots } = await begin()
  const calls = repo.calls
  expect(await snapshots.take('please')).toBeUndefined()
  await clock.advance(200_000)
  await snapshots.stop()
  expect(repo.calls).toBe(calls)
})

test('[P1] stopping takes what is not in git yet, and stopping twice is nothing', async () => {
  const { repo, ...world } = await begin()
  const id = await createTask(world, 'Last words')
  await world.snapshots.stop()
  await world.snapshots.stop()
  expect(subjects(repo).slice(1)).toEqual([`${id}: created "Last words" (alice)`])
})

test('callers who ask at once get one snapshot between them, and each change is in exactly one', async () => {
  const { repo, ...world } = await begin()
  const first = await createTask(world, 'one')
  const asked = [world.snapshots.take('mine'), world.snapshots.take('theirs')]
  await settle(1)
  const second = await createTask(world, 'two')
  const taken = await Promise.all([...asked, world.snapshots.take()])
  expect(taken.filter((one) => one !== undefined).length).toBe(repo.commits.length - 1)
  expect(taken[0]).toMatchObject({ subject: 'mine', author: 'alice', actors: ['alice'] })
  const all = repo.commits.map(({ message }) => message).join('\n')
  for (const id of [first, second]) expect(all.split(`${id} created`)).toHaveLength(2)
})

test('[P1][P6] a failing git is told and tried again with growing waits, and what changed is all in the next snapshot', async () => {
  const { repo, clock, ...world } = await begin()
  repo.refuse('the disk is full')
  const id = await createTask(world, 'Fix login')
  await clock.advance(5_000)
  expect(world.snapshots.problems()).toMatchObject([{ what: expect.stringContaining('the disk is full'), where: REF }])
  await expect(world.snapshots.take('by hand')).rejects.toMatchObject({ code: 'git_refused' })
  const calls = repo.calls
  await byClaudeDo(world, (tx) => tx.update(task, id, { set: { status: 'completed' } }))
  await clock.advance(9_000)
  expect(repo.calls).toBe(calls)
  repo.refuse(undefined)
  await clock.advance(1_000)
  expect(subjects(repo).slice(1)).toEqual([`${id}: created "Fix login" (alice, claude)`])
  expect(world.snapshots.problems()).toEqual([])
  await clock.advance(400_000)
  expect(repo.commits).toHaveLength(2)
})

test('[P1] what was not in git when the daemon died is in the first snapshot of the next one', async () => {
  const { repo, ...world } = await begin()
  const id = await createTask(world, 'Fix login')
  await world.snapshots.take()
  await byClaudeDo(world, (tx) => tx.update(task, id, { set: { status: 'review' } }))
  const again = connect(repo, world.project, world.ledger, world.clock)
  await again.snapshots.start()
  await world.clock.advance(5_000)
  expect(subjects(repo).at(-1)).toBe(`${id}: todo -> review (claude)`)
})

test('[P4] a branch that a person has checked out is left alone until they leave it', async () => {
  const { repo, clock, ...world } = await begin()
  repo.checkOut(REF, '/home/me/look')
  await createTask(world, 'Fix login')
  await clock.advance(5_000)
  expect(repo.commits).toHaveLength(1)
  expect(world.snapshots.problems()[0]?.what).toContain('checked out in /home/me/look')
  repo.checkOut(REF, undefined)
  await clock.advance(5_000)
  expect(repo.commits).toHaveLength(2)
})

test('a file follows its record: written, renamed, removed, brought back', async () => {
  const { repo, ...world } = await begin()
  const id = await world.project.transact(byAlice, (tx) => tx.create(page, { title: 'Plan' }, { file: 'plan.md' }))
  const other = await createTask(world, 'stays')
  await world.snapshots.take()
  const fixed = ['project.json', world.project.pathOf(task, other)]
  const rendered = async (): Promise<string[]> => (await paths(repo)).filter((path) => !path.startsWith('crdt/'))
  expect(await rendered()).toEqual([...fixed, 'pages/plan.md'].sort())
  await byClaudeDo(world, (tx) => tx.update(page, id, { file: 'deep/plan.md' }))
  await world.snapshots.take()
  expect(await rendered()).toEqual([...fixed, 'pages/deep/plan.md'].sort())
  await byClaudeDo(world, (tx) => tx.delete(page, id))
  await world.snapshots.take()
  expect(await rendered()).toEqual([...fixed].sort())
  await byClaudeDo(world, (tx) => tx.restore(page, id))
  await world.snapshots.take()
  expect(await rendered()).toEqual([...fixed, 'pages/deep/plan.md'].sort())
})

test('keys of the state are one file, and a record that comes and goes between snapshots leaves none', async () => {
  const { repo, ...world } = await begin()
  await byClaudeDo(world, (tx) => {
    tx.setKey('state', 'phase', 'build')
    tx.setKey('state', 'progress', 3)
  })
  const id = await createTask(world, 'short')
  await byClaudeDo(world, (tx) => tx.delete(task, id))
  await world.snapshots.take()
  expect(repo.text(REF, 'state.json')).toBe('{"phase":"build","progress":3}\n')
  expect((await paths(repo)).filter((path) => path.startsWith('tasks/'))).toEqual([])
  expect(subjects(repo).at(-1)).toBe('2 state keys, 1 task by 2 actors')
})

test('[P7] [I10] the chunks of a branch hold every row, and a project made of them is the same', async () => {
  const { repo, ...world } = await begin()
  for (let i = 0; i < 5; i++) {
    await createTask(world, `task ${i}`)
    await world.snapshots.take()
  }
  const rows = await rowsFromTree(repo, REF)
  expect(vectorOf(await paths(repo))).toEqual(world.project.have())
  const { project } = createTestProject({ seed: 9 })
  project.adopt({ id: world.project.id, name: 'demo' })
  expect(await project.applyRows(rows, { source: 'git', commit: 'c' })).toBe(rows.length)
  expect(project.ids(task)).toEqual(world.project.ids(task))
  expect(project.encodeStateVector()).toEqual(world.project.encodeStateVector())
  const render = plainRender(project)
  for (const id of project.ids(task)) {
    const { path, text } = must(render(id), `no ${id}`)
    expect(repo.text(REF, path)).toBe(text)
  }
})

test('[I11] rows that come over a link, through git, or both, some of them twice, make the same state', async () => {
  const { repo, ...world } = await begin()
  const id = await createTask(world, 'One')
  await byClaudeDo(world, (tx) => tx.update(task, id, { set: { status: 'review' }, add: { labels: ['x'] } }))
  await world.snapshots.take()
  await byClaudeDo(world, (tx) => tx.update(task, id, { increment: { spentHours: 2 } }))
  await byClaudeDo(world, (tx) => tx.delete(task, id))
  await world.snapshots.take()
  const peer = { source: 'peer', peer: world.project.replica } as const
  const git = { source: 'git', commit: 'c' } as const
  const rows = await rowsFromTree(repo, REF)
  const sent = world.project.rowsSince({}, 1000)
  const states = []
  for (const [n, parts] of [
    [[sent, peer]],
    [[rows, git]],
    [
      [sent.slice(0, 2), peer],
      [rows, git],
      [sent, peer],
    ],
    [
      [rows.slice(0, 3), git],
      [rows, git],
      [sent, peer],
      [sent.slice(1), peer],
    ],
  ].entries()) {
    const { project } = createTestProject({ seed: 20 + n })
    project.adopt({ id: world.project.id, name: 'demo' })
    for (const [some, origin] of parts as [typeof rows, typeof git][]) await project.applyRows(some, origin)
    states.push([project.have(), project.read(task, id), [...project.encodeStateVector()]])
    expect(project.adds(world.project.encodeState())).toBe(false)
    expect(project.checkIndex(createMemoryDatabase())).toEqual([])
  }
  expect(states.slice(1)).toEqual([states[0], states[0], states[0]])
  expect(states[0]?.[1]).toEqual(world.project.read(task, id))
})

test('[P7] a clone that adopts a history continues on it, with only its own changes', async () => {
  const { repo, ...world } = await begin()
  const id = await createTask(world, 'Fix login')
  await world.snapshots.take()
  const commit = (await repo.head(REF))?.oid ?? ''
  repo.move('refs/remotes/origin/orch-history', commit)
  repo.move(REF, undefined)

  const clone = createSnapshotWorld(repo, { project: { seed: 7 }, base: commit })
  clone.project.adopt({ id: world.project.id, name: 'demo' })
  await clone.project.applyRows(await rowsFromTree(repo, commit), { source: 'git', commit })
  expect(await clone.snapshots.take()).toBeUndefined()
  await byClaudeDo(clone, (tx) => tx.update(task, id, { set: { status: 'review' } }))
  await clone.snapshots.take()
  const [latest] = await repo.log(REF, { limit: 1 })
  expect(latest?.parents).toEqual([commit])
  expect(latest?.message).toMatch(new RegExp(`^${id}: todo -> review \\(claude\\)`))
})

test('[P1] a branch that another clone moved is taken in before it is built on, also when it moves in the middle', async () => {
  const { repo, ...world } = await begin()
  const mine = await createTask(world, 'mine')
  await world.snapshots.take()
  const commit = (await repo.head(REF))?.oid ?? ''

  // Another replica of the same project takes its snapshot of it just before ours commits.
  const other = createSnapshotWorld(repo, { project: { seed: 7 }, base: commit })
  other.project.adopt({ id: world.project.id, name: 'demo' })
  await other.project.applyRows(await rowsFromTree(repo, commit), { source: 'git', commit })
  const theirs = await createTask(other, 'theirs')
  let met = 0
  const racing: typeof repo.commit = async (request) => {
    if (met++ === 0) await other.snapshots.take()
    return repo.commit(request)
  }
  const { snapshots } = connect({ ...repo, commit: racing }, world.project, world.ledger, world.clock)
  await byClaudeDo(world, (tx) => tx.update(task, mine, { set: { status: 'review' } }))
  await snapshots.take()

  expect(world.project.read(task, theirs)?.values.title).toBe('theirs')
  expect(subjects(repo).slice(-2)).toEqual([`${theirs}: created "theirs" (alice)`, `${mine}: todo -> review (claude)`])
  const tree = await paths(repo)
  expect(vectorOf(tree)).toEqual(world.project.have())
  for (const id of [mine, theirs]) expect(tree).toContain(world.project.pathOf(task, id))
})

test('[P1] a branch that was deleted is made again, also when git has dropped its commits', async () => {
  const { repo, ...world } = await begin()
  const id = await createTask(world, 'Fix login')
  await world.snapshots.take()
  const before = await repo.head(REF)
  repo.move(REF, undefined)
  await createTask(world, 'second')
  await world.snapshots.take()
  expect((await repo.log(REF, { limit: 1 }))[0]?.parents).toEqual([before?.oid])

  const empty = createMemoryGitRepo()
  const again = connect(empty, world.project, world.ledger, world.clock)
  await createTask(world, 'third')
  await again.snapshots.take()
  expect((await empty.log(REF, { limit: 9 }))[0]?.parents).toEqual([])
  expect(vectorOf(await paths(empty))).toEqual(world.project.have())
  expect(empty.text(REF, world.project.pathOf(task, id))).toBeDefined()
})

test('a commit on the branch that orch did not make is kept, and what it changed in a file is taken over', async () => {
  const { repo, ...world } = await begin()
  const id = await createTask(world, 'Fix login')
  await world.snapshots.take()
  const path = world.project.pathOf(task, id)
  const author = { name: 'Me', email: 'me@example.com', at: 0 }
  const parent = (await repo.head(REF))?.oid
  const change = { path, bytes: Buffer.from('by hand\n') }
  const byHand = await repo.commit({
    ref: REF,
    parent,
    changes: [change, { path: 'README.md', bytes: Buffer.from('Read me\n') }],
    message: 'Edit on the web',
    author,
    committer: author,
  })
  await createTask(world, 'second')
  await world.snapshots.take()
  expect((await repo.log(REF, { limit: 1 }))[0]?.parents).toEqual([byHand])
  expect(repo.text(byHand, path)).toBe('by hand\n')
  expect(world.project.read(task, id)?.values.body).toBe('by hand')
  expect(world.project.lastChange(id)?.actor).toBe('Me')
  expect(repo.text(REF, path)).toBe('Fix login\ntodo\nby hand\n')
  expect(repo.text(REF, 'README.md')).toBe('Read me\n')
  expect(world.snapshots.problems()).toEqual([])
})

test('a branch of another project, or of somebody else, is refused and left as it is', async () => {
  const { repo } = await begin()
  const stranger = createSnapshotWorld(repo, { project: { seed: 5 } })
  await expect(stranger.snapshots.take()).rejects.toMatchObject({ code: 'different_project' })
  const someones = createMemoryGitRepo()
  const author = { name: 'Me', email: 'me@example.com', at: 0 }
  const changes = [{ path: 'README', bytes: Buffer.from('x') }]
  const theirs = await someones.commit({
    ref: REF,
    parent: undefined,
    changes,
    message: 'x',
    author,
    committer: author,
  })
  await expect(createSnapshotWorld(someones).snapshots.take()).rejects.toMatchObject({ code: 'git_refused' })
  expect((await someones.head(REF))?.oid).toBe(theirs)
})

test('times in the history never go back, and never into the future', async () => {
  const { repo, clock, ...world } = await begin()
  await createTask(world, 'one')
  await world.snapshots.take()
  clock.jump(-3_600_000)
  await createTask(world, 'two')
  await world.snapshots.take()
  const times = (await repo.log(REF, { limit: 9 })).map(({ author }) => author.at)
  expect(times).toEqual([...times].sort((a, b) => b - a))
  expect(times[0]).toBe(times[1])
})

test('[P8] many records are rendered in slices, and what changes meanwhile is in the snapshot as it is at its end', async () => {
  const repo = createMemoryGitRepo()
  const world = createSnapshotWorld(repo)
  const ids = await world.project.transact(byAlice, (tx) =>
    Array.from({ length: 60 }, (_, i) => tx.create(task, { title: `task ${i}` })),
  )
  // Every look at the clock takes a millisecond, so a turn is over after a few records.
  let passed = 0
  const slow = { ...world.clock, monotonic: () => passed++ }
  const plain = plainRender(world.project)
  let changed = 0
  const render: typeof plain = (key) => {
    if (key === ids.at(-1) && changed++ === 0) {
      void byClaudeDo(world, (tx) => {
        tx.update(task, ids[0] as RecordId, { set: { title: 'changed meanwhile' } })
        tx.delete(task, ids[1] as RecordId)
      })
      void createTask(world, 'new meanwhile')
    }
    return plain(key)
  }
  const parts = { repo, ref: REF, base: undefined, project: world.project, ledger: world.ledger, log: silentLogger }
  await createSnapshots({ ...parts, render, clock: slow, happened: () => undefined }).take()

  expect(changed).toBeGreaterThan(0)
  const rendered = new Map(world.project.ids(task).map((id) => [world.project.pathOf(task, id), plain(id)?.text]))
  expect(rendered.size).toBe(60)
  const tree = await paths(repo)
  expect(tree.filter((path) => path.startsWith('tasks/'))).toEqual([...rendered.keys()].sort())
  for (const [path, text] of rendered) expect(repo.text(REF, path)).toBe(text)
  expect(vectorOf(tree)).toEqual(world.project.have())
  expect(world.ledger.isEmpty()).toBe(true)
})

test('the history of a record is what names it or touches its file, newest first', async () => {
  const { repo, ...world } = await begin()
  const [a, b] = [await createTask(world, 'a'), await createTask(world, 'b')]
  await world.snapshots.take()
  await byClaudeDo(world, (tx) => tx.update(task, a, { set: { status: 'review' } }))
  await world.snapshots.take('Review time')
  await world.clock.advance(1_000)
  await byClaudeDo(world, (tx) => tx.setKey('state', 'phase', 'build'))
  await world.snapshots.take()
  const titles = async (id?: string, limit = 9) =>
    (await world.snapshots.history({ id, limit })).map(({ subject }) => subject)
  expect(await titles()).toEqual(['state phase: "build" (claude)', 'Review time', '2 tasks by alice', 'project demo'])
  expect(await titles(a)).toEqual(['Review time', '2 tasks by alice'])
  expect(await titles(b)).toEqual(['2 tasks by alice'])
  expect(await titles('state/phase')).toEqual(['state phase: "build" (claude)'])
  expect(await titles(undefined, 1)).toHaveLength(1)
  expect(subjects(repo)).toHaveLength(4)
})

test('switched off, nothing is ever committed', async () => {
  const repo = createMemoryGitRepo()
  const { snapshots, clock, ...world } = createSnapshotWorld(repo, { parts: { isEnabled: false } })
  await snapshots.start()
  await createTask(world, 'a')
  await clock.advance(100_000)
  expect(await snapshots.take()).toBeUndefined()
  await snapshots.stop()
  expect(repo.calls).toBe(0)
})
