import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { decodeFrame, encodeFrame } from '../../src/peers/frames.ts'
import { settle } from '../helpers/clock.ts'
import { alice, byAlice, claude, principalOf } from '../helpers/project.ts'
import { createMemoryLine } from '../memory/wire.ts'
import { createClient, openRoom } from './open-room.ts'

const titleOf = ({ project }: ReturnType<typeof openRoom>, id: RecordId) => project.read(task, id)?.values.title

test('a stock client sees the project, its changes, and makes its own under its name', async () => {
  const world = openRoom()
  const id = await world.add('before')
  const client = world.join(claude)
  client.open()
  await settle()
  expect(client.title(id)).toBe('before')
  await world.project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'changed' } }))
  await settle()
  expect(client.title(id)).toBe('changed')
  client.setTitle(id, 'by hand')
  await settle()
  expect(titleOf(world, id)).toBe('by hand')
  expect(world.project.rowsSince({}, 10).at(-1)).toMatchObject({ actor: 'claude', source: 'room', verified: false })
})

test('what one stock client writes the others see', async () => {
  const world = openRoom()
  const id = await world.add('before')
  const [one, two] = [world.join(), world.join(claude)]
  one.open()
  two.open()
  await settle()
  one.setTitle(id, 'from one')
  await settle()
  expect([two.title(id), titleOf(world, id)]).toEqual(['from one', 'from one'])
})

test('the changes of one turn of the event loop are one message', async () => {
  const world = openRoom()
  const client = world.join()
  client.open()
  await settle()
  const before = client.got.length
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((title) => world.add(title)))
  await settle()
  expect(
    client
      .types()
      .slice(before)
      .filter((type) => type === 'update'),
  ).toHaveLength(1)
  expect(client.doc.getMap('tasks').size).toBe(5)
})

test('what one client sent since its last turn is one row, and one message to the others', async () => {
  const world = openRoom()
  const id = await world.add('before')
  const [one, two] = [world.join(alice), world.join(claude)]
  one.open()
  two.open()
  await settle()
  const [rows, before] = [world.project.rowsSince({}, 100).length, two.got.length]
  for (let i = 0; i < 300; i++) one.setTitle(id, `title ${i}`)
  await settle()
  expect(two.title(id)).toBe('title 299')
  expect(world.project.rowsSince({}, 100)).toHaveLength(rows + 1)
  expect(two.types().slice(before)).toEqual(['update'])
})

test('[P2] one update that is refused takes nothing from those that were sent with it', async () => {
  const world = openRoom()
  const id = await world.add('before')
  const client = world.join()
  client.open()
  await settle()
  client.setTitle(id, 'honest')
  client.doc.getMap('tasks').delete(id)
  await settle()
  expect(titleOf(world, id)).toBe('honest')
  expect(client.ended).toEqual([[4403, expect.stringContaining('removes a record')]])
})

test('[P1] nobody sees an update that could not be made durable, and its client is told to come back', async () => {
  const world = openRoom()
  const id = await world.add('before')
  const [one, two] = [world.join(), world.join()]
  one.open()
  two.open()
  await settle()
  world.database.failAt(1)
  one.setTitle(id, 'lost?')
  await settle()
  expect(one.ended).toEqual([[1013, expect.stringContaining('could not be made durable')]])
  expect([two.title(id), two.ended]).toEqual(['before', []])
  world.database.heal()
  const line = createMemoryLine()
  const again = createClient(line, one.doc)
  world.room.join(line.ends[1], principalOf(alice))
  again.open()
  await settle()
  expect([titleOf(world, id), two.title(id)]).toEqual(['lost?', 'lost?'])
})

test.each([
  ['bytes that are no message', Uint8Array.of(42, 1), 4400],
  ['an update that is none', encodeFrame({ type: 'update', update: Uint8Array.of(9, 9, 9) }), 4400],
  ['a state vector that is none', encodeFrame({ type: 'step1', stateVector: Uint8Array.of(200) }), 4400],
  ['rows without a hello', encodeFrame({ type: 'rows', rows: [] }), 4400],
  ['an update beyond the limit', encodeFrame({ type: 'update', update: new Uint8Array(5 << 20) }), 4413],
  [
    'an awareness state beyond the limit',
    encodeFrame({ type: 'awareness', entries: [{ client: 1, clock: 1, state: `"${'x'.repeat(5000)}"` }] }),
    4413,
  ],
])('[P6] %s costs a client its connection, and nobody else theirs', async (_, bytes, code) => {
  const world = openRoom()
  const id = await world.add('before')
  const [good, bad] = [world.join(), world.join()]
  good.open()
  await settle()
  bad.wire.send(bytes)
  await settle()
  expect(bad.ended).toEqual([[code, expect.stringMatching(/.+/)]])
  good.setTitle(id, 'still works')
  await settle()
  expect(titleOf(world, id)).toBe('still works')
})

test('[P2] an update with something missing before it is asked for again and arrives whole', async () => {
  const world = openRoom()
  const id = await world.add('before')
  const client = world.join()
  client.open()
  await settle()
  const sent: Uint8Array[] = []
  const offline = new Y.Doc()
  Y.applyUpdate(offline, Y.encodeStateAsUpdate(client.doc))
  offline.on('update', (update) => sent.push(update))
  const record = offline.getMap<Y.Map<unknown>>('tasks').get(id)
  record?.set('title', 'first')
  record?.set('title', 'second')
  for (const update of sent) Y.applyUpdate(client.doc, update, 'server')
  client.wire.send(encodeFrame({ type: 'update', update: sent[1] ?? new Uint8Array() }))
  await settle()
  expect(titleOf(world, id)).toBe('before')
  await world.clock.advance(0)
  expect(titleOf(world, id)).toBe('second')
  expect(client.ended).toEqual([])
})

test('a client that never sends what is missing is asked less and less often', async () => {
  const world = openRoom()
  const client = world.join()
  const orphan = new Y.Doc()
  orphan.getMap('x').set('a', 1)
  const missing = Y.encodeStateVector(orphan)
  orphan.getMap('x').set('b', 2)
  const update = Y.encodeStateAsUpdate(orphan, missing)
  client.wire.onFrame((bytes) => {
    const frame = decodeFrame(bytes)
    client.got.push(frame)
    if (frame.type === 'step1') client.wire.send(encodeFrame({ type: 'step2', update }))
  })
  await world.clock.advance(60_000)
  const asked = client.types().filter((type) => type === 'step1').length
  expect(asked).toBeGreaterThan(3)
  expect(asked).toBeLessThan(10)
  expect(client.ended).toEqual([])
})

test('[R5] a client that reads slowly gets one difference later, not a queue', async () => {
  const world = openRoom()
  const client = world.join()
  client.open()
  await settle()
  const large = 'x'.repeat(300_000)
  for (let i = 0; i < 10; i++) {
    await world.add(`seen${i}`, large)
    await settle()
  }
  client.line.stall(client.wire)
  for (let i = 0; i < 20; i++) {
    await world.add(`t${i}`, large)
    await settle(3)
  }
  expect(client.line.ends[1].bufferedBytes).toBeLessThan(2_000_000)
  const before = client.got.length
  client.line.resume()
  await world.clock.advance(1_000)
  const late = client.got.slice(before).flatMap((frame) => (frame.type === 'step2' ? [frame.update.length] : []))
  expect(late).toHaveLength(1)
  // The part it missed, not the ten it had seen.
  expect(late[0]).toBeLessThan(20 * 300_000)
  expect(client.doc.getMap('tasks').size).toBe(30)
  await world.add('afterwards')
  await settle()
  expect(client.doc.getMap('tasks').size).toBe(31)
  expect(client.doc.store.pendingStructs).toBeNull()
})

test('[R5] [R10] a client that does not read at all is closed, to come back later', async () => {
  const world = openRoom()
  for (let i = 0; i < 3; i++) await world.add(`t${i}`, 'x'.repeat(3_000_000))
  const client = world.join()
  client.line.stall(client.wire)
  client.open()
  await settle()
  await world.add('one more')
  await world.clock.advance(40_000)
  client.line.resume()
  expect(client.ended).toEqual([[1013, 'the client does not read']])
})

test('a quiet room still says something often enough for the watchdog of providers', async () => {
  const world = openRoom()
  const client = world.join()
  client.open()
  await world.clock.advance(1_000)
  const before = client.got.length
  await world.clock.advance(60_000)
  expect(client.got.slice(before)).toEqual(Array(4).fill({ type: 'awareness', entries: [] }))
})

test('who shows themselves is told of, not where they look', async () => {
  let told = 0
  const world = openRoom({ onPresence: () => told++ })
  const [one, two] = [world.join(alice), world.join(claude)]
  one.open({ cursor: 1 })
  await settle()
  expect(told).toBe(1)
  two.open()
  for (let clock = 2; clock < 9; clock++) {
    one.wire.send(
      encodeFrame({ type: 'awareness', entries: [{ client: one.doc.clientID, clock, state: `{"cursor":${clock}}` }] }),
    )
  }
  await settle()
  expect(told).toBe(2)
  one.wire.close(1000, '')
  await settle()
  expect(told).toBe(3)
})

test('[R4] clients see each other under the names they were authenticated with, until they leave', async () => {
  const world = openRoom()
  const [one, two] = [world.join(alice), world.join(claude)]
  one.open({ user: { name: 'the boss' }, cursor: 1 })
  two.open()
  await world.clock.advance(100)
  const shown = { client: one.doc.clientID, clock: 1, state: '{"user":{"name":"alice"},"cursor":1}' }
  expect(two.got.at(-1)).toMatchObject({ type: 'awareness', entries: expect.arrayContaining([shown]) })
  expect(world.room.presence().map(({ actor }) => actor.name)).toEqual(['alice', 'claude'])
  one.wire.close(1000, '')
  await world.clock.advance(100)
  expect(two.got.at(-1)).toEqual({ type: 'awareness', entries: [{ ...shown, state: 'null' }] })
  two.wire.send(encodeFrame({ type: 'queryAwareness' }))
  await world.clock.advance(100)
  expect(two.got.at(-1)).toMatchObject({ type: 'awareness', entries: [{ client: two.doc.clientID }] })
})

test('a hello after other messages is refused', async () => {
  const world = openRoom()
  const client = world.join()
  client.open()
  client.wire.send(
    encodeFrame({
      type: 'hello',
      project: { id: 'j', name: 'n' },
      replica: 'r',
      instance: 'i',
      pristine: true,
      have: {},
    }),
  )
  await settle()
  expect(client.ended).toEqual([[4400, 'a replica says hello first']])
})

test('[P6] a replica of another version is told which versions there are', async () => {
  const world = openRoom()
  const client = world.join()
  client.wire.send(Uint8Array.of(111, 0, 9))
  await settle()
  expect(client.types()).toContain('hello')
  expect(client.ended).toEqual([[4426, expect.stringContaining('1 and 9')]])
})

test('[R10] a full room sends newcomers away to come back later; a stopped one closes all', async () => {
  const world = openRoom({ maxWires: 2 })
  const clients = [world.join(), world.join(), world.join()]
  await settle()
  expect(clients[2]?.ended).toEqual([[1013, 'too many connections']])
  world.room.stop()
  await settle()
  expect(clients.map(({ ended }) => ended[0]?.[0])).toEqual([1001, 1001, 1013])
})

test('[R3] who may only read follows, and shows itself; what it holds already is no offence', async () => {
  const world = openRoom()
  const id = await world.add('before')
  await world.project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'after' } }))
  const reader = world.join(claude, 'reader')
  reader.open({ cursor: 1 })
  await settle()
  reader.wire.send(encodeFrame({ type: 'step2', update: Y.encodeStateAsUpdate(reader.doc) }))
  await world.project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'later' } }))
  await settle()
  expect([reader.title(id), reader.ended]).toEqual(['later', []])
  expect(world.room.presence().map(({ actor }) => actor.name)).toEqual(['claude'])
})

test.each([
  ['an update', (client: ReturnType<typeof createClient>, id: string) => client.setTitle(id, 'mine')],
  [
    'a second answer to what the server lacks',
    (client: ReturnType<typeof createClient>, id: string) => {
      const own = new Y.Doc()
      Y.applyUpdate(own, Y.encodeStateAsUpdate(client.doc))
      own.getMap<Y.Map<unknown>>('tasks').get(id)?.set('title', 'mine')
      client.wire.send(encodeFrame({ type: 'step2', update: Y.encodeStateAsUpdate(own) }))
    },
  ],
  [
    'a deletion alone',
    (client: ReturnType<typeof createClient>, id: string) => {
      const body = client.doc.getMap<Y.Map<unknown>>('tasks').get(id)?.get('body') as Y.Text
      body.delete(0, 3)
    },
  ],
])('[R3] [P6] who may only read cannot write by %s, and is told', async (_, write) => {
  const world = openRoom()
  const id = await world.add('before', 'a text')
  const rows = world.project.rowsSince({}, 100).length
  const reader = world.join(claude, 'reader')
  reader.open()
  await settle()
  write(reader, id)
  await settle()
  expect(world.project.rowsSince({}, 100)).toHaveLength(rows)
  expect(reader.types()).toContain('denied')
  expect(reader.ended).toEqual([[4403, 'this token may only read']])
})

test.each(['reader', 'writer'] as const)('a %s is no replica: rows would carry the names of others', async (role) => {
  const world = openRoom()
  const other = world.join(claude, role)
  other.wire.send(encodeFrame({ ...openRoom().hello(), type: 'hello' }))
  await settle()
  expect(other.ended).toEqual([[4403, expect.stringContaining('role replica')]])
})
