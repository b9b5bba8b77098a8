import { afterEach, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { type Visit, visitPeer } from '../../src/peers/visit.ts'
import { putJoinMark } from '../../src/store/join-marks.ts'
import { createTestClock, settle } from '../helpers/clock.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createMemoryNetwork } from '../memory/wire.ts'
import { createTestReplica, type TestReplica, TOKEN } from './replica.ts'

const running: TestReplica[] = []
afterEach(async () => {
  for (const replica of running.splice(0)) await replica.stop()
})

function world() {
  const clock = createTestClock()
  const network = createMemoryNetwork({ clock })
  return {
    clock,
    network,
    async replica(host: string, seed: number) {
      const replica = await createTestReplica({ host, seed, network, clock })
      running.push(replica)
      return replica
    },
  }
}

/** Two projects with something in each, and the word in the one that the other has joined it. */
async function joined() {
  const { clock, replica } = world()
  const [shop, old] = [await replica('shop', 1), await replica('old', 2)]
  await shop.add('in shop')
  await old.add('in old')
  const { id, name, replica: by } = old.project
  await shop.project.transact(byAlice, (tx) => putJoinMark(tx, { id, name, by, records: 1, renamed: new Map() }))
  return { clock, shop, old }
}

test('[P6] a replica of a project that has moved is told so, by every replica that knows, whatever name it dials', async () => {
  const { clock, shop, old } = await joined()
  old.dial('shop')
  old.links.add({ name: 'by-old-name', url: 'ws://shop/sync/old', token: TOKEN })
  await clock.advance(2_000)
  const said = expect.stringContaining(`moved into "shop" (${shop.project.id})`)
  expect(old.links.list()).toMatchObject([
    { name: 'shop', state: 'refused', error: said },
    { name: 'by-old-name', state: 'refused', error: said },
  ])
  expect([shop.titles(), old.titles()]).toEqual([['in shop'], ['in old']])
})

test('[P6] a replica of a project that has moved is told so, too, when it is dialled', async () => {
  const { clock, shop, old } = await joined()
  shop.dial('old')
  await clock.advance(2_000)
  expect(old.room.refusals()).toMatchObject([{ code: 4411, reason: expect.stringContaining('moved into "shop"') }])
})

test('a project that has only said that it will join is not moved yet', async () => {
  const { clock, replica } = world()
  const [shop, old] = [await replica('shop', 1), await replica('old', 2)]
  await old.add('in old')
  const { id, name, replica: by } = old.project
  await shop.project.transact(byAlice, (tx) =>
    putJoinMark(tx, { id, name, by, records: undefined, renamed: new Map() }),
  )
  old.dial('shop')
  await clock.advance(2_000)
  expect(old.links.list()[0]?.error).toContain('two different projects')
})

/** Somebody with an empty project of their own who visits a replica. */
function visitor(parts: ReturnType<typeof world>) {
  const { project } = createTestProject({ clock: parts.clock, seed: 9, name: '' })
  const peering = createPeering({
    project,
    instance: 'n-visitor',
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    onTwin: () => undefined,
    log: silentLogger,
  })
  const visit = <T>(url: string, work: (visit: Visit) => Promise<T>): Promise<T> =>
    visitPeer({ peering, dial: parts.network.dial, clock: parts.clock, log: silentLogger }, { url, token: TOKEN }, work)
  return { project, visit }
}

test('a visit takes all rows, brings its own, and is over', async () => {
  const parts = world()
  const shop = await parts.replica('shop', 1)
  for (let i = 0; i < 250; i++) await shop.add(`task ${i}`)
  const { project, visit } = visitor(parts)
  let seen = 0
  await visit('ws://shop/sync/shop', async ({ settled, peer }) => {
    expect(peer.project.id).toBe(shop.project.id)
    await settled()
    seen = project.rowCount()
    await project.transact(byAlice, (tx) => tx.setKey('state', 'visited', true))
    await settled()
    expect(shop.project.readKeys('state').get('visited')?.value).toBe(true)
  })
  expect(seen).toBe(250)
  await project.transact(byAlice, (tx) => tx.setKey('state', 'later', true))
  await settle(100)
  expect([...shop.project.readKeys('state').keys()]).toEqual(['visited'])
  expect(shop.room.replicas()).toEqual([])
})

test('[P6] a visit that is refused, cut or to nowhere says why; what its work throws is what it throws', async () => {
  const parts = world()
  await (await parts.replica('shop', 1)).add('one')
  const { visit } = visitor(parts)
  const never = (): Promise<void> => new Promise(() => undefined)
  await expect(visit('ws://nowhere/sync/shop', never)).rejects.toMatchObject({ code: 'join_failed' })
  await expect(visit('http://shop', never)).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(visit('ws://shop/sync/other', never)).rejects.toThrow('unknown project')
  await expect(
    visit('ws://shop/sync/shop', () => {
      must(parts.network.lines.at(-1), 'a line').cut()
      return never()
    }),
  ).rejects.toMatchObject({ code: 'join_failed' })
  await expect(visit('ws://shop/sync/shop', () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
})
