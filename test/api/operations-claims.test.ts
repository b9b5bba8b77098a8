import { describe, expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import type { Actor } from '../../src/model/actor.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { TestClock } from '../helpers/clock.ts'
import { alice, byAlice, createTestProject } from '../helpers/project.ts'
import { type Answer, type Caller, createCaller, createTestAgents } from './operations-caller.ts'

const agent = (name: string): Actor => ({ name, type: 'agent', verified: false })

async function tasks(caller: Caller, ...titles: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = []
  for (const title of titles) {
    ids.push(String((await caller.call('task.create', { title })).id))
    await (caller.clock as TestClock).advance(1000)
  }
  return ids
}

const claimOf = ({ claim }: Answer): { task: string; fence: number; until?: string } => claim as never
const logOf = async (caller: Caller, task: string): Promise<readonly Answer[]> =>
  (await caller.call('log.list', { task })).items as readonly Answer[]

describe('ready and blocked', () => {
  test('ready is in order of priority, due date, what waits behind, and age; blocked says by what', async () => {
    const caller = createCaller()
    const { call } = caller
    const [a = '', b = '', c = '', d = ''] = await tasks(caller, 'a', 'b', 'c', 'd')
    await call('task.update', { id: d, addDependencies: [c] })
    const urgent = await call('task.create', { title: 'urgent', priority: 'critical' })
    const due = await call('task.create', { title: 'due', due: '2027-01-01' })
    await call('task.update', { id: b, assignee: 'bob' })
    const ids = async (input: object = {}): Promise<unknown> =>
      ((await call('ready', { ...input })).items as Answer[]).map(({ id }) => id)
    expect(await ids()).toEqual([urgent.id, due.id, c, a])
    expect((await call('ready', { limit: 1 })).total).toBe(4)
    expect((await call('blocked')).items).toMatchObject([{ id: d, by: [c] }])
    await call('task.update', { id: c, status: 'completed' })
    expect(await ids()).toEqual([urgent.id, due.id, a, d])
    expect((await call('blocked')).total).toBe(0)
    const bobs = (await caller.as(agent('bob')).call('ready')).items as Answer[]
    expect(bobs.map(({ id }) => id)).toContain(b)
  })

  test('capabilities leave out tasks with other labels only, labels those without one of them', async () => {
    const caller = createCaller()
    const { call } = caller
    await tasks(caller, 'free')
    await call('task.create', { title: 'rust', labels: ['rust', 'ui'] })
    await (caller.clock as TestClock).advance(1000)
    await call('task.create', { title: 'docs', labels: ['docs'] })
    const titles = async (input: object): Promise<unknown> =>
      ((await call('ready', { ...input })).items as Answer[]).map(({ title }) => title)
    expect(await titles({ capabilities: ['rust'] })).toEqual(['free', 'rust'])
    expect(await titles({ labels: ['docs', 'ui'] })).toEqual(['rust', 'docs'])
  })
})

describe('claims', () => {
  test('a claim takes a task for one holder: status, assignee and the log say so', async () => {
    const caller = createCaller()
    const [id = ''] = await tasks(caller, 'Fix')
    const one = caller.as(agent('one'))
    const first = await one.call('claim', { id })
    expect(first.task).toMatchObject({ id, status: 'in_progress', assignee: 'one' })
    expect(claimOf(first)).toMatchObject({ task: id, fence: 1, until: expect.stringContaining('T') })
    expect(claimOf(await one.call('claim', { id }))).toMatchObject({ fence: 1 })
    const two = caller.as(agent('two'))
    expect(await two.refusal('claim', { id })).toMatchObject({ code: 'already_claimed', data: { holder: 'one' } })
    expect(await two.refusal('claim')).toMatchObject({ code: 'nothing_ready' })
    expect(await two.refusal('claim.release', { id })).toMatchObject({ code: 'not_claimed' })
    await (caller.clock as TestClock).advance(1000)
    await one.call('claim.release', { id, reason: 'Needs Windows' })
    expect(await one.call('task.show', { id })).toMatchObject({ status: 'todo', assignee: null })
    expect(await logOf(caller, id)).toMatchObject([
      { action: 'released', actor: 'one', details: { holder: 'one', fence: 1, reason: 'Needs Windows' } },
      { action: 'claimed', actor: 'one', details: { fence: 1 } },
    ])
    expect(claimOf(await two.call('claim'))).toMatchObject({ task: id, fence: 2 })
  })

  test('20 claims at once of 10 tasks: each task goes to one, ten are told that nothing is left', async () => {
    const caller = createCaller()
    await tasks(caller, ...Array.from({ length: 10 }, (_, i) => `t${i}`))
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => caller.as(agent(`agent-${i}`)).call('claim')),
    )
    const won = results.flatMap((one) => (one.status === 'fulfilled' ? [claimOf(one.value).task] : []))
    expect(new Set(won).size).toBe(10)
    expect(won).toHaveLength(10)
  })

  test('what is blocked, closed, or given to somebody cannot be claimed, and the refusal says why', async () => {
    const caller = createCaller()
    const [a = '', b = '', c = ''] = await tasks(caller, 'a', 'b', 'c')
    await caller.call('task.update', { id: b, addDependencies: [a] })
    await caller.call('task.update', { id: c, assignee: 'bob' })
    const one = caller.as(agent('one'))
    expect((await one.error('claim', { id: b })).message).toBe(`${b} cannot be begun: it waits for ${a}`)
    expect(await one.refusal('claim', { id: c })).toMatchObject({ code: 'already_claimed', data: { holder: 'bob' } })
    await caller.call('task.update', { id: a, status: 'cancelled' })
    expect((await one.error('claim', { id: a })).message).toBe(`${a} cannot be begun: it is cancelled`)
  })

  test('[P6] a claim whose holder went silent ends, the task can be begun again, and everybody can see why', async () => {
    const caller = createCaller()
    const clock = caller.clock as TestClock
    const [id = ''] = await tasks(caller, 'Fix')
    const one = caller.as(agent('one'))
    const { fence } = claimOf(await one.call('claim', { id }))
    await clock.advance(599_000)
    caller.parts.agents.claims.renewed({ actor: agent('one'), session: undefined })
    await clock.advance(599_000)
    expect((await caller.call('claim.list')).items).toHaveLength(1)
    await clock.advance(2_000)
    expect((await caller.call('claim.list')).items).toHaveLength(0)
    expect(await caller.call('task.show', { id })).toMatchObject({ status: 'todo', assignee: null })
    expect((await logOf(caller, id))[0]).toMatchObject({
      action: 'released',
      actor: 'orch',
      details: { holder: 'one' },
    })
    expect((await caller.call('context.query', { audience: ['one'] })).items).toMatchObject([{ type: 'notice' }])
    expect(await one.refusal('task.update', { id, title: 'late', fence })).toMatchObject({ code: 'fenced' })
    const two = claimOf(await caller.as(agent('two')).call('claim', { id }))
    expect(await one.refusal('task.update', { id, title: 'late', fence })).toMatchObject({ code: 'fenced' })
    await caller.as(agent('two')).call('task.update', { id, title: 'in time', fence: two.fence })
    expect(await caller.call('task.show', { id })).toMatchObject({ title: 'in time' })
  })

  test('[P6] every write that names a task and the number of a claim is refused once that claim has ended', async () => {
    const caller = createCaller()
    const [id = ''] = await tasks(caller, 'Fix')
    const one = caller.as(agent('one'))
    const { fence } = claimOf(await one.call('claim', { id }))
    const writes: readonly (readonly [string, object])[] = [
      ['task.comment', { id, text: 'late' }],
      ['log.append', { action: 'late', task: id }],
      ['context.publish', { title: 'late', task: id }],
      ['task.delete', { id }],
      ['claim.handover', { id, to: 'two' }],
      ['claim.release', { id }],
    ]
    for (const [name, input] of writes.slice(0, 3)) await one.call(name, { ...input, fence })
    const before = await caller.call('task.show', { id })
    await one.call('claim.release', { id, fence })
    await caller.as(agent('two')).call('claim', { id })
    for (const [name, input] of writes) {
      expect(await one.refusal(name, { ...input, fence })).toMatchObject({ code: 'fenced', data: { id } })
    }
    expect(await caller.call('task.show', { id })).toMatchObject({ comments: before.comments, assignee: 'two' })
    expect((await logOf(caller, id)).filter(({ action }) => action === 'late')).toHaveLength(1)
    expect(await one.refusal('log.append', { action: 'x', fence })).toMatchObject({ code: 'usage' })
  })

  test('a connection keeps claims for as long as it lives, and for the grace time after it', async () => {
    const caller = createCaller()
    const clock = caller.clock as TestClock
    const [id = ''] = await tasks(caller, 'Fix')
    const claimant = { actor: agent('one'), session: undefined }
    const detach = caller.parts.agents.claims.attach(claimant)
    await caller.as(agent('one')).call('claim', { id })
    await clock.advance(86_400_000)
    expect((await caller.call('claim.list')).items).toHaveLength(1)
    detach()
    await clock.advance(50_000)
    const again = caller.parts.agents.claims.attach(claimant)
    await clock.advance(86_400_000)
    expect((await caller.call('claim.list')).items).toHaveLength(1)
    again()
    await clock.advance(61_000)
    expect((await caller.call('claim.list')).items).toHaveLength(0)
  })

  test('a wall clock that jumps ends no claim and keeps none alive', async () => {
    const caller = createCaller()
    const clock = caller.clock as TestClock
    const [id = ''] = await tasks(caller, 'Fix')
    await caller.as(agent('one')).call('claim', { id })
    clock.jump(7 * 86_400_000)
    await clock.advance(300_000)
    expect((await caller.call('claim.list')).items).toHaveLength(1)
    clock.jump(-30 * 86_400_000)
    await clock.advance(301_000)
    expect((await caller.call('claim.list')).items).toHaveLength(0)
  })

  test("a person's claim has no end, is handed over with a word, and an update by a person takes the task from an agent", async () => {
    const caller = createCaller()
    const clock = caller.clock as TestClock
    const [id = ''] = await tasks(caller, 'Fix')
    expect(claimOf(await caller.call('claim', { id }))).not.toHaveProperty('until')
    await clock.advance(30 * 86_400_000)
    await caller.call('claim.handover', { id, to: 'two', note: 'the tests are missing' })
    expect(await caller.call('task.show', { id })).toMatchObject({ assignee: 'two', status: 'in_progress' })
    expect((await caller.call('context.query', { audience: ['two'] })).items).toMatchObject([
      { title: `alice hands ${id} over to you: the tests are missing` },
    ])
    const two = caller.as(agent('two'))
    await two.call('claim', { id })
    await caller.call('task.update', { id, assignee: 'alice' })
    expect((await caller.call('claim.list')).items).toHaveLength(0)
    await caller.call('claim', { id })
    await caller.call('task.update', { id, status: 'done' })
    expect((await caller.call('claim.list')).items).toHaveLength(0)
  })

  test('a session that ends gives its claims back; another session of the same actor is another holder', async () => {
    const caller = createCaller()
    const [id = ''] = await tasks(caller, 'Fix')
    const { id: session } = await caller.as(agent('one')).call('session.start', { goal: 'x' })
    const inside = caller.as(agent('one'), String(session))
    await inside.call('claim', { id })
    expect(await caller.as(agent('one')).refusal('claim', { id })).toMatchObject({ code: 'already_claimed' })
    expect(await caller.call('session.show', { id: session })).toMatchObject({ tasks: [id] })
    expect(await caller.as(agent('two')).refusal('session.end', { id: session })).toMatchObject({ code: 'session_key' })
    await inside.call('session.end', {})
    expect(await caller.call('task.show', { id })).toMatchObject({ status: 'todo', assignee: null })
  })
})

test('a database that was moved or restored, and has no peers, grants claims itself again', async () => {
  const test = createTestProject()
  await test.project.transact(byAlice, (tx) => tx.create(task, { title: 'a' }))
  const before = test.project.replica
  const moved = test.reopen({ inode: '2' })
  expect(moved.project.arbiter()).toEqual({ replica: before, epoch: 0 })
  const agents = createTestAgents(moved, (replica) => moved.project.former().includes(replica))
  await agents.claims.start()
  expect(agents.claims.arbiter()).toEqual({ replica: moved.project.replica, epoch: 1, isHere: true })
  await agents.claims.stop()
})

test('a copied database that has peers says that nobody grants its claims, until the old one is heard of or another is named', async () => {
  const test = createTestProject()
  await test.project.transact(byAlice, (tx) => tx.create(task, { title: 'a' }))
  const before = test.project.replica
  const copy = test.reopen({ inode: '2' })
  let isThere = false
  const ask = async (replica: string) => {
    if (!isThere) throw new OrchError('arbiter_unreachable', { replica, reason: 'no link leads there' })
    return {}
  }
  const wasCalled = (replica: string) => copy.project.former().includes(replica)
  const { claims } = createTestAgents(copy, () => false, { ask, wasCalled })
  await claims.start()
  await claims.settle()
  expect(claims.problems()).toMatchObject([
    { what: expect.stringContaining(before), fix: expect.stringContaining('orch arbiter set') },
  ])
  isThere = true
  await claims.settle()
  expect(claims.problems()).toEqual([])
  await claims.stop()
  const other = createTestAgents(copy, () => false, { ask: () => Promise.reject(new Error('gone')), wasCalled }).claims
  await other.setArbiter({ actor: alice, session: undefined }, copy.project.replica)
  expect(other.problems()).toEqual([])
})

test('reservations are shown to others with every claim, and say what they overlap with', async () => {
  const caller = createCaller()
  await tasks(caller, 'a')
  await caller.as(agent('one')).call('reserve', { globs: ['src/login/**'], note: 'moving' })
  const two = caller.as(agent('two'))
  expect((await two.call('claim')).reservations).toMatchObject([{ glob: 'src/login/**', actor: 'one', note: 'moving' }])
  const { conflicts } = await two.call('reserve', { globs: ['src/*/form.ts', 'docs'] })
  expect(conflicts).toMatchObject([{ glob: 'src/login/**' }])
  expect(await two.refusal('reserve', { globs: ['../x'] })).toMatchObject({ code: 'invalid_input' })
  await (caller.clock as TestClock).advance(3_601_000)
  expect((await two.call('reserve', {})).items).toEqual([])
})
