import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { must } from '../../src/base/assert.ts'
import { systemClock } from '../../src/base/clock.ts'
import { OrchError } from '../../src/base/error.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createAccept } from '../../src/peers/accept.ts'
import { createLinks } from '../../src/peers/links.ts'
import { createLogRooms, type LogRoomsParts } from '../../src/peers/log-rooms.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRoom } from '../../src/peers/room.ts'
import { dialSockets } from '../../src/peers/wire.ts'
import { createPeerStore } from '../../src/store/peer-store.ts'
import { startFront } from '../helpers/front.ts'
import { alice, byAlice, claude, createTestProject, principalOf } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const undo: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

/** A replica on real sockets. Tokens are the names of who holds them. */
async function serve(seed: number) {
  const { project, database } = createTestProject({ clock: systemClock, seed, name: `p${seed}` })
  const parts = { clock: systemClock, log: silentLogger }
  const peering = createPeering({
    project,
    instance: `n-${seed}`,
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    onTwin: () => undefined,
    log: silentLogger,
  })
  const room = createRoom({ ...parts, peering })
  const makeRoom: LogRoomsParts['makeRoom'] = (document, onEmpty) =>
    createRoom({ ...parts, peering, document, onEmpty })
  const logRooms = createLogRooms({ ...parts, project, makeRoom })
  const dial = dialSockets(systemClock)
  const links = createLinks({ ...parts, peering, dial, random: createRandom(seed), store: createPeerStore(database) })
  const { front } = await startFront({
    upgrades: [createAccept({ ...parts, room, logRooms })],
    async authenticate({ token }) {
      const actor = [alice, claude].find(({ name }) => name === token)
      if (!actor) throw new OrchError('unauthorized')
      return principalOf(actor)
    },
  })
  await links.start()
  undo.push(async () => {
    await links.stop()
    await front.stop()
  })
  const sync = `${front.url()?.replace('http', 'ws')}/sync`
  return { project, room, links, sync, url: `${sync}/${project.name}` }
}

/** A stock provider, with nothing of ours in it. */
function join(sync: string, name: string, options: { params?: Record<string, string>; protocols?: string[] }) {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(sync, name, doc, {
    WebSocketPolyfill: WebSocket as never,
    disableBc: true,
    ...options,
  })
  undo.push(() => {
    provider.destroy()
    doc.destroy()
  })
  const record = (id: string) => doc.getMap<Y.Map<unknown>>('tasks').get(id)
  return {
    doc,
    provider,
    record,
    title: (id: string) => record(id)?.get('title'),
    body: (id: string) => must(record(id), 'the task is here').get('body') as Y.Text,
  }
}

const until = (holds: () => void) => vi.waitFor(holds, { timeout: 10_000, interval: 5 })

test('stock providers and a linked replica see and make changes, each by its actor', async () => {
  const [a, b] = [await serve(1), await serve(2)]
  const id = (await a.project.transact(byAlice, (tx) => tx.create(task, { title: 'one' }))) as RecordId
  b.links.add({ name: 'a', url: a.url, token: 'alice' })
  await until(() => expect(b.project.id).toBe(a.project.id))
  const one = join(a.sync, 'p1', { protocols: ['orch.y.v1', 'bearer.alice'] })
  const two = join(b.sync, a.project.id, { params: { token: 'claude' } })
  await until(() => expect([one.title(id), two.title(id)]).toEqual(['one', 'one']))
  expect([one.provider.synced, two.provider.synced]).toEqual([true, true])

  two.record(id)?.set('title', 'from two')
  await until(() => expect([one.title(id), a.project.read(task, id)?.values.title]).toEqual(['from two', 'from two']))
  one.body(id).insert(0, 'from one')
  await until(() => expect(b.project.read(task, id)?.values.body).toBe('from one'))
  await until(() => expect(two.body(id).toString()).toBe('from one'))

  const authors = a.project.rowsSince({}, 100).map(({ actor, source, replica }) => [actor, source, replica])
  expect(authors).toEqual([
    ['alice', 'api', a.project.replica],
    ['claude', 'room', b.project.replica],
    ['alice', 'room', a.project.replica],
  ])
  expect(b.links.list()[0]?.state).toBe('linked')
  await until(() => expect(b.room.presence()).toEqual([{ actor: claude, client: two.doc.clientID }]))
})

test('[P2] what a stock client wrote offline arrives when it comes back, and what it missed too', async () => {
  const a = await serve(1)
  const id = (await a.project.transact(byAlice, (tx) => tx.create(task, { title: 'one' }))) as RecordId
  const client = join(a.sync, 'p1', { params: { token: 'alice' } })
  await until(() => expect(client.title(id)).toBe('one'))
  client.provider.disconnect()
  const body = client.body(id)
  for (const word of ['a', 'b', 'c']) body.insert(body.length, word)
  await a.project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'two' } }))
  client.provider.connect()
  await until(() => expect([client.title(id), a.project.read(task, id)?.values.body]).toEqual(['two', 'abc']))
})

test.each([
  ['a wrong token', 'p1', { params: { token: 'guess' } }, 4401],
  ['no token', 'p1', {}, 4401],
  ['an unknown project', 'p9', { params: { token: 'alice' } }, 4404],
])('[P6] with %s a stock provider is told why and stops trying', async (_, name, options, code) => {
  const a = await serve(1)
  const client = join(a.sync, name, options)
  const closed = await new Promise((resolve) => client.provider.on('closed', resolve))
  expect(closed).toMatchObject({ code })
  expect(client.provider.shouldConnect).toBe(false)
})

test('a stopping server closes its clients, which may come back', async () => {
  const a = await serve(1)
  const client = join(a.sync, 'p1', { params: { token: 'alice' } })
  await until(() => expect(client.provider.synced).toBe(true))
  const event = new Promise((resolve) => client.provider.on('connection-close', resolve))
  await undo[0]?.()
  expect(await event).toMatchObject({ code: 1001 })
  expect(client.provider.shouldConnect).toBe(true)
})

/** src/peers/provider.ts rests on these. When a new version changes them, it must be read again as a whole. */
test('y-websocket is the version whose internals the links rest on', async () => {
  const manifest = createRequire(import.meta.url).resolve('y-websocket/package.json')
  expect(JSON.parse(readFileSync(manifest, 'utf8')).version).toBe('3.1.0')
  const opened: unknown[] = []
  const socket = { OPEN: 1, readyState: 1, send: () => undefined, close: () => undefined, onopen: () => undefined }
  const doc = new Y.Doc()
  const provider = new WebsocketProvider('ws://h/sync', 'p', doc, {
    connect: false,
    disableBc: true,
    maxBackoffTime: 0,
    protocols: ['x'],
    WebSocketPolyfill: function open(...args: unknown[]) {
      opened.push(args)
      return socket
    } as never,
  })
  undo.push(() => {
    provider.destroy()
    doc.destroy()
  })
  expect(provider.ws).toBeNull()
  expect(doc._observers.get('update')?.has(provider._updateHandler)).toBe(true)
  expect(process.listeners('exit')).toContain(provider._exitHandler)
  expect(provider.messageHandlers.length).toBe(4)
  const events: string[] = []
  provider.on('status', ({ status }) => events.push(status))
  provider.on('connection-close', () => events.push('closed'))
  provider.connect()
  expect(opened).toEqual([['ws://h/sync/p', ['x']]])
  socket.onopen()
  expect(events).toEqual(['connecting', 'connected'])
  provider.disconnect()
  expect(events.slice(2)).toEqual(['closed', 'disconnected'])
  expect(provider.shouldConnect).toBe(false)
})

test('stock providers in the room of a month add entries, see those of others, and can change none', async () => {
  const { project, sync, url } = await serve(1)
  const before = await project.transact(byAlice, (tx) =>
    tx.appendLog({ action: 'before', at: '2026-11-05T08:00:00.000Z' }),
  )
  const one = join(`${sync}/p1/log`, '2026-11', { params: { token: 'alice' } })
  const two = join(`${sync}/p1/log`, '2026-11', { params: { token: 'claude' } })
  const main = join(sync, 'p1', { params: { token: 'alice' } })
  const [ones, twos] = [one.doc.getMap('log'), two.doc.getMap('log')]
  await until(() => expect([ones.size, twos.size, main.provider.synced]).toEqual([1, 1, true]))
  const at = '2026-11-06T08:00:00.000Z'
  twos.set('l-00000001', { at, actor: 'claude', action: 'in the room' })
  await project.transact(byAlice, (tx) => tx.appendLog({ action: 'by a command', at }))
  await until(() => expect([ones.size, twos.size]).toEqual([3, 3]))
  expect(project.listLog({ limit: 9 }).items.map(({ action, actor }) => `${actor}: ${action}`)).toEqual(
    expect.arrayContaining(['claude: in the room', 'alice: by a command', 'alice: before']),
  )
  // The project's own room hears nothing of it.
  expect(main.doc.getMap('log').size).toBe(0)

  const closed = new Promise<number>((resolve) => {
    two.provider.on('connection-close', (event) => resolve(event?.code ?? 0))
  })
  twos.delete(before)
  expect(await closed).toBe(4403)
  expect(project.listLog({ limit: 9 }).items).toHaveLength(3)
  expect(ones.size).toBe(3)
  // A replica has no business here.
  const socket = new WebSocket(`${url}/log/2026-13?token=alice`)
  expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(4404)
})
