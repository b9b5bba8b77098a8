import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { OrchError } from '../../src/base/error.ts'
import type { Actor } from '../../src/model/actor.ts'
import { task } from '../../src/model/kinds/task.ts'
import { decodeFrame } from '../../src/peers/frames.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const mallory: Actor = { name: 'mallory', type: 'agent', verified: true }
const UPDATES = Number(process.env.ORCH_HOSTILE_UPDATES ?? 2000)
const SEED = Number(process.env.ORCH_HOSTILE_SEED ?? 1)

test(`[R1] [R12] [P2] ${UPDATES} mutated updates and frames (seed ${SEED}): none crashes it, none takes from anybody`, async () => {
  const random = createRandom(SEED)
  const below = (limit: number): number => random(4).reduce((value, byte) => value * 256 + byte, 0) % limit
  const world = createTestProject()
  const { project } = world
  const ids = await Promise.all(
    Array.from({ length: 5 }, (_, i) =>
      project.transact(byAlice, (tx) => tx.create(task, { title: `T${i}`, body: `text of ${i}`, labels: ['x'] })),
    ),
  )
  const clientsOf = () => {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, project.encodeState())
    expect([doc.store.pendingStructs, doc.store.pendingDs]).toEqual([null, null])
    const records = doc.getMap<Y.Map<unknown>>('tasks')
    const nested = ids.map((id) =>
      ['body', 'labels', 'life', 'front', 'extra'].map((key) => !!records.get(id)?.get(key)),
    )
    return { clients: doc.getMap('clients').toJSON(), nested }
  }
  const before = clientsOf()
  const counts: Record<string, number> = {}
  for (let i = 0; i < UPDATES; i++) {
    const doc = new Y.Doc()
    doc.clientID = 1 + below(2 ** 31)
    Y.applyUpdate(doc, project.encodeState())
    const sv = Y.encodeStateVector(doc)
    const record = doc.getMap<Y.Map<unknown>>('tasks').get(ids[below(ids.length)] ?? '')
    const body = record?.get('body') as Y.Text
    doc.transact(() => {
      body.insert(below(body.length + 1), 'word ')
      body.delete(0, Math.min(3, body.length))
      record?.set('priority', below(2) ? 'high' : { nested: [1] })
    })
    const bytes = Uint8Array.from(Y.encodeStateAsUpdate(doc, sv))
    for (let n = 1 + below(3); n > 0; n--) bytes[below(bytes.length)] = below(256)
    const update = below(5) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes
    decodeFrame(Uint8Array.from([0, 2, ...update]))
    const outcome = await project.applyUpdate(update, { source: 'room', actor: mallory }).catch((error: unknown) => {
      expect(error).toBeInstanceOf(OrchError)
      return (error as OrchError).code
    })
    counts[outcome] = (counts[outcome] ?? 0) + 1
    if (i % 100 === 99) await project.discardParked('mallory')
    if (i % 100 === 99) expect(clientsOf(), `after ${i}`).toEqual(before)
  }
  expect(Object.keys(counts)).toEqual(expect.arrayContaining(['applied', 'missing', 'update_malformed', 'forbidden']))
  expect(counts).not.toHaveProperty('internal')
  await project.transact(byAlice, (tx) => tx.update(task, ids[0] as never, { set: { title: 'still alice' } }))
  expect(project.read(task, ids[0] as never)?.values.title).toBe('still alice')
  expect(world.reopen().project.encodeState()).toEqual(project.encodeState())
}, 3_600_000)
