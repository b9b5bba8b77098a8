import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestClock, settle } from '../helpers/clock.ts'
import { byAlice, byClaude, createTestProject } from '../helpers/project.ts'
import { createMemoryNetwork } from '../memory/wire.ts'
import { createTestReplica, stateOf, type TestReplica, TOKEN } from './replica.ts'

const running: TestReplica[] = []
afterEach(async () => {
  for (const replica of running.splice(0)) await replica.stop()
})

function world(delayMs = 0) {
  const clock = createTestClock()
  const network = createMemoryNetwork({ clock, delayMs })
  let seed = 1
  return {
    clock,
    network,
    async replica(
      host: string,
      more: { seed?: number; instance?: string; name?: string; from?: ReturnType<typeof createTestProject> } = {},
    ) {
      const replica = await createTestReplica({ host, seed: more.seed ?? seed++, network, clock, ...more })
      running.push(replica)
      return replica
    },
  }
}

const stateOfLink = (replica: TestReplica) => replica.links.list()[0]

describe('replicas', () => {
  test('a pristine replica that dials joins the project and takes all of it', async () => {
    const { replica } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    await a.add('one')
    await a.add('two')
    b.dial('a')
    await settle(100)
    expect([b.project.id, b.project.name]).toEqual([a.project.id, a.project.name])
    expect(b.titles()).toEqual(['one', 'two'])
    expect(stateOfLink(b)).toMatchObject({ name: 'a', state: 'linked' })
    expect(a.room.replicas()).toEqual([b.project.replica])
  })

  test('a pristine replica that is dialled joins the project of who dials', async () => {
    const { replica } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    await a.add('one')
    a.dial('b')
    await settle(100)
    expect(b.project.id).toBe(a.project.id)
    expect(b.titles()).toEqual(['one'])
    expect(stateOfLink(a)?.state).toBe('linked')
  })

  test('of two pristine replicas the one that dials joins', async () => {
    const { replica } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    const theirs = a.project.id
    b.dial('a')
    await settle(100)
    expect([a.project.id, b.project.id]).toEqual([theirs, theirs])
    await b.add('first')
    await settle(100)
    expect(a.titles()).toEqual(['first'])
  })

  test('a pristine replica that dials two projects at once joins one of them and is refused by the other', async () => {
    const { replica } = world()
    const [a, b, c] = [await replica('a'), await replica('b'), await replica('c')]
    await a.add('in a')
    await b.add('in b')
    c.dial('a')
    c.dial('b')
    await settle(200)
    const states = c.links.list().map(({ state }) => state)
    expect(states.toSorted()).toEqual(['linked', 'refused'])
    expect(c.titles()).toHaveLength(1)
    expect([a.titles(), b.titles()]).toEqual([['in a'], ['in b']])
  })

  test('[P5] rows arrive with their actor, session and time, also of what was deleted', async () => {
    const { replica } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    const id = (await a.add('one')) as RecordId
    b.dial('a')
    await settle(100)
    await b.project.transact({ ...byClaude, session: 's-1' }, (tx) => tx.delete(task, id))
    await settle(100)
    const [row] = a.project.rowsSince({ ...a.project.have(), [b.project.replica]: 0 }, 10)
    expect(row).toMatchObject({ replica: b.project.replica, actor: 'claude', session: 's-1', source: 'api' })
    expect(a.project.read(task, id)?.deletedBy).toBe('claude')
  })

  test('[P3] in a line A-B-C what either end writes reaches the other', async () => {
    const { replica, clock, network } = world(5)
    const [a, b, c] = [await replica('a'), await replica('b'), await replica('c')]
    await b.add('from b')
    a.dial('b')
    c.dial('b')
    await clock.advance(200)
    for (let i = 0; i < 20; i++) await Promise.all([a.add(`a${i}`), b.add(`b${i}`), c.add(`c${i}`)])
    await clock.advance(500)
    expect(a.titles()).toHaveLength(61)
    expect([stateOf(a), stateOf(c)]).toEqual([stateOf(b), stateOf(b)])
    expect(network.lines).toHaveLength(2)
  })

  test('[P3] in a circle A-B-C-A rows travel each once and come to rest', async () => {
    const { replica, clock } = world(5)
    const [a, b, c] = [await replica('a'), await replica('b'), await replica('c')]
    await a.add('first')
    b.dial('a')
    await clock.advance(200)
    c.dial('b', 'a')
    await clock.advance(200)
    a.dial('c', 'a')
    await clock.advance(200)
    await Promise.all([a.add('x'), b.add('y'), c.add('z')])
    await clock.advance(500)
    expect(a.titles()).toEqual(['first', 'x', 'y', 'z'])
    expect([stateOf(b), stateOf(c)]).toEqual([stateOf(a), stateOf(a)])
    expect(a.project.rowCount()).toBe(4)
  })
})

describe('a link', () => {
  test('[P3] cut and rejoined, both sides hold what was written on either meanwhile', async () => {
    const { replica, network, clock } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    const id = (await a.add('shared')) as RecordId
    b.dial('a')
    await settle(100)
    network.down()
    await settle()
    expect(stateOfLink(b)?.state).toBe('waiting')
    await a.project.transact(byAlice, (tx) => tx.update(task, id, { add: { labels: ['from-a'] } }))
    await b.project.transact(byClaude, (tx) => tx.update(task, id, { add: { labels: ['from-b'] } }))
    for (let i = 0; i < 30; i++) await Promise.all([a.add(`a${i}`), b.add(`b${i}`)])
    expect(a.titles()).toHaveLength(31)
    network.up()
    await clock.advance(60_000)
    expect(stateOfLink(b)).toEqual({ name: 'a', url: 'ws://a/sync/a', state: 'linked', since: expect.any(String) })
    expect(a.titles()).toHaveLength(61)
    expect(stateOf(b)).toEqual(stateOf(a))
    expect(a.project.read(task, id)?.values.labels).toEqual(['from-a', 'from-b'])
  })

  test('more rows than one frame holds all arrive, each once', async () => {
    const { replica } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    for (let i = 0; i < 1200; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => a.add(`t${i + k}`)))
    b.dial('a')
    await settle(1500)
    expect(b.project.rowCount()).toBe(1200)
    expect(stateOf(b)).toEqual(stateOf(a))
  })

  test('a connection that went silent is given up and dialled again', async () => {
    const { replica, network, clock } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    b.dial('a')
    await settle(100)
    network.lines[0]?.hang()
    await a.add('unheard')
    await clock.advance(120_000)
    expect(network.lines.length).toBeGreaterThan(1)
    expect(stateOfLink(b)?.state).toBe('linked')
    expect(b.titles()).toEqual(['unheard'])
    expect(a.room.replicas()).toHaveLength(1)
  })

  test('[R11] links that lost the same host come back at times of their own', async () => {
    const { replica, network, clock } = world()
    const hosts = ['b', 'c', 'd', 'e', 'f', 'g']
    const a = await replica('a')
    for (const host of hosts) {
      const one = await replica(host)
      one.dial('a')
      await settle(20)
      expect(one.links.list()[0]?.state).toBe('linked')
    }
    network.down()
    network.up()
    const back = new Map<string, number>()
    for (let ms = 0; ms < 2_000 && back.size < hosts.length; ms += 10) {
      await clock.advance(10)
      for (const id of a.room.replicas()) if (!back.has(id)) back.set(id, ms)
    }
    expect(back.size).toBe(hosts.length)
    expect(new Set(back.values()).size).toBeGreaterThan(hosts.length / 2)
    expect(Math.max(...back.values()) - Math.min(...back.values())).toBeGreaterThan(200)
  })

  test('[P6] two projects that were started apart are refused on both sides, with words', async () => {
    const { replica, network, clock } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    await a.add('in a')
    await b.add('in b')
    b.dial('a')
    await clock.advance(1_000)
    expect(stateOfLink(b)).toMatchObject({ state: 'refused', error: expect.stringContaining('two different projects') })
    expect(a.room.refusals()).toMatchObject([{ code: 4409, reason: expect.stringContaining('two different projects') }])
    expect([a.titles(), b.titles()]).toEqual([['in a'], ['in b']])
    expect(network.lines).toHaveLength(1)
  })

  test('[P6] a wrong token or project is refused, and not tried again and again', async () => {
    const { replica, network, clock } = world()
    const [, b] = [await replica('a'), await replica('b')]
    b.links.add({ name: 'wrong-token', url: 'ws://a/sync/a', token: 'guess' })
    b.links.add({ name: 'wrong-project', url: 'ws://a/sync/nothing', token: TOKEN })
    await clock.advance(3_000)
    expect(b.links.list().map(({ state, error }) => [state, error])).toEqual([
      ['refused', 'unauthorized'],
      ['refused', 'unknown project'],
    ])
    expect(network.lines).toHaveLength(2)
  })

  test('a copied database gets a new replica id and then links', async () => {
    const { replica, clock, network } = world()
    const original = createTestProject({ clock, seed: 7, name: 'a' })
    const a = await replica('a', { from: original })
    await a.add('one')
    const copy = createTestProject({ clock, seed: 7, name: 'a' })
    expect(copy.project.replica).toBe(a.project.replica)
    const b = await replica('b', { from: copy })
    b.dial('a')
    await clock.advance(10 * 60_000)
    expect([a.twins.length + b.twins.length > 0, b.project.replica === a.project.replica]).toEqual([true, false])
    expect(network.lines.length).toBeGreaterThan(1)
    expect(stateOfLink(b)?.state).toBe('linked')
    expect(b.titles()).toEqual(['one'])
  })

  test('a daemon that dials itself is refused and keeps its replica id', async () => {
    const { replica } = world()
    const a = await replica('a')
    a.dial('a')
    await settle(100)
    expect(stateOfLink(a)).toMatchObject({ state: 'refused', error: expect.stringContaining('same daemon') })
    expect(a.twins).toEqual([])
  })

  test('[P1] a peer whose disk is full gets the rows when it works again, and hands on nothing before', async () => {
    const { replica, clock } = world()
    const [a, b, c] = [await replica('a'), await replica('b'), await replica('c')]
    b.dial('a')
    c.dial('b')
    await settle(100)
    b.database.failAt(1)
    await a.add('one')
    await clock.advance(20_000)
    expect([b.titles(), c.titles()]).toEqual([[], []])
    b.database.heal()
    await clock.advance(20_000)
    expect([b.titles(), c.titles()]).toEqual([['one'], ['one']])
  })

  test('a removed peer is not linked any more, also after a restart', async () => {
    const { replica } = world()
    const [a, b] = [await replica('a'), await replica('b')]
    b.dial('a')
    await settle(100)
    b.links.remove('a')
    await settle()
    expect([b.links.list(), a.room.replicas()]).toEqual([[], []])
    await b.links.start()
    expect(b.links.list()).toEqual([])
    expect(() => b.links.remove('a')).toThrow('There is no peer "a"')
  })

  test('a peer that is added before the links start is dialled when they do, once', async () => {
    const { replica, network } = world()
    const [, b] = [await replica('a'), await replica('b')]
    await b.links.stop()
    b.dial('a')
    await settle()
    expect([network.lines.length, b.links.list()]).toEqual([0, []])
    expect(() => b.dial('a')).toThrow('already exists')
    await b.links.start()
    await settle(100)
    expect([network.lines.length, stateOfLink(b)?.state]).toEqual([1, 'linked'])
  })

  test.each([
    ['a name with blanks', { name: 'a b' }, 'name'],
    ['an address that is none', { url: 'nowhere' }, 'url'],
    ['an address of something else', { url: 'http://a/sync/a' }, 'url'],
    ['an address without a project', { url: 'ws://a/' }, 'url'],
    ['a token in the address', { url: 'ws://a/sync/a?token=x' }, 'url'],
    ['a token with blanks', { token: 'a b' }, 'token'],
  ])('%s cannot be a peer', async (_, wrong, field) => {
    const { replica } = world()
    const a = await replica('a')
    const add = () => a.links.add({ name: 'p', url: 'ws://p/sync/p', token: TOKEN, ...wrong })
    expect(add).toThrow(expect.objectContaining({ code: 'invalid_input', data: expect.objectContaining({ field }) }))
    expect(a.links.list()).toEqual([])
  })
})

test('[P1][P3] after any mix of writes, cuts and full disks all replicas hold all that was acknowledged', async () => {
  const step = fc.record({
    on: fc.nat(2),
    what: fc.constantFrom('add', 'add', 'label', 'cut', 'up', 'hang', 'fill', 'heal', 'wait'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { replica, network, clock } = world(3)
      const replicas = [await replica('a'), await replica('b'), await replica('c')] as const
      const [a, b, c] = replicas
      const first = (await a.add('first')) as RecordId
      b.dial('a')
      await clock.advance(50)
      c.dial('b', 'a')
      await clock.advance(50)
      const acknowledged = ['first']
      const labels: string[] = []
      for (const [n, { on, what }] of steps.entries()) {
        const { project, database, add } = must(replicas[on], 'one of three')
        const write = (promise: Promise<unknown>, done: () => void) => promise.then(done, () => undefined)
        if (what === 'add') await write(add(`t${n}`), () => acknowledged.push(`t${n}`))
        if (what === 'label') {
          const edit = project.transact(byAlice, (tx) => tx.update(task, first, { add: { labels: [`l${n}`] } }))
          await write(edit, () => labels.push(`l${n}`))
        }
        if (what === 'cut') network.down()
        if (what === 'up') network.up()
        if (what === 'hang') network.lines.at(-1)?.hang()
        if (what === 'fill') database.failAt(1)
        if (what === 'heal') database.heal()
        if (what === 'wait') await clock.advance(2_000)
      }
      network.up()
      for (const { database } of replicas) database.heal()
      // A silent line is given up after 45 s, dialled again within 30; a peer that took no rows is asked after 5.
      await clock.advance(240_000)
      expect(a.titles()).toEqual(acknowledged.toSorted())
      expect(a.project.read(task, first)?.values.labels).toEqual(labels.toSorted())
      expect([stateOf(b), stateOf(c)]).toEqual([stateOf(a), stateOf(a)])
      for (const one of running.splice(0)) await one.stop()
    }),
    { numRuns: 25 },
  )
})
