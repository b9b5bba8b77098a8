import { afterEach, describe, expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { context } from '../../src/model/kinds/context.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestClock, settle } from '../helpers/clock.ts'
import { byAlice } from '../helpers/project.ts'
import { createMemoryNetwork } from '../memory/wire.ts'
import { createTestReplica, type TestReplica } from './replica.ts'

const running: TestReplica[] = []
afterEach(async () => {
  for (const replica of running.splice(0)) await replica.stop()
})

const who = (name: string) => ({ actor: { name, type: 'agent', verified: false } as const, session: undefined })

/** Replicas in a line: a - b - c ...; claims are granted by the first, which wrote the first row. */
async function line(...hosts: readonly string[]) {
  const clock = createTestClock()
  const network = createMemoryNetwork({ clock, delayMs: 5 })
  const replicas: TestReplica[] = []
  for (const host of hosts) {
    const before = hosts[replicas.length - 1]
    const replica = await createTestReplica({ host, seed: replicas.length + 1, network, clock, name: 'demo' })
    running.push(replica)
    replicas.push(replica)
    if (before === undefined) await replica.add('first')
    else replica.dial(before, 'demo')
    await clock.advance(200)
  }
  const rest = (): Promise<void> => clock.advance(500)
  return { clock, network, replicas, rest }
}

const at = (replicas: readonly TestReplica[], i: number): TestReplica => replicas[i] as TestReplica

/** A claim, while the network moves on. */
async function claim(clock: { advance(ms: number): Promise<void> }, replica: TestReplica, name: string, id?: string) {
  const asked = replica.claims.claim({ ...who(name), ...(id !== undefined && { id: id as RecordId }) })
  const settled = asked.then(
    (lease) => ({ lease, code: undefined }),
    (error: { code: string }) => ({ lease: undefined, code: error.code }),
  )
  await clock.advance(100)
  return await settled
}

describe('claims of linked replicas', () => {
  test('the replica that wrote first grants claims, for all others, over others where no link leads to it', async () => {
    const { clock, replicas, rest } = await line('a', 'b', 'c')
    const [a, b, c] = [at(replicas, 0), at(replicas, 1), at(replicas, 2)]
    expect(replicas.map(({ claims }) => claims.arbiter().replica)).toEqual(replicas.map(() => a.project.replica))
    const id = await c.add('job')
    await rest()
    const { lease } = await claim(clock, c, 'one', id)
    expect(lease).toMatchObject({ task: id, fence: 1, provisional: false })
    await rest()
    expect(a.project.read(task, id as RecordId)?.values).toMatchObject({ assignee: 'one', status: 'in_progress' })
    expect(a.claims.of(id)).toMatchObject({ actor: 'one', replica: c.project.replica })
    expect((await claim(clock, b, 'two', id)).code).toBe('already_claimed')
    expect((await claim(clock, a, 'two', id)).code).toBe('already_claimed')
  })

  test('at the same moment on both sides of a link, each task goes to one', async () => {
    const { clock, replicas, rest } = await line('a', 'b')
    const [a, b] = [at(replicas, 0), at(replicas, 1)]
    for (let i = 0; i < 5; i++) await a.add(`t${i}`)
    await rest()
    const all = Promise.allSettled(
      Array.from({ length: 12 }, (_, i) => (i % 2 ? a : b).claims.claim(who(`agent-${i}`))),
    )
    await clock.advance(500)
    const won = (await all).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(new Set(won.map((one) => one.task)).size).toBe(won.length)
    expect(won.every((one) => !one.provisional)).toBe(true)
    expect(won.length).toBe(6)
    expect(new Set(won.map((one) => one.fence)).size).toBe(6)
  })

  test('[P6] apart, a claim is provisional and says so; rejoined, one has the task and the other is told', async () => {
    const { clock, network, replicas, rest } = await line('a', 'b')
    const [a, b] = [at(replicas, 0), at(replicas, 1)]
    const [both, alone] = [await a.add('both'), await a.add('alone')]
    await rest()
    network.down()
    await rest()
    expect((await claim(clock, a, 'one', both)).lease).toMatchObject({ provisional: false })
    await clock.advance(6_000)
    const mine = (await claim(clock, b, 'two', both)).lease
    expect(mine).toMatchObject({ provisional: true, fence: -1 })
    expect((await claim(clock, b, 'three', alone)).lease).toMatchObject({ provisional: true })
    network.up()
    await clock.advance(60_000)
    expect(b.claims.of(both)).toBeUndefined()
    expect(b.claims.of(alone)).toMatchObject({ actor: 'three', provisional: false })
    expect(a.claims.of(both)).toMatchObject({ actor: 'one' })
    expect(a.claims.of(alone)).toMatchObject({ actor: 'three', replica: b.project.replica })
    for (const { project } of [a, b]) {
      expect(project.read(task, both as RecordId)?.values).toMatchObject({ assignee: 'one', status: 'in_progress' })
      expect(project.read(task, alone as RecordId)?.values).toMatchObject({ assignee: 'three' })
    }
    const notices = b.project.list(context, { where: { audience: ['two'] }, limit: 9 }).items
    expect(notices.map(({ values }) => values.title)).toEqual([`You lost the claim on ${both}: one had it first`])
    expect(() => b.claims.checkFence(both, mine?.fence ?? 0)).toThrow('has ended')
    expect(() => b.claims.checkFence(alone, -2)).not.toThrow()
  })

  test('what another replica does not vouch for any more is released, and that one hears of it', async () => {
    const { clock, network, replicas, rest } = await line('a', 'b')
    const [a, b] = [at(replicas, 0), at(replicas, 1)]
    const id = await a.add('job')
    await rest()
    const detach = b.claims.attach(who('one'))
    await claim(clock, b, 'one', id)
    await clock.advance(3 * 3_600_000)
    expect(a.claims.of(id)).toMatchObject({ actor: 'one' })
    network.down()
    await clock.advance(700_000)
    expect(a.claims.of(id)).toBeUndefined()
    expect(a.project.read(task, id as RecordId)?.values).toMatchObject({ assignee: null, status: 'todo' })
    expect(b.claims.of(id)).toMatchObject({ provisional: true })
    expect((await claim(clock, a, 'two', id)).lease).toMatchObject({ fence: 2 })
    network.up()
    await clock.advance(60_000)
    expect(b.claims.of(id)).toBeUndefined()
    for (const { project } of [a, b]) expect(project.read(task, id as RecordId)?.values.assignee).toBe('two')
    detach()
  })

  test('what is released, handed over or completed on either side is free on both', async () => {
    const { clock, replicas, rest } = await line('a', 'b')
    const [a, b] = [at(replicas, 0), at(replicas, 1)]
    const [one, two] = [await a.add('one'), await a.add('two')]
    await rest()
    await claim(clock, b, 'x', one)
    await claim(clock, b, 'x', two)
    const done = b.project.transact(byAlice, (tx) => tx.update(task, one as RecordId, { set: { status: 'completed' } }))
    await rest()
    await done
    expect([a.claims.of(one), b.claims.of(one)]).toEqual([undefined, undefined])
    const boss = { actor: { name: 'boss', type: 'person', verified: true } as const, session: undefined }
    const released = a.claims.release({ ...boss, id: two as RecordId, reason: 'stop' })
    await rest()
    await released
    expect([a.claims.of(two), b.claims.of(two)]).toEqual([undefined, undefined])
    expect(b.project.read(task, two as RecordId)?.values).toMatchObject({ assignee: null, status: 'todo' })
  })

  test('another arbiter goes on with greater numbers, and knows what was granted before', async () => {
    const { clock, replicas, rest } = await line('a', 'b')
    const [a, b] = [at(replicas, 0), at(replicas, 1)]
    const [one, two] = [await a.add('one'), await a.add('two')]
    await rest()
    await claim(clock, a, 'x', one)
    const set = b.claims.setArbiter(who('alice'), b.project.replica)
    await rest()
    await set
    expect(a.claims.arbiter()).toEqual({ replica: b.project.replica, epoch: 1, isHere: false })
    await rest()
    expect(b.claims.of(one)).toMatchObject({ actor: 'x', replica: a.project.replica })
    expect((await claim(clock, b, 'y', one)).code).toBe('already_claimed')
    expect((await claim(clock, a, 'y', two)).lease?.fence).toBeGreaterThan(1_000_000_000)
  })
})

test('nothing that a link carries as a question ends the daemon', async () => {
  const { replicas } = await line('a', 'b')
  const a = at(replicas, 0)
  for (const body of [null, 1, 'x', [], {}, { do: 'grant' }, { do: 'renew', lease: { task: 'x' } }, { do: 'end' }]) {
    await expect(a.claims.answer('r-00000000', body as never)).rejects.toMatchObject({ code: 'usage' })
  }
  await settle()
})
