import * as Y from 'yjs'
import { silentLogger } from '../../src/base/log.ts'
import type { Actor } from '../../src/model/actor.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Role } from '../../src/model/principal.ts'
import { createConduct } from '../../src/peers/conduct.ts'
import { type Decoded, decodeFrame, encodeFrame } from '../../src/peers/frames.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRoom, type RoomParts } from '../../src/peers/room.ts'
import { createTestClock } from '../helpers/clock.ts'
import { alice, byAlice, createTestProject, principalOf } from '../helpers/project.ts'
import { createMemoryLine, type MemoryLine } from '../memory/wire.ts'

/** A room on lines in memory, and a clock that stands still. */
export function openRoom(options: Pick<RoomParts, 'maxWires' | 'onPresence'> = {}) {
  const clock = createTestClock()
  const opened = createTestProject({ clock })
  const { project, database } = opened
  const peering = createPeering({
    project,
    instance: 'n-1',
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    onTwin: () => undefined,
    log: silentLogger,
  })
  const conduct = createConduct(clock)
  const room = createRoom({ peering, clock, log: silentLogger, conduct, ...options })
  return {
    conduct,
    hello: peering.hello,
    clock,
    project,
    database,
    /** Opens the same database again, as after a crash. */
    reopen: opened.reopen,
    room,
    add: (title: string, body = '') => project.transact(byAlice, (tx) => tx.create(task, { title, body })),
    join(actor: Actor = alice, role?: Role) {
      const line = createMemoryLine({ clock })
      const client = createClient(line)
      room.join(line.ends[1], principalOf(actor, role))
      return client
    },
  }
}

/** A stock client as y-websocket's provider behaves: its own document, every local change sent at once. */
export function createClient(line: MemoryLine, doc = new Y.Doc()) {
  const [wire] = line.ends
  const got: Decoded[] = []
  const ended: (readonly [number, string])[] = []
  wire.onFrame((bytes) => {
    const frame = decodeFrame(bytes)
    got.push(frame)
    if (frame.type === 'step1')
      wire.send(encodeFrame({ type: 'step2', update: Y.encodeStateAsUpdate(doc, frame.stateVector) }))
    if (frame.type === 'step2' || frame.type === 'update') Y.applyUpdate(doc, frame.update, 'server')
  })
  wire.onClose((code, reason) => ended.push([code, reason]))
  return {
    line,
    wire,
    doc,
    got,
    ended,
    /** Asks for what it lacks and shows itself, as a provider does when it opens. */
    open(state: unknown = {}) {
      wire.send(encodeFrame({ type: 'step1', stateVector: Y.encodeStateVector(doc) }))
      wire.send(
        encodeFrame({ type: 'awareness', entries: [{ client: doc.clientID, clock: 1, state: JSON.stringify(state) }] }),
      )
      doc.on('update', (update, origin) => {
        if (origin !== 'server') wire.send(encodeFrame({ type: 'update', update }))
      })
    },
    types: () => got.map(({ type }) => type),
    title: (id: string) => doc.getMap<Y.Map<unknown>>('tasks').get(id)?.get('title'),
    setTitle: (id: string, title: string) => doc.getMap<Y.Map<unknown>>('tasks').get(id)?.set('title', title),
  }
}
