import { expect } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { type CuttingProxy, createCuttingProxy, type Weather } from '../helpers/cutting-proxy.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { createTestRedis } from '../helpers/redis.ts'
import { createTestRepo, must, type TestRepo, until } from './harness.ts'
import { type Node, startNodes } from './start-nodes.ts'

/** A way that is bad for a while. */
export interface Partition {
  readonly weather: Weather
  readonly delayMs?: number
}

interface Claim {
  readonly task: string
  readonly actor: string
  readonly fence: number
  readonly provisional?: boolean
}
type Ask = Node['ask']

const bodyOf = async (ask: Ask, id: string): Promise<string> =>
  (await ask<{ body: string }>('task.show', { id }, 'test').catch(() => ({ body: '' }))).body
const claimsOf = async (ask: Ask): Promise<readonly Claim[]> =>
  (await ask<{ items: readonly Claim[] }>('claim.list', {}, 'test')).items
const create = async (ask: Ask, title: string): Promise<string> =>
  (await ask<{ id: string }>('task.create', { title, body: 'Start.' }, 'test')).id
const claim = async (ask: Ask, id: string, actor: string): Promise<Claim> =>
  (await ask<{ claim: Claim }>('claim', { id }, actor)).claim

/**
 * One partition after the other on one way between two daemons, with writes and claims on both sides. When the way is good
 * again both must be equal, every write once on both, and the task that both sides claimed has one holder on both.
 */
async function partition(
  asks: readonly [Ask, Ask],
  way: CuttingProxy,
  partitions: readonly Partition[],
): Promise<void> {
  const [near, far] = asks
  const shared = await create(near, 'Shared')
  await until(async () => (await bodyOf(far, shared)) !== '', 'the task on both sides')
  const words: string[] = []
  for (const [n, { weather, delayMs = 0 }] of partitions.entries()) {
    const contested = await create(far, `Contested ${n}`)
    await until(async () => (await bodyOf(near, contested)) !== '', 'the contested task')
    way.set(weather)
    way.delay(delayMs)
    for (const [i, ask] of asks.entries()) {
      for (let k = 0; k < 3; k++) {
        const word = `w${n}s${i}k${k}e`
        await ask('task.update', { id: shared, append: word }, `writer-${i}`)
        words.push(word)
      }
    }
    // Each side takes it: at most one of the two may call it certain.
    const both = await Promise.all(
      asks.map((ask, i) => claim(ask, contested, `side-${n}-${i}`).catch((error: { code: string }) => error.code)),
    )
    const certain = both.filter((one) => typeof one !== 'string' && !one.provisional)
    expect(certain.length, JSON.stringify({ weather, both })).toBeLessThanOrEqual(1)
    way.delay(0)
    way.set('open')
    await until(
      async () => {
        const texts = await Promise.all(asks.map((ask) => bodyOf(ask, shared)))
        return texts[0] === texts[1] && words.every((word) => texts[0]?.split(word).length === 2)
      },
      `equal after ${weather}`,
      60_000,
    )
    await until(
      async () => {
        const lists = await Promise.all(asks.map(claimsOf))
        const holders = lists.flatMap((list) => list.filter(({ task }) => task === contested))
        const names = new Set(holders.map(({ actor }) => actor))
        return names.size === 1 && holders.every(({ provisional }) => !provisional)
      },
      `one holder after ${weather}`,
      90_000,
    )
    const shown = await Promise.all(
      asks.map((ask) => ask<{ assignee: string }>('task.show', { id: contested }, 'test')),
    )
    await until(async () => shown[0]?.assignee === shown[1]?.assignee, 'the same assignee')
  }
}

/** Two nodes; the way of one of them to Redis is bad. */
export async function partitionRedis(partitions: readonly Partition[]): Promise<void> {
  const redis = await createTestRedis()
  const way = await createCuttingProxy(Number(new URL(redis.url).port))
  const started = await startNodes(2, (n) => (n === 0 ? `redis://127.0.0.1:${way.port}` : redis.url))
  try {
    const [a, b] = started.nodes as readonly [Node, Node]
    await partition([a.ask, b.ask], way, partitions)
  } finally {
    way.set('open')
    await started.remove()
    await way.close()
    await redis.remove()
  }
}

/** Two daemons with a link; the link is bad. */
export async function partitionLink(partitions: readonly Partition[]): Promise<void> {
  const repos: TestRepo[] = []
  let way: CuttingProxy | undefined
  try {
    for (const name of ['shop', 'elsewhere']) repos.push(await createTestRepo({ name }))
    const [host, dialler] = repos as [TestRepo, TestRepo]
    const { websocket } = await host.json<{ websocket: string }>('status')
    const { token } = await host.json<{ token: string }>('token', 'show')
    const url = new URL(websocket)
    way = await createCuttingProxy(Number(url.port))
    url.port = String(way.port)
    await must(host.run(['task', 'create', 'First']))
    await must(dialler.run(['peer', 'add', 'other', url.href, '--token', token]))
    const idOf = async (repo: TestRepo): Promise<string> =>
      (await repo.json<{ project: { id: string } }>('status')).project.id
    const theirs = await idOf(host)
    await until(async () => (await idOf(dialler)) === theirs, 'one project')
    const [near, far] = [dialler, host].map(({ dir, env }) => createDaemonClient(dir, env, packageJson.version).ask)
    await partition([near as Ask, far as Ask], way, partitions)
  } finally {
    way?.set('open')
    await Promise.all(repos.map((repo) => repo.remove()))
    await way?.close()
  }
}

/**
 * A node that does not reach Redis, for so long that the other one takes its holder for gone and gives the task to another:
 * at no moment both nodes are certain of a holder, and the number of the first one counts nowhere in the end.
 */
export async function partitionLong(): Promise<{ readonly doubtedMs: number; readonly takenMs: number }> {
  const redis = await createTestRedis()
  const way = await createCuttingProxy(Number(new URL(redis.url).port))
  const env = { ORCH_CLAIMS_GRACE_MS: '1000' }
  const started = await startNodes(2, (n) => (n === 0 ? `redis://127.0.0.1:${way.port}` : redis.url), env)
  try {
    const [a, b] = started.nodes as readonly [Node, Node]
    const id = await create(a.ask, 'Held')
    await until(async () => (await bodyOf(b.ask, id)) !== '', 'the task')
    const first = await claim(a.ask, id, 'first')
    expect(first.provisional).toBeUndefined()
    way.set('half-open')
    const since = performance.now()
    let [doubtedMs, takenMs] = [0, 0]
    let second: Claim | undefined
    while (!second || doubtedMs === 0) {
      expect(performance.now() - since, 'it is taken over in the end').toBeLessThan(120_000)
      second ??= await claim(b.ask, id, 'second').catch(() => undefined)
      const [here = [], there = []] = await Promise.all([claimsOf(a.ask), claimsOf(b.ask)])
      const certain = [...here, ...there].filter(({ task, provisional }) => task === id && !provisional)
      expect(new Set(certain.map(({ actor }) => actor)).size, JSON.stringify(certain)).toBeLessThanOrEqual(1)
      if (doubtedMs === 0 && here.every(({ task, provisional }) => task !== id || provisional))
        doubtedMs = performance.now() - since
      if (second && takenMs === 0) takenMs = performance.now() - since
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    expect(second.fence).toBeGreaterThan(first.fence)
    way.set('open')
    const late = (node: Node): Promise<boolean> =>
      node.ask('task.update', { id, append: 'too late', fence: first.fence }, 'first').then(
        () => false,
        (error: { code: string }) => error.code === 'fenced',
      )
    expect(await late(b)).toBe(true)
    await until(() => late(a), 'fenced at its own node', 60_000)
    await a.ask('task.update', { id, append: 'in time', fence: second.fence }, 'second')
    return { doubtedMs, takenMs }
  } finally {
    way.set('open')
    await started.remove()
    await way.close()
    await redis.remove()
  }
}
