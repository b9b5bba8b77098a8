import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import type { RecordId } from '../../src/model/id.ts'
import { createRedisLeases, type RedisLeases } from '../../src/peers/redis-leases.ts'
import type { Lease } from '../../src/store/leases.ts'
import { until } from '../flow/harness.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createTestRedis, hasRedis, type TestRedis } from '../helpers/redis.ts'

const RECOVERY_MS = 300
const t = (n: number): RecordId => `t-0000000${n}` as RecordId

describe.skipIf(!hasRedis)('leases in a real Redis', () => {
  let redis: TestRedis
  const open: RedisLeases[] = []
  beforeAll(async () => {
    redis = await createTestRedis()
  })
  afterAll(async () => {
    for (const one of open) one.close()
    await redis?.remove()
  })
  beforeEach(() => redis.cli('flushall'))

  /** Two nodes of one project. The log that tells of claims is each node's own. */
  const nodes = async (options: { idleMs?: number; gone?: string[] } = {}) => {
    const clock = createTestClock()
    const gone = options.gone ?? []
    const make = async (seed: number) => {
      const { project } = createTestProject({ clock, seed })
      const leases = createRedisLeases({
        url: redis.url,
        project: { id: 'p', replica: `r${seed}`, listLog: project.listLog, onCommit: project.onCommit },
        notServing: () => undefined,
        gone: () => gone,
        idleMs: options.idleMs ?? 60_000,
        marginMs: 0,
        recoveryMs: RECOVERY_MS,
        jitter: () => 0.5,
        log: silentLogger,
      })
      open.push(leases)
      await until(
        () =>
          leases.lapsed().then(
            () => true,
            () => false,
          ),
        'the connection',
      )
      const claim = (task: RecordId | readonly RecordId[], actor: string, session = '') =>
        leases.grant({
          tasks: typeof task === 'string' ? [task] : task,
          actor,
          session,
          person: false,
          replica: `r${seed}`,
        })
      return { leases, project, claim, replica: `r${seed}` }
    }
    return [await make(1), await make(2)] as const
  }
  const stored = (task: RecordId): { fence: string; replica: string } =>
    JSON.parse(redis.cli('hget', 'orch:{p}:leases', task)) as { fence: string; replica: string }
  const leaseOf = (
    { task, fence }: { task: RecordId; fence: number },
    actor: string,
    replica: string,
    provisional = false,
  ): Lease => ({ task, fence, actor, session: '', replica, formerFence: 0, at: 0, until: 1, provisional })

  test('of many that claim one task through two nodes, one wins, and the others are told who', async () => {
    const [a, b] = await nodes()
    const all = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? a : b).claim(t(1), `agent-${i}`)),
    )
    const won = all.flatMap((one, i) => (one.status === 'fulfilled' ? [`agent-${i}`] : []))
    expect(won.length).toBe(1)
    const reasons = all.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    for (const reason of reasons) {
      expect(reason).toMatchObject({ code: 'already_claimed', message: expect.stringContaining(won[0] ?? '?') })
    }
    const many = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 ? a : b).claim([t(1), t(2), t(3), t(4), t(5), t(6), t(7)], `next-${i}`),
      ),
    )
    expect(many.map(({ task }) => task).toSorted()).toEqual([t(2), t(3), t(4), t(5), t(6), t(7)])
    expect(new Set(many.map(({ fence }) => fence)).size).toBe(6)
    await expect(a.claim([t(1), t(2)], 'late')).rejects.toMatchObject({ code: 'nothing_ready' })
  })

  test('a holder that goes on at another node has the same hold, and the first node can neither renew nor end it', async () => {
    const [a, b] = await nodes()
    const hold = await a.claim(t(1), 'claude')
    expect(await a.leases.renew(leaseOf(hold, 'claude', 'r1'))).toEqual({ state: 'held', fence: hold.fence })
    expect(await b.claim(t(1), 'claude')).toEqual(hold)
    expect(stored(t(1))).toMatchObject({ replica: 'r2' })
    expect(await a.leases.renew(leaseOf(hold, 'claude', 'r1'))).toEqual({ state: 'moved' })
    await a.leases.end(hold)
    await expect(a.claim(t(1), 'codex')).rejects.toMatchObject({ code: 'already_claimed' })
    await b.leases.end(hold)
    const next = await a.claim(t(1), 'codex')
    expect(next.fence).toBeGreaterThan(hold.fence)
    // The number of the hold before ends nothing.
    await b.leases.end(hold)
    expect(await a.leases.renew(leaseOf(next, 'codex', 'r1'))).toEqual({ state: 'held', fence: next.fence })
  })

  test('a hold that nobody renews, and one of a node that is gone, is given to one node to end', async () => {
    const gone: string[] = []
    const [a, b] = await nodes({ idleMs: 80, gone })
    const hold = await a.claim(t(1), 'claude')
    expect(await b.leases.lapsed()).toEqual([])
    let given: readonly Lease[] = []
    await until(async () => {
      const both = await Promise.all([a.leases.lapsed(), b.leases.lapsed()])
      expect(both.flat().length).toBeLessThanOrEqual(1)
      given = both.flat()
      return given.length > 0
    }, 'it lapses')
    expect(given).toMatchObject([{ task: t(1), actor: 'claude', fence: hold.fence, replica: 'r1' }])
    await Promise.all([a.leases.end(given[0] as Lease), b.leases.end(given[0] as Lease)])
    const person = await a.leases.grant({ tasks: [t(1)], actor: 'Ada', session: '', person: true, replica: 'r1' })
    gone.push('r1')
    expect(await b.leases.lapsed()).toEqual([])
    await a.leases.end(person)
    const again = await a.claim(t(1), 'codex')
    expect((await b.leases.lapsed()).map(({ fence }) => fence)).toEqual([again.fence])
  })

  test('a server that lost all: nothing is granted until the nodes have said what they hold, and fences never go back', async () => {
    const [a, b] = await nodes()
    const holds = [await a.claim(t(1), 'claude'), await a.claim(t(2), 'codex'), await b.claim(t(3), 'ada')]
    for (const { project } of [a, b]) {
      await project.transact(byAlice, (tx) => {
        for (const { task, fence } of holds) tx.appendLog({ action: 'claimed', task, details: { fence } })
      })
    }
    redis.cli('flushall')
    await expect(b.claim(t(1), 'thief')).rejects.toMatchObject({ code: 'arbiter_unreachable' })
    // The numbers that were given still hold.
    for (const [i, actor] of ['claude', 'codex'].entries()) {
      const hold = holds[i] as { task: RecordId; fence: number }
      expect(await a.leases.renew(leaseOf(hold, actor, 'r1'))).toEqual({ state: 'held', fence: hold.fence })
    }
    // A provisional claim of a task that had a holder: the holder is first.
    expect(await b.leases.renew(leaseOf({ task: t(1), fence: -1 }, 'thief', 'r2', true))).toMatchObject({
      state: 'lost',
      holder: 'claude',
    })
    await until(
      () =>
        b.claim(t(4), 'next').then(
          () => true,
          () => false,
        ),
      'granting again',
    )
    const last = await b.claim(t(5), 'next')
    expect(last.fence).toBeGreaterThan(Math.max(...holds.map(({ fence }) => fence)))
    await expect(b.claim(t(1), 'thief')).rejects.toMatchObject({ code: 'already_claimed' })
  })

  test('a holder that missed that, and whose task was given to another since, has lost it', async () => {
    const [a, b] = await nodes()
    const hold = await a.claim(t(1), 'claude')
    await b.project.transact(byAlice, (tx) =>
      tx.appendLog({ action: 'claimed', task: t(1), details: { fence: hold.fence } }),
    )
    redis.cli('flushall')
    await until(
      () =>
        b.claim(t(1), 'codex').then(
          () => true,
          () => false,
        ),
      'granting again',
    )
    expect(Number(stored(t(1)).fence)).toBeGreaterThan(hold.fence)
    expect(await a.leases.renew(leaseOf(hold, 'claude', 'r1'))).toMatchObject({ state: 'lost', holder: 'codex' })
  })

  test('while it does not answer, the asker hears so at once or soon, and a claim made apart is settled after', async () => {
    const [a, b] = await nodes()
    redis.pause()
    await expect(a.claim(t(1), 'claude')).rejects.toMatchObject({ code: 'arbiter_unreachable' })
    redis.resume()
    // What was asked may have been done all the same: it is the same holder's.
    let fence = 0
    await until(async () => {
      const answer = await a.leases
        .renew(leaseOf({ task: t(1), fence: -1 }, 'claude', 'r1', true))
        .catch(() => undefined)
      if (answer?.state === 'held') fence = answer.fence
      return answer !== undefined
    }, 'settled')
    expect(fence).toBeGreaterThan(0)
    await expect(b.claim(t(1), 'codex')).rejects.toMatchObject({ code: 'already_claimed' })
  })
})
