import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Actor } from '../../src/model/actor.ts'
import { task } from '../../src/model/kinds/task.ts'
import { encodeFrame } from '../../src/peers/frames.ts'
import { settle } from '../helpers/clock.ts'
import { alice, byAlice } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { type createClient, openRoom } from '../peers/open-room.ts'

const mallory: Actor = { name: 'mallory', type: 'agent', verified: true }
const UPDATES = Number(process.env.ORCH_HOSTILE_UPDATES ?? 2000)
const SEED = Number(process.env.ORCH_HOSTILE_SEED ?? 1)
/** A document grows with what is let in: after so many, another world. */
const PER_WORLD = 2000
const ATTACKERS = 20
const NESTED = ['body', 'labels', 'life', 'front', 'extra']

/** A room with somebody honest in it, and with others who send `count` messages, mutated or made to harm. */
async function play(seed: number, count: number): Promise<Readonly<Record<string, number>>> {
  const random = createRandom(seed)
  const below = (limit: number): number => random(4).reduce((value, byte) => value * 256 + byte, 0) % limit
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T
  const world = openRoom()
  const { project } = world
  const ids: string[] = []
  for (let i = 0; i < 5; i++) {
    const values = { title: `T${i}`, body: `text of ${i}`, labels: ['x'] }
    ids.push(await project.transact(byAlice, (tx) => tx.create(task, values)))
  }
  const [own = 0] = Y.decodeStateVector(project.encodeStateVector()).keys()
  const honest = world.join(alice)
  honest.open({ cursor: 1 })
  await settle()
  const { clientID } = honest.doc
  const notes = honest.doc.getText('notes')
  let written = ''

  const load = (doc = new Y.Doc()): Y.Doc => {
    Y.applyUpdate(doc, project.encodeState())
    return doc
  }
  const kept = () => {
    const doc = load()
    expect([doc.store.pendingStructs, doc.store.pendingDs]).toEqual([null, null])
    const records = doc.getMap<Y.Map<unknown>>('tasks')
    return {
      clients: doc.getMap('clients').toJSON(),
      arbiter: doc.getMap('arbiter').toJSON(),
      nested: ids.map((id) => NESTED.map((key) => records.get(id)?.get(key) instanceof Y.AbstractType)),
      notes: doc.getText('notes').toString(),
    }
  }
  const before = kept()

  const attackers = Array.from({ length: ATTACKERS }, (_, i) => 1 + 7919 * (i + 1))
  const connections = new Map<number, ReturnType<typeof createClient>>()
  const lineOf = (attacker: number) => {
    const open = connections.get(attacker)
    if (open && open.ended.length === 0) return open
    const line = world.join(mallory, 'writer')
    connections.set(attacker, line)
    return line
  }
  /** What an edit of one who has everything sends. */
  const sent = (attacker: number, edit: (doc: Y.Doc) => void): Uint8Array => {
    const doc = new Y.Doc()
    load(doc)
    doc.clientID = attacker
    const sv = Y.encodeStateVector(doc)
    doc.transact(() => edit(doc))
    return Uint8Array.from(Y.encodeStateAsUpdate(doc, sv))
  }
  const recordIn = (doc: Y.Doc) => doc.getMap<Y.Map<unknown>>('tasks').get(pick(ids)) as Y.Map<unknown>
  const harmless = (doc: Y.Doc): void => {
    const record = recordIn(doc)
    const body = record.get('body')
    if (body instanceof Y.Text) {
      body.insert(below(body.length + 1), 'word ')
      body.delete(0, Math.min(3, body.length))
    }
    record.set('priority', below(2) ? 'high' : { nested: [1] })
  }
  const mutated = (bytes: Uint8Array): Uint8Array => {
    for (let n = 1 + below(3); n > 0; n--) bytes[below(bytes.length)] = below(256)
    return below(5) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes
  }
  const update = (bytes: Uint8Array): Uint8Array => encodeFrame({ type: below(2) ? 'update' : 'step2', update: bytes })
  const shown = (client: number, clock: number, state: string): Uint8Array =>
    encodeFrame({ type: 'awareness', entries: [{ client, clock, state }] })

  /** Made to harm, each by what it would do. */
  const attacks: Readonly<Record<string, (attacker: number) => Uint8Array>> = {
    'clock hijack': () => update(structs(clientID, honestClock(), 1 + below(100_000))),
    'hijack of the daemon': () => update(structs(own, 1_000 + below(1_000), 50)),
    'foreign clientID': () => update(sent(clientID, (doc) => doc.getText('notes').insert(0, 'forged '))),
    'bogus delete': () => update(deletes(5 + below(9), 1_000, 1_000)),
    'delete of the future of somebody': () => update(deletes(clientID, honestClock() + 10, 100)),
    'pending blow-up': (attacker) => update(structs(attacker, 1_000_000 + below(1_000_000), 1)),
    'awareness spoof': () => shown(clientID, 1_000 + below(1_000), '{"user":{"name":"alice"},"cursor":666}'),
    'awareness eviction': () => shown(clientID, 2 ** 40, 'null'),
    'a record removed': (attacker) => update(sent(attacker, (doc) => doc.getMap('tasks').delete(pick(ids)))),
    'a record replaced': (attacker) => update(sent(attacker, (doc) => doc.getMap('tasks').set(pick(ids), new Y.Map()))),
    'a text removed': (attacker) => update(sent(attacker, (doc) => recordIn(doc).delete(pick(NESTED)))),
    'a text replaced': (attacker) => update(sent(attacker, (doc) => recordIn(doc).set(pick(NESTED), new Y.Text()))),
    'a text replaced by a value': (attacker) => update(sent(attacker, (doc) => recordIn(doc).set(pick(NESTED), 'x'))),
    'authorship rewritten': (attacker) =>
      update(sent(attacker, (doc) => doc.getMap('clients').set(String(clientID), { actor: 'mallory' }))),
    'claims taken over': (attacker) => update(sent(attacker, (doc) => doc.getMap('arbiter').set('replica', 'mine'))),
    'a value nested too deep': (attacker) => update(sent(attacker, (doc) => doc.getMap('state').set('deep', nest(50)))),
    'rows of others': () => encodeFrame({ type: 'rows', rows: [] }),
    'questions without end': () => encodeFrame({ type: 'queryAwareness' }),
  }
  const honestClock = (): number => Y.getState(honest.doc.store, clientID)

  const counts: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const attacker = pick(attackers)
    const kind = below(10)
    const name = pick(Object.keys(attacks))
    const frame =
      kind < 6
        ? update(mutated(sent(attacker, harmless)))
        : kind < 8
          ? (attacks[name]?.(attacker) ?? Uint8Array.of())
          : // A deletion of what is there is what a writer may do; mutated ones of these would be that.
            mutated(
              kind === 8 || name.includes('delete')
                ? update(sent(attacker, harmless))
                : (attacks[name]?.(attacker) ?? Uint8Array.of(0)),
            )
    const line = lineOf(attacker)
    line.wire.send(frame)
    if (below(20) === 0) {
      const word = `h${i} `
      notes.insert(notes.length, word)
      written += word
    }
    await settle(5)
    const outcome = `${line.ended[0]?.[0] ?? 'open'}`
    counts[outcome] = (counts[outcome] ?? 0) + 1
    if (i % 100 === 99) {
      await world.clock.advance(1_000)
      await project.discardParked('mallory')
      expect(honest.ended, `after ${i}`).toEqual([])
      expect(kept(), `after ${i}`).toEqual({ ...before, notes: written })
      expect(Y.encodeStateAsUpdate(honest.doc), `after ${i}`).toEqual(project.encodeState())
      const told = honest.got.splice(0).flatMap((got) => (got.type === 'awareness' ? got.entries : []))
      expect(told.filter(({ client, state }) => client === clientID && /666|null/.test(state))).toEqual([])
    }
  }
  // Everybody goes on, and what is on disk is what is shown.
  const first = ids[0] as never
  await project.transact(byAlice, (tx) => tx.update(task, first, { set: { title: 'still alice' } }))
  expect(project.read(task, first)?.values.title).toBe('still alice')
  expect(world.conduct.refusals().some(({ actor }) => actor === 'mallory')).toBe(true)
  expect(world.reopen().project.encodeState()).toEqual(project.encodeState())
  world.room.stop()
  return counts
}

test(`[R1] [R12] [P2] ${UPDATES} mutated and hand-made hostile updates and frames (seed ${SEED}): none crashes it, none takes from anybody`, async () => {
  const counts: Record<string, number> = {}
  for (let from = 0; from < UPDATES; from += PER_WORLD) {
    const played = await play(SEED * 1_000 + from / PER_WORLD, Math.min(PER_WORLD, UPDATES - from))
    for (const [outcome, n] of Object.entries(played)) counts[outcome] = (counts[outcome] ?? 0) + n
    if (UPDATES > PER_WORLD) process.stdout.write(`${from + PER_WORLD}: ${JSON.stringify(counts)}\n`)
  }
  // Let in or kept; malformed; forbidden. Never a mistake of ours.
  expect(Object.keys(counts)).toEqual(expect.arrayContaining(['open', '4400', '4403']))
  expect(counts).not.toHaveProperty('1011')
}, 14_400_000)

function varint(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) bytes.push(128 | (left & 127))
  bytes.push(left)
  return bytes
}

/** An update of one collected struct: so many clocks of a clientID. */
function structs(client: number, clock: number, length: number): Uint8Array {
  return Uint8Array.from([1, 1, ...varint(client), ...varint(clock), 0, ...varint(length), 0])
}

/** An update of nothing but one deletion. */
function deletes(client: number, clock: number, length: number): Uint8Array {
  return Uint8Array.from([0, 1, ...varint(client), 1, ...varint(clock), ...varint(length)])
}

function nest(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = { in: value }
  return value
}
