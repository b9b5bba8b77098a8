import { afterEach, expect, test } from 'vitest'
import { task } from '../../src/model/kinds/task.ts'
import { BEAT_MS } from '../../src/peers/relay.ts'
import { ALIVE_MS } from '../../src/peers/relay-members.ts'
import { createTestClock, settle } from '../helpers/clock.ts'
import { alice, byAlice, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { createMemoryServer } from '../memory/streams.ts'
import { createTestNode, FORGET_MS, stateOf, type TestNode } from './node.ts'

const nodes: TestNode[] = []
afterEach(() => {
  for (const node of nodes.splice(0)) node.kill()
})

const world = (seed = 1) => {
  const clock = createTestClock()
  const server = createMemoryServer(clock)
  let count = 0
  const start = async (options: { name?: string } = {}): Promise<TestNode> => {
    const node = await createTestNode({ server, clock, seed: seed * 50 + ++count, ...options })
    nodes.push(node)
    await settle(40)
    return node
  }
  const rows = () => server.entries(server.streams().find((name) => name.endsWith(':rows')) ?? '')
  return { clock, server, start, rows }
}
const allEqual = (...all: readonly TestNode[]): void => {
  for (const node of all.slice(1)) expect(stateOf(node)).toEqual(stateOf(all[0] as TestNode))
}

test('[P3] what is written on any of three nodes is on all, without waiting for a look', async () => {
  const { start, clock } = world()
  const a = await start()
  await a.add('first')
  const [b, c] = [await start(), await start()]
  await clock.advance(BEAT_MS)
  expect(b.project.id).toBe(a.project.id)
  await Promise.all([a.add('by a'), b.add('by b'), c.add('by c')])
  await settle(60)
  expect(c.titles()).toEqual(['by a', 'by b', 'by c', 'first'])
  allEqual(a, b, c)
  expect(a.relay.status().nodes.map(({ isAlive, here }) => [isAlive, here])).toEqual([
    [true, ['person 52']],
    [true, ['person 53']],
  ])
})

test('[P1] a node killed between its journal and the stream: the gap is found by numbers and by what nodes hold', async () => {
  const { start, clock, server } = world()
  const a = await start()
  const b = await start()
  await a.add('first')
  await clock.advance(BEAT_MS)
  server.swallow(true)
  await a.add('swallowed')
  await settle(40)
  server.swallow(false)
  expect(b.titles()).toEqual(['first'])
  await a.add('after the gap')
  await settle(60)
  // The number showed it, and a look was not waited for.
  expect(b.titles()).toEqual(['after the gap', 'first', 'swallowed'])

  server.swallow(true)
  await a.add('the last word')
  await settle(40)
  server.swallow(false)
  a.kill()
  await clock.advance(ALIVE_MS + BEAT_MS)
  expect(b.relay.status().nodes.map(({ isAlive }) => isAlive)).toEqual([false])
  const again = await a.restart()
  nodes.push(again)
  await clock.advance(3 * BEAT_MS)
  expect(b.titles()).toContain('the last word')
  allEqual(again, b)
})

test('[P1] without Redis everybody writes on; when it is back all have everything', async () => {
  const { start, clock, server } = world()
  const [a, b] = [await start(), await start()]
  await a.add('first')
  await clock.advance(BEAT_MS)
  server.down()
  await Promise.all([a.add('a alone'), b.add('b alone')])
  await clock.advance(60_000)
  expect(a.titles()).toEqual(['a alone', 'first'])
  expect(a.relay.status()).toMatchObject({ state: 'waiting', error: 'connect ECONNREFUSED' })
  expect(a.relay.status().nodes.every(({ isAlive }) => !isAlive)).toBe(true)
  server.up()
  await clock.advance(3 * BEAT_MS)
  expect(a.relay.status()).toMatchObject({ state: 'linked' })
  expect(a.titles()).toEqual(['a alone', 'b alone', 'first'])
  allEqual(a, b)
})

test('[P1] a server that lost all it had, and one that lost the newest second', async () => {
  const { start, clock, server, rows } = world()
  const [a, b] = [await start(), await start()]
  await a.add('first')
  await clock.advance(BEAT_MS)
  server.down()
  await Promise.all([a.add('meanwhile a'), b.add('meanwhile b')])
  server.loseAll()
  server.up()
  await clock.advance(4 * BEAT_MS)
  allEqual(a, b)
  b.kill()
  await a.add('unread')
  await settle(40)
  server.loseNewest(rows().at(-1)?.stream ?? '', 1)
  const again = await b.restart()
  nodes.push(again)
  await clock.advance(3 * BEAT_MS)
  expect(again.titles()).toEqual(['first', 'meanwhile a', 'meanwhile b', 'unread'])
  allEqual(a, again)
})

test('the stream is cut only where every known node has persisted; who is forgotten comes back by what others hold', async () => {
  const { start, clock, rows } = world()
  const [a, b, c] = [await start(), await start(), await start()]
  await a.add('one')
  await clock.advance(3 * BEAT_MS)
  expect(rows().length).toBe(0)

  c.kill()
  for (let i = 0; i < 5; i++) {
    await a.add(`kept ${i}`)
    await settle(40)
  }
  await clock.advance(FORGET_MS / 2)
  expect(rows().length).toBe(5)
  const back = await c.restart()
  nodes.push(back)
  await clock.advance(3 * BEAT_MS)
  expect(rows().length).toBe(0)
  allEqual(a, b, back)

  back.kill()
  await b.add('while forgotten')
  await clock.advance(FORGET_MS + ALIVE_MS)
  expect(rows().length).toBe(0)
  expect(a.relay.status().nodes.length).toBe(1)
  const late = await back.restart()
  nodes.push(late)
  await clock.advance(3 * BEAT_MS)
  expect(late.titles()).toContain('while forgotten')
  allEqual(a, b, late)
})

test('[P1] a node whose disk is full takes nothing and holds its place; the others go on', async () => {
  const { start, clock, rows } = world()
  const [a, b] = [await start(), await start()]
  await a.add('one')
  await clock.advance(3 * BEAT_MS)
  b.database.failAt(1, Number.POSITIVE_INFINITY)
  await a.add('while b is full')
  await clock.advance(5 * BEAT_MS)
  expect(b.titles()).toEqual(['one'])
  expect(b.relay.status().error).toContain('full')
  expect(rows().length).toBe(1)
  b.database.heal()
  await clock.advance(5 * BEAT_MS)
  expect(rows().length).toBe(0)
  expect(b.titles()).toEqual(['one', 'while b is full'])
  allEqual(a, b)
})

test('who is in the room of one node is seen at the others, at once, until their client or their node is gone', async () => {
  const { start, clock, server } = world()
  const [a, b, c] = [await start(), await start(), await start()]
  await a.add('one')
  await clock.advance(2 * BEAT_MS)
  const seat = { actor: alice }
  const state = (n: number) => JSON.stringify({ user: { name: 'alice' }, cursor: n })
  a.awareness.take(seat, [{ client: 7, clock: 1, state: state(1) }], true)
  await settle(20)
  expect(b.awareness.all()).toEqual([{ client: 7, clock: 1, state: state(1) }])
  // What no message brought, a look does; and a look that is older than a message takes nothing back.
  server.swallow(true)
  a.awareness.take(seat, [{ client: 7, clock: 2, state: state(2) }], false)
  await settle(20)
  server.swallow(false)
  await clock.advance(2 * BEAT_MS)
  for (const node of [b, c]) expect(node.awareness.all()).toEqual([{ client: 7, clock: 2, state: state(2) }])
  const late = await start()
  await clock.advance(2 * BEAT_MS)
  expect(late.awareness.all().length).toBe(1)
  a.awareness.leave(seat)
  await settle(20)
  expect([b, c, late].flatMap((node) => node.awareness.all())).toEqual([])
  b.awareness.take(seat, [{ client: 8, clock: 1, state: state(1) }], true)
  await settle(20)
  b.kill()
  await clock.advance(ALIVE_MS + 2 * BEAT_MS)
  expect([a, c, late].flatMap((node) => node.awareness.all())).toEqual([])
})

test('credentials reach every node, also one that comes later or when the server has lost all; failures those that are there', async () => {
  const { start, clock, server } = world()
  const [a, b] = [await start(), await start()]
  await a.add('one')
  await clock.advance(BEAT_MS)
  a.relay.tellCredential('first')
  a.relay.tellFailure('192.0.2.1')
  await settle(20)
  expect([b.credentials, b.failures]).toEqual([['first'], ['192.0.2.1']])
  expect(a.credentials).toEqual([])
  server.down()
  a.relay.tellCredential('while it is away')
  await clock.advance(BEAT_MS)
  server.up()
  await clock.advance(3 * BEAT_MS)
  expect(b.credentials).toEqual(['first', 'while it is away'])
  const late = await start()
  await clock.advance(2 * BEAT_MS)
  expect([late.credentials, late.failures]).toEqual([['first', 'while it is away'], []])
})

test('how far a node is behind is told, and that the server has lost its data', async () => {
  const { start, clock, server } = world()
  const [a, b] = [await start(), await start()]
  await a.add('one')
  await clock.advance(3 * BEAT_MS)
  expect(b.relay.status()).toMatchObject({ lag: { behind: 0, unsent: 0 } })
  expect(b.relay.status().behindSince).toBeUndefined()
  b.database.failAt(1, Number.POSITIVE_INFINITY)
  await a.add('two')
  await clock.advance(5 * BEAT_MS)
  expect(b.relay.status().lag.behind).toBe(1)
  b.database.heal()
  await clock.advance(5 * BEAT_MS)
  expect(b.relay.status()).toMatchObject({ lag: { behind: 0, unsent: 0 } })
  server.down()
  await a.add('three')
  await clock.advance(BEAT_MS)
  expect(a.relay.status().lag.unsent).toBe(1)
  server.loseAll()
  server.up()
  await clock.advance(4 * BEAT_MS)
  expect(a.relay.status().lag.unsent).toBe(0)
  expect(a.relay.status().lostDataAt).toBeGreaterThan(0)
  allEqual(a, b)
})

test('nodes that hold nothing join whoever has the name; another project of that name is refused, and says so', async () => {
  const { start, clock, server } = world()
  const [a, b] = [await start(), await start()]
  expect(b.project.id).toBe(a.project.id)
  await Promise.all([a.add('by a'), b.add('by b')])
  await clock.advance(BEAT_MS)
  allEqual(a, b)

  const own = createTestProject({ clock, seed: 999, name: 'demo' })
  const stranger = await createTestNode({ server, clock, seed: 999, from: own })
  nodes.push(stranger)
  // It was empty when it started: it may join; once it holds something of its own it must not.
  await clock.advance(BEAT_MS)
  expect(stranger.project.id).toBe(a.project.id)

  const other = createTestProject({ clock, seed: 998, name: 'demo' })
  await other.project.transact(byAlice, (tx) => tx.create(task, { title: 'theirs' }))
  const apart = await createTestNode({ server, clock, seed: 998, from: other })
  nodes.push(apart)
  await clock.advance(2 * BEAT_MS)
  expect(apart.relay.status().refusal).toContain('two different projects')
  expect(apart.titles()).toEqual(['theirs'])
  expect(a.titles()).toEqual(['by a', 'by b'])
})

test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  '[P1] [P3] whatever breaks in whatever order, all nodes end equal with everything acknowledged: seed %i',
  async (seed) => {
    const { start, clock, server, rows } = world(seed)
    const random = createRandom(seed)
    const upTo = (limit: number): number => Math.floor(((random(1)[0] ?? 0) * limit) / 256)
    const all = [await start(), await start(), await start()]
    const acknowledged: string[] = []
    for (let step = 0; step < 40; step++) {
      const at = upTo(all.length)
      const node = all[at] as TestNode
      const what = upTo(12)
      if (what < 6) {
        await node.add(`w${step}`)
        acknowledged.push(`w${step}`)
      } else if (what === 6) {
        const again = await node.restart()
        nodes.push(again)
        all[at] = again
      } else if (what === 7) server.down()
      else if (what === 8) server.up()
      else if (what === 9) server.swallow(upTo(2) === 1)
      else if (what === 10) server.loseNewest(rows().at(-1)?.stream ?? '', 1 + upTo(3))
      else server.loseAll()
      if (upTo(2) === 0) await settle(upTo(8))
      else await clock.advance(upTo(4 * BEAT_MS))
    }
    server.up()
    server.swallow(false)
    await clock.advance(10 * BEAT_MS)
    expect(all[0]?.titles()).toEqual(acknowledged.toSorted())
    allEqual(...all)
  },
)
