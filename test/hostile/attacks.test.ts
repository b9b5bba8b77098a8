import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import * as Y from 'yjs'
import type { Actor } from '../../src/model/actor.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { openDatabase } from '../../src/store/database.ts'
import { alice, byAlice, createTestProject, type TestProject } from '../helpers/project.ts'
import { withFaults } from '../memory/database.ts'

const mallory: Actor = { name: 'mallory', type: 'agent', verified: true }
const bob: Actor = { name: 'bob', type: 'person', verified: true }
const by = (actor: Actor) => ({ source: 'room', actor }) as const

/** A stock client that has all of a project; `sent` is what its edits send. */
function clientOf({ project }: TestProject, id?: number) {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, project.encodeState())
  if (id !== undefined) doc.clientID = id
  const sent = (edit: () => void): Uint8Array => {
    const before = Y.encodeStateVector(doc)
    doc.transact(edit)
    return Y.encodeStateAsUpdate(doc, before)
  }
  const record = (of: string) => doc.getMap('tasks').get(of) as Y.Map<unknown>
  return { doc, sent, record, body: (of: string) => record(of).get('body') as Y.Text }
}

const withTask = (test: TestProject) =>
  test.project.transact(byAlice, (tx) => tx.create(task, { title: 'A', body: 'one two' }))
const bodyOf = ({ project }: TestProject, id: RecordId) => project.read(task, id)?.values.body

/** GC structs of a clientID from a clock on: 13 bytes that occupy somebody's future. */
function hijack(client: number, clock: number, length: number): Uint8Array {
  const bytes: number[] = [1, 1]
  const write = (value: number) => {
    let left = value
    for (; left > 127; left = Math.floor(left / 128)) bytes.push(128 | (left & 127))
    bytes.push(left)
  }
  write(client)
  write(clock)
  bytes.push(0)
  write(length)
  bytes.push(0)
  return Uint8Array.from(bytes)
}

test('[R1] [P2] clock hijack: nobody takes the future clocks of somebody else, whose edits go on arriving', async () => {
  const world = createTestProject()
  const id = await withTask(world)
  const honest = clientOf(world, 1001)
  await world.project.applyUpdate(
    honest.sent(() => honest.body(id).insert(0, 'zero ')),
    by(bob),
  )
  const attack = hijack(1001, 5, 1000)
  expect(attack.length).toBeLessThan(14)
  expect(await world.project.applyUpdate(attack, by(mallory))).toBe('foreign')
  expect(
    await world.project.applyUpdate(
      honest.sent(() => honest.body(id).insert(0, 'minus ')),
      by(bob),
    ),
  ).toBe('applied')
  expect(bodyOf(world, id)).toBe('minus zero one two')
})

test('[R1] [P2] clock hijack of one who has not written yet, but shows himself', async () => {
  const world = createTestProject()
  const id = await withTask(world)
  const here = (client: number) => (client === 1001 ? 'bob' : undefined)
  expect(await world.project.applyUpdate(hijack(1001, 0, 1000), by(mallory), here)).toBe('foreign')
  const honest = clientOf(world, 1001)
  const edit = honest.sent(() => honest.body(id).insert(0, 'zero '))
  expect(await world.project.applyUpdate(edit, by(bob), here)).toBe('applied')
  expect(bodyOf(world, id)).toBe('zero one two')
})

test("[R1] [P2] foreign clientID: who writes under this replica's own id is refused", async () => {
  const world = createTestProject()
  const { project } = world
  const id = await withTask(world)
  const [own = 0] = Y.decodeStateVector(project.encodeStateVector()).keys()
  const attacker = clientOf(world, own)
  const edit = attacker.sent(() => attacker.record(id).set('title', 'mine'))
  await expect(project.applyUpdate(edit, by(mallory))).rejects.toMatchObject({ code: 'forbidden' })
  await expect(
    project.applyUpdate(hijack(own, Y.getState(attacker.doc.store, own), 9), by(mallory)),
  ).rejects.toMatchObject({ code: expect.stringMatching(/forbidden/) })
  await project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'B' } }))
  expect(project.read(task, id)?.values.title).toBe('B')
  expect(project.parked()).toEqual([])
})

test('[R1] [P2] an id that somebody else has written under waits, is named by who brought it, and can be let in or forgotten', async () => {
  const noted: string[] = []
  const world = createTestProject({ noteParked: ({ actor, count }) => noted.push(`${actor} ${count}`) })
  const { project } = world
  const id = await withTask(world)
  const honest = clientOf(world, 1001)
  await project.applyUpdate(
    honest.sent(() => honest.body(id).insert(0, 'zero ')),
    by(bob),
  )
  const carried = honest.sent(() => honest.body(id).insert(0, 'minus '))
  expect(await project.applyUpdate(carried, by(alice))).toBe('foreign')
  expect(bodyOf(world, id)).toBe('zero one two')
  expect(project.parked()).toMatchObject([{ actor: 'alice', count: 1, reasons: ['foreign'] }])
  expect(noted).toEqual(['alice 1'])
  // The same once more, as after each reconnection, is kept once.
  expect(await project.applyUpdate(Y.encodeStateAsUpdate(honest.doc), by(alice))).toBe('foreign')
  expect(await project.applyUpdate(carried, by(alice))).toBe('foreign')
  expect(project.parked()).toMatchObject([{ count: 1 }])
  expect(await project.acceptParked('alice')).toBe(1)
  expect(bodyOf(world, id)).toBe('minus zero one two')
  expect(project.parked()).toEqual([])
  expect(noted.at(-1)).toBe('alice 0')
  await project.applyUpdate(hijack(1001, Y.getState(honest.doc.store, 1001), 9), by(mallory))
  expect(await project.discardParked('mallory')).toBe(1)
  expect(project.parked()).toEqual([])
})

test('[R1] [P2] what waits for something comes in by itself when that comes, also after a restart', async () => {
  const world = createTestProject()
  const id = await withTask(world)
  const client = clientOf(world)
  const first = client.sent(() => client.body(id).insert(0, 'zero '))
  const second = client.sent(() => client.body(id).insert(0, 'minus '))
  expect(await world.project.applyUpdate(second, by(bob))).toBe('missing')
  const again = world.reopen()
  expect(again.project.parked()).toMatchObject([{ actor: 'bob', count: 1, reasons: ['missing'] }])
  expect(await again.project.applyUpdate(first, by(bob))).toBe('applied')
  await again.project.idle()
  expect(bodyOf(again, id)).toBe('minus zero one two')
  expect(again.project.parked()).toEqual([])
  expect(again.project.read(task, id)?.updatedBy).toBe('bob')
})

test('[R1] [P2] what waits is looked at again after the disk failed before its turn came', async () => {
  const world = createTestProject()
  const { project, database } = world
  const id = await withTask(world)
  const client = clientOf(world)
  const first = client.sent(() => client.body(id).insert(0, 'zero '))
  const second = client.sent(() => client.body(id).insert(0, 'minus '))
  expect(await project.applyUpdate(second, by(bob))).toBe('missing')
  const touch = () => project.transact(byAlice, (tx) => tx.update(task, id, { add: { labels: ['api'] } }))
  let refused: Promise<unknown> | undefined
  const off = project.onCommit(() => {
    off()
    database.failAt(1, 1)
    refused = touch().catch((error: unknown) => error)
  })
  expect(await project.applyUpdate(first, by(bob))).toBe('applied')
  expect(await refused).toMatchObject({ code: 'storage_failed' })
  expect(bodyOf(world, id)).toBe('zero one two')
  await touch()
  await project.idle()
  expect(bodyOf(world, id)).toBe('minus zero one two')
})

test('[R1] [P2] a client that roams brings what another replica wrote: its own edits are in at once, the rest with the rows', async () => {
  const [here, there] = [createTestProject({ seed: 1 }), createTestProject({ seed: 2 })]
  const id = await withTask(here)
  there.project.adopt({ id: here.project.id, name: here.project.name })
  await there.project.applyRows(here.project.rowsSince({}, 100), { source: 'peer', peer: 'here' })
  const roaming = clientOf(there)
  const other = await there.project.transact(byAlice, (tx) => tx.create(task, { title: 'only there' }))
  Y.applyUpdate(roaming.doc, there.project.encodeState())
  roaming.sent(() => roaming.body(id).insert(0, 'roaming '))
  expect(await here.project.applyUpdate(Y.encodeStateAsUpdate(roaming.doc), by(bob))).toBe('foreign')
  expect(bodyOf(here, id)).toBe('roaming one two')
  expect(here.project.read(task, other)).toBeUndefined()
  await here.project.applyRows(there.project.rowsSince(here.project.have(), 100), { source: 'peer', peer: 'there' })
  await here.project.idle()
  expect(here.project.read(task, other)?.values.title).toBe('only there')
  expect(here.project.parked()).toEqual([])
  await there.project.applyRows(here.project.rowsSince(there.project.have(), 100), { source: 'peer', peer: 'here' })
  expect([...there.project.encodeState()]).toEqual([...here.project.encodeState()])
})

test('[R1] [P2] a server restored from an older backup: what clients still have arrives, or is shown as waiting', async () => {
  const world = createTestProject()
  const { project } = world
  const id = await withTask(world)
  const dir = mkdtempSync(join(tmpdir(), 'orch-backup-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  world.database.exec(`VACUUM INTO '${join(dir, 'backup.db')}'`)
  const client = clientOf(world)
  await project.applyUpdate(
    client.sent(() => client.body(id).insert(0, 'saved ')),
    by(bob),
  )
  const lost = await project.transact(byAlice, (tx) => tx.create(task, { title: 'after the backup' }))
  Y.applyUpdate(client.doc, project.encodeState())
  client.sent(() => client.body(id).insert(0, 'offline '))
  client.sent(() => (client.record(lost).get('body') as Y.Text).insert(0, 'on what is lost'))

  const restored = createTestProject({
    database: withFaults(openDatabase(join(dir, 'backup.db'))),
    seed: 77,
    inode: '2',
  })
  expect(bodyOf(restored, id)).toBe('one two')
  expect(await restored.project.applyUpdate(Y.encodeStateAsUpdate(client.doc), by(bob))).toBe('foreign')
  expect(restored.project.parked()).toMatchObject([{ actor: 'bob', count: 1 }])
  await restored.project.acceptParked('bob')
  expect(bodyOf(restored, id)).toBe('offline saved one two')
  expect(restored.project.read(task, lost)?.values).toMatchObject({
    title: 'after the backup',
    body: 'on what is lost',
  })
  expect(restored.project.parked()).toEqual([])
})

/** An update of one item, a character in the text `x`, that says what it stands after. */
function after(client: number, clock: number, origin: readonly [client: number, clock: number]): Uint8Array {
  return Uint8Array.from([1, 1, client, clock, 0x84, ...origin, 1, 0x61, 0])
}

test('[R1] [R12] what builds on itself, or in a circle on one another, is refused for good, and nothing of it is here', async () => {
  const world = createTestProject()
  const { project } = world
  const id = await withTask(world)
  const before = project.encodeState()
  await expect(project.applyUpdate(after(5, 0, [5, 0]), by(mallory))).rejects.toMatchObject({
    code: 'update_malformed',
  })
  // Of two clients, each stands after the other.
  const circle = Uint8Array.from([2, 1, 6, 0, 0x84, 5, 0, 1, 0x61, 1, 5, 0, 0x84, 6, 0, 1, 0x61, 0])
  expect(Y.decodeUpdate(circle).structs).toHaveLength(2)
  await expect(project.applyUpdate(circle, by(mallory))).rejects.toMatchObject({ code: 'update_malformed' })
  expect(project.encodeState()).toEqual(before)
  // One that waits for something first, and turns out to be a circle when that comes, stands in nobody's way.
  const first = clientOf(world, 9)
  const other = first.sent(() => first.doc.getText('x').insert(0, '!'))
  const waiting = Uint8Array.from([3, 1, 10, 0, 0x84, 9, 0, 1, 0x61, ...circle.subarray(1)])
  expect(await project.applyUpdate(waiting, by(mallory))).toBe('missing')
  expect(await project.applyUpdate(other, by(bob))).toBe('applied')
  await project.idle()
  const honest = clientOf(world)
  const edit = honest.sent(() => honest.body(id).insert(0, 'zero '))
  expect(await project.applyUpdate(edit, by(bob))).toBe('applied')
  await project.idle()
  expect(project.parked()).toMatchObject([{ actor: 'mallory', count: 1 }])
  expect(
    await project.applyUpdate(
      honest.sent(() => honest.body(id).insert(0, '')),
      by(bob),
    ),
  ).toBe('applied')
  await project.idle()
  expect(bodyOf(world, id)).toBe('zero one two')
})

test('[R1] [P2] bogus delete: deletions of what is not there never reach the document', async () => {
  const world = createTestProject()
  const { project } = world
  await withTask(world)
  const before = project.encodeState()
  // No structs; of the client 5, clocks 1000 to 2000 are deleted.
  const bogus = Uint8Array.from([0, 1, 5, 1, 232, 7, 232, 7])
  expect(Y.decodeUpdate(bogus).ds.clients.get(5)).toMatchObject([{ clock: 1000, len: 1000 }])
  expect(await project.applyUpdate(bogus, by(mallory))).toBe('missing')
  expect(project.encodeState()).toEqual(before)
})

test('[R1] [R2] pending blow-up: what waits of one is bounded, and nothing of it is in the document', async () => {
  const world = createTestProject()
  const { project } = world
  await withTask(world)
  const before = project.encodeState()
  const client = clientOf(world)
  client.sent(() => client.doc.getText('x').insert(0, '!'))
  let refused: unknown
  for (let i = 0; i < 40 && refused === undefined; i++) {
    const update = client.sent(() => client.doc.getText('x').insert(i, `${i}`.repeat(1_000_000)))
    await project.applyUpdate(update, by(mallory)).catch((error: unknown) => {
      refused = error
    })
  }
  expect(refused).toMatchObject({ code: 'too_large' })
  expect(project.parked()[0]?.bytes).toBeLessThan(17 << 20)
  expect(project.encodeState()).toEqual(before)
  // Nobody else suffers.
  const honest = clientOf(world)
  expect(
    await project.applyUpdate(
      honest.sent(() => honest.doc.getText('y').insert(0, 'y')),
      by(bob),
    ),
  ).toBe('applied')
})

test('[R1] [R2] pending blow-up: of changes that wait for many things, two hundred are kept', async () => {
  const world = createTestProject()
  const { project } = world
  await withTask(world)
  let refused: unknown
  for (let i = 0; i < 250 && refused === undefined; i++) {
    await project.applyUpdate(hijack(50_000 + i, 9, 1), by(mallory)).catch((error: unknown) => {
      refused = error
    })
  }
  expect(refused).toMatchObject({ code: 'too_large' })
  expect(project.parked()).toMatchObject([{ count: 200 }])
})

test('[R1] [P2] who goes on typing after something that is missing loses no key, and all is in when it comes', async () => {
  const world = createTestProject()
  const { project } = world
  const id = await withTask(world)
  const client = clientOf(world)
  const missing = client.sent(() => client.body(id).insert(0, 'first '))
  const typed = 'x'.repeat(700)
  for (const key of typed) {
    const update = client.sent(() => client.body(id).insert(client.body(id).length, key))
    expect(await project.applyUpdate(update, by(bob))).toBe('missing')
  }
  expect(bodyOf(world, id)).toBe('one two')
  const again = world.reopen()
  expect(again.project.parked()).toMatchObject([{ actor: 'bob' }])
  expect(await again.project.applyUpdate(missing, by(bob))).toBe('applied')
  for (let i = 0; i < 100; i++) await again.project.idle().then(() => new Promise((resolve) => setImmediate(resolve)))
  expect(bodyOf(again, id)).toBe(`first one two${typed}`)
  expect(again.project.parked()).toEqual([])
})

test('[R1] [P2] what waits for nothing that can come keeps nobody else from coming in', async () => {
  const world = createTestProject()
  const { project } = world
  const id = await withTask(world)
  const client = clientOf(world)
  const first = client.sent(() => client.body(id).insert(0, 'zero '))
  const second = client.sent(() => client.body(id).insert(0, 'minus '))
  // Merged over a hole that is no hole here: it is in at once.
  const other = clientOf(world, 77)
  const parts = ['a', 'b', 'c'].map((key) => other.sent(() => other.doc.getText('x').insert(0, key)))
  await project.applyUpdate(parts[0] as Uint8Array, by(mallory))
  await project.applyUpdate(parts[1] as Uint8Array, by(mallory))
  const holed = Y.mergeUpdates([parts[0] as Uint8Array, parts[2] as Uint8Array])
  expect(await project.applyUpdate(holed, by(mallory))).toBe('applied')
  for (let i = 0; i < 40; i++) await project.applyUpdate(hijack(60_000 + i, 9, 1), by(mallory))
  expect(await project.applyUpdate(second, by(bob))).toBe('missing')
  expect(await project.applyUpdate(first, by(bob))).toBe('applied')
  await project.idle()
  expect(bodyOf(world, id)).toBe('minus zero one two')
})

test.each([
  ['values', (doc: Y.Doc) => doc.getMap('state').set('deep', nest(100))],
  ['types', (doc: Y.Doc) => nestTypes(doc.getMap('state'), 40)],
  ['keys', (doc: Y.Doc) => doc.getMap('state').set('k'.repeat(5000), 1)],
])('[R2] too deep or too long %s are refused', async (_, edit) => {
  const world = createTestProject()
  await withTask(world)
  const client = clientOf(world)
  const update = client.sent(() => edit(client.doc))
  await expect(world.project.applyUpdate(update, by(mallory))).rejects.toMatchObject({ code: 'forbidden' })
})

test('[R2] types that are nested a little deeper with each update are refused, too', async () => {
  const world = createTestProject()
  await withTask(world)
  const client = clientOf(world)
  let at: Y.Map<unknown> = client.doc.getMap('own')
  const outcomes: string[] = []
  for (let i = 0; i < 30; i++) {
    const next = new Y.Map<unknown>()
    const update = client.sent(() => at.set('in', next))
    at = next
    outcomes.push(await world.project.applyUpdate(update, by(mallory)).catch(({ code }) => code))
  }
  expect(outcomes.filter((outcome) => outcome === 'applied').length).toBeLessThan(20)
  expect(outcomes).toContain('forbidden')
})

function nest(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = { in: value }
  return value
}

function nestTypes(root: Y.Map<unknown>, depth: number): void {
  let at = root
  for (let i = 0; i < depth; i++) {
    const next = new Y.Map<unknown>()
    at.set('in', next)
    at = next
  }
}
