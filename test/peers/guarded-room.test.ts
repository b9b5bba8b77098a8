import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Actor } from '../../src/model/actor.ts'
import { task } from '../../src/model/kinds/task.ts'
import { encodeFrame } from '../../src/peers/frames.ts'
import { settle } from '../helpers/clock.ts'
import { alice, claude } from '../helpers/project.ts'
import { openRoom } from './open-room.ts'

const mallory: Actor = { name: 'mallory', type: 'agent', verified: true }

test('[R2] a message that is larger than an update may be is refused for good, and its sender named', async () => {
  const world = openRoom()
  const client = world.join(mallory, 'writer')
  client.wire.send(new Uint8Array((4 << 20) + 2000))
  await settle()
  expect(client.ended).toEqual([[4413, expect.stringContaining('more than a client may send')]])
  expect(world.conduct.refusals()).toMatchObject([{ actor: 'mallory', code: 4413 }])
})

test('[R2] a state vector or an awareness state that is too large is refused for good', async () => {
  const world = openRoom()
  const [one, two] = [world.join(mallory, 'writer'), world.join(mallory, 'writer')]
  one.wire.send(encodeFrame({ type: 'step1', stateVector: new Uint8Array((1 << 20) + 1) }))
  two.wire.send(
    encodeFrame({ type: 'awareness', entries: [{ client: 7, clock: 1, state: `{"a":"${'x'.repeat(5000)}"}` }] }),
  )
  await settle()
  expect([one.ended[0]?.[0], two.ended[0]?.[0]]).toEqual([4400, 4413])
})

test('[R4] awareness-spoof: nobody shows himself as, moves, freezes or removes somebody else', async () => {
  const world = openRoom()
  const id = await world.add('one')
  const [bob, watcher, attacker] = [world.join(alice), world.join(claude), world.join(mallory)]
  bob.open({ cursor: 1 })
  await settle()
  bob.setTitle(id, 'two')
  watcher.open()
  attacker.open()
  await world.clock.advance(200)
  const { clientID } = bob.doc
  const spoof = (clock: number, state: unknown) =>
    attacker.wire.send(
      encodeFrame({ type: 'awareness', entries: [{ client: clientID, clock, state: JSON.stringify(state) }] }),
    )
  spoof(5, { user: { name: 'alice' }, cursor: 99 })
  spoof(2 ** 40, { cursor: 99 })
  spoof(6, null)
  await world.clock.advance(200)
  expect(world.room.presence()).toContainEqual({ actor: alice, client: clientID })
  // Also when its owner has left: who has written under an id keeps it.
  bob.wire.close(1000, '')
  await world.clock.advance(61_000)
  const late = world.join(mallory)
  late.wire.send(
    encodeFrame({ type: 'awareness', entries: [{ client: clientID, clock: 2 ** 30, state: '{"cursor":1}' }] }),
  )
  await world.clock.advance(200)
  expect(world.room.presence().map(({ client }) => client)).not.toContain(clientID)
  const told = watcher.got.flatMap((frame) => (frame.type === 'awareness' ? frame.entries : []))
  expect(told.filter(({ client, state }) => client === clientID && state.includes('99'))).toEqual([])
  expect(told.filter(({ clock }) => clock > 1000)).toEqual([])
})

test('[R4] a clock of awareness goes up step by step', async () => {
  const world = openRoom()
  const client = world.join(mallory)
  const show = (clock: number) =>
    client.wire.send(encodeFrame({ type: 'awareness', entries: [{ client: 7, clock, state: '{}' }] }))
  show(500_000)
  show(500_900)
  await settle()
  expect(client.ended).toEqual([])
  show(502_000)
  await settle()
  expect(client.ended).toEqual([[4400, expect.stringContaining('goes up by one')]])
})

test('[R4] however often a cursor moves, others are told twenty times a second', async () => {
  const world = openRoom()
  const [mover, watcher] = [world.join(mallory), world.join(alice)]
  mover.open()
  watcher.open()
  await world.clock.advance(1_000)
  const before = watcher.got.length
  for (let i = 2; i < 1002; i++) {
    mover.wire.send(
      encodeFrame({ type: 'awareness', entries: [{ client: mover.doc.clientID, clock: i, state: `{"at":${i}}` }] }),
    )
    if (i % 10 === 0) await world.clock.advance(10)
  }
  await world.clock.advance(100)
  const told = watcher.got.slice(before).filter((frame) => frame.type === 'awareness')
  expect(told.length).toBeLessThan(30)
  expect(told.at(-1)).toMatchObject({ entries: [{ state: expect.stringContaining('1001') }] })
})

test('[R5] a paused consumer under load: what waits for it does not grow with what happens', async () => {
  const world = openRoom()
  const [paused, writer] = [world.join(mallory), world.join(alice)]
  paused.open()
  writer.open()
  await settle()
  paused.line.stall(paused.wire)
  let most = 0
  const text = writer.doc.getText('notes')
  for (let i = 0; i < 150; i++) {
    text.delete(0, text.length)
    text.insert(0, 'x'.repeat(100_000))
    const cursor = { client: writer.doc.clientID, clock: i + 2, state: `{"pad":"${'y'.repeat(3000)}"}` }
    writer.wire.send(encodeFrame({ type: 'awareness', entries: [cursor] }))
    await world.clock.advance(60)
    most = Math.max(most, paused.line.ends[1].bufferedBytes)
  }
  // 15 MB were written.
  expect(most).toBeLessThan(2_000_000)
  paused.line.resume()
  await world.clock.advance(2_000)
  expect(paused.doc.getText('notes').length).toBe(100_000)
  expect(paused.ended).toEqual([])
})

test('[R6] ten thousand questions about who is here, and what is here, get a few answers', async () => {
  const world = openRoom()
  for (let i = 0; i < 5; i++) await world.add(`t${i}`, 'x'.repeat(10_000))
  const client = world.join(mallory)
  await settle()
  const before = client.got.length
  for (let i = 0; i < 5_000; i++) {
    client.wire.send(encodeFrame({ type: 'queryAwareness' }))
    client.wire.send(encodeFrame({ type: 'step1', stateVector: Uint8Array.of(0) }))
    if (i % 100 === 0) await settle(2)
  }
  await world.clock.advance(1_000)
  expect(client.got.length - before).toBeLessThan(30)
  expect(client.ended).toEqual([])
})

test('[R6] who does not read gets no answers queued, however much it asks', async () => {
  const world = openRoom()
  await world.add('large', 'x'.repeat(700_000))
  const client = world.join(mallory)
  client.open()
  await settle()
  client.line.stall(client.wire)
  for (let i = 0; i < 200; i++) {
    client.wire.send(encodeFrame({ type: 'step1', stateVector: Uint8Array.of(0) }))
    client.wire.send(encodeFrame({ type: 'queryAwareness' }))
    await world.clock.advance(2_000)
    if (client.ended.length > 0) break
  }
  expect(client.line.ends[1].bufferedBytes).toBeLessThan(3_000_000)
})

test('[R6] after a restart everybody comes at once, and a few at a time are sent all', async () => {
  const world = openRoom()
  await world.add('large', 'x'.repeat(300_000))
  const clients = Array.from({ length: 30 }, (_, i) => world.join(i < 28 ? mallory : alice))
  for (const { line, wire } of clients) line.stall(wire)
  for (const client of clients) client.open()
  await settle(100)
  const beingSent = clients.filter(({ line }) => line.ends[1].bufferedBytes > 300_000)
  // However many one actor has, somebody else's turn comes.
  expect(beingSent.map((client) => clients.indexOf(client))).toEqual([0, 1, 2, 28])
  for (const { line } of clients) line.resume()
  await world.clock.advance(10_000)
  expect(clients.every(({ doc }) => doc.getMap('tasks').size === 1)).toBe(true)
})

test('[R7] who sends more than is taken in is read more slowly, is named, and loses nothing', async () => {
  const world = openRoom()
  const client = world.join(mallory)
  client.open()
  await settle()
  const text = client.doc.getText('notes')
  const mega = 'x'.repeat(1 << 20)
  for (let i = 0; i < 40; i++) {
    text.delete(0, text.length)
    text.insert(0, `${i} ${mega}`)
  }
  await settle(200)
  const rowsOf = () => world.project.rowsSince({}, 1000).length
  const early = rowsOf()
  expect(world.conduct.flooding()).toMatchObject([{ actor: 'mallory' }])
  // Others are not held up meanwhile.
  const honest = world.join(alice)
  honest.open()
  honest.doc.getText('other').insert(0, 'honest')
  await settle()
  expect(rowsOf()).toBe(early + 1)
  await world.clock.advance(60_000)
  expect(rowsOf()).toBeGreaterThan(early + 1)
  expect(honest.doc.getText('notes').toString().startsWith('39 ')).toBe(true)
  await world.clock.advance(120_000)
  expect(world.conduct.flooding()).toEqual([])
})

test('[R7] an actor gets no more by many connections', async () => {
  const world = openRoom()
  const all = Array.from({ length: 257 }, () => world.join(mallory, 'reader'))
  await settle()
  expect(all.at(-1)?.ended).toEqual([[1013, expect.stringContaining('too many connections of mallory')]])
  const honest = world.join(alice)
  await settle()
  expect(honest.ended).toEqual([])
})

test('[R7] while the project is busy no more is read of a client than fits its inbox', async () => {
  const world = openRoom()
  const id = await world.add('one')
  const client = world.join(mallory)
  client.open()
  await settle()
  for (let i = 0; i < 5_000; i++) client.setTitle(id, `title ${i}`)
  await settle(50)
  expect(world.project.read(task, id)?.values.title).toBe('title 4999')
})

test('[R12] whatever bytes one sends, the others and the daemon go on, and who sent them is named', async () => {
  const world = openRoom()
  const id = await world.add('one', 'text')
  const honest = world.join(alice)
  honest.open()
  await settle()
  const bad: readonly Uint8Array[] = [
    Uint8Array.of(),
    Uint8Array.of(99),
    Uint8Array.of(0, 2, 200),
    Uint8Array.of(0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
    Uint8Array.of(1, 3, 255, 255, 3),
    Uint8Array.of(111, 0, 1, 255),
    Uint8Array.of(2, 9),
    new Uint8Array(1000).fill(255),
  ]
  const codes: unknown[] = []
  for (const bytes of bad) {
    const attacker = world.join(mallory, 'writer')
    attacker.wire.send(bytes)
    await settle()
    codes.push(attacker.ended[0]?.[0])
  }
  expect(codes).toEqual(bad.map(() => 4400))
  expect(world.conduct.refusals()).toMatchObject([{ actor: 'mallory', code: 4400 }])
  honest.setTitle(id, 'two')
  await settle()
  expect(world.project.read(task, id)?.values).toMatchObject({ title: 'two', body: 'text' })
  expect(Y.encodeStateAsUpdate(honest.doc)).toEqual(world.project.encodeState())
})
