import { expect, test } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { task } from '../../src/model/kinds/task.ts'
import { type Decoded, decodeFrame, type Hello } from '../../src/peers/frames.ts'
import { createPeering, judge } from '../../src/peers/peering.ts'
import { createRowExchange } from '../../src/peers/row-exchange.ts'
import { createTestClock, settle } from '../helpers/clock.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'

const theirHello: Hello = {
  project: { id: 'j-1', name: 'demo' },
  replica: 'r-theirs',
  instance: 'n-theirs',
  pristine: false,
  have: {},
}

/** One side of a conversation; the other is played by the test. */
function side() {
  const clock = createTestClock()
  const { project } = createTestProject({ clock })
  const sent: Decoded[] = []
  const closed: (readonly [number, string])[] = []
  const peering = createPeering({
    project,
    instance: 'n-ours',
    pristine: () => false,
    adopt: () => undefined,
    onTwin: () => undefined,
    log: silentLogger,
  })
  const exchange = createRowExchange({
    peering,
    side: 'host',
    send: (frame) => sent.push(decodeFrame(frame)),
    close: (code, reason) => closed.push([code, reason]),
    clock,
    log: silentLogger,
    onLinked: () => undefined,
  })
  project.onCommit(() => exchange.poke())
  exchange.start()
  return {
    clock,
    project,
    exchange,
    sent,
    closed,
    hello: { type: 'hello', ...theirHello, project: { id: project.id, name: project.name } } as const,
    types: () => sent.map(({ type }) => type).filter((type) => type !== 'ping'),
    add: (title: string) => project.transact(byAlice, (tx) => tx.create(task, { title })),
  }
}

/** Rows of another replica of the same project. */
async function foreignRows() {
  const { project } = createTestProject({ seed: 2 })
  for (const title of ['x', 'y']) await project.transact(byAlice, (tx) => tx.create(task, { title }))
  return project.rowsSince({}, 10)
}

test('rows do not go back to where they came from; they are answered with what is held, durably', async () => {
  const { exchange, hello, project, types, sent } = side()
  const rows = await foreignRows()
  exchange.receive(hello)
  exchange.receive({ type: 'rows', rows })
  await settle()
  expect(types()).toEqual(['hello', 'have'])
  expect({ ...(sent.at(-1) as { have: object }).have }).toEqual({ [rows[0]?.replica ?? '']: 2 })
  expect(project.rowCount()).toBe(2)
})

test('one frame of rows is on its way at a time, and what is committed meanwhile is the next one', async () => {
  const { exchange, hello, types, sent, add, project } = side()
  exchange.receive(hello)
  await add('one')
  await add('two')
  await add('three')
  await settle()
  expect(types()).toEqual(['hello', 'rows'])
  exchange.receive({ type: 'have', have: { [project.replica]: 1 } })
  await settle()
  expect(sent.at(-1)).toMatchObject({ type: 'rows', rows: [{ seq: 2 }, { seq: 3 }] })
})

test('a peer that does not take the rows is offered them again after a while, not at once', async () => {
  const { exchange, hello, types, add, clock } = side()
  exchange.receive(hello)
  await add('one')
  await settle()
  exchange.receive({ type: 'have', have: {} })
  await clock.advance(4_000)
  expect(types()).toEqual(['hello', 'rows'])
  await clock.advance(2_000)
  expect(types()).toEqual(['hello', 'rows', 'rows'])
})

test('rows that build on missing ones are answered with what is held, so that the peer sends those', async () => {
  const { exchange, hello, types, closed, project } = side()
  const rows = await foreignRows()
  exchange.receive(hello)
  exchange.receive({ type: 'rows', rows: rows.slice(1) })
  await settle()
  expect([types(), closed, project.rowCount()]).toEqual([['hello', 'have'], [], 0])
  exchange.receive({ type: 'rows', rows })
  await settle()
  expect(project.rowCount()).toBe(2)
})

test.each([
  ['rows before the hello', [{ type: 'rows', rows: [] }], 4400],
  ['a second hello', ['hello', 'hello'], 4400],
  ['another version', [{ type: 'otherVersion', version: 2 }], 4426],
  ['a refusal of the peer', [{ type: 'refuse', code: 4409, reason: 'no' }], 4409],
  ['a flood', Array(100).fill({ type: 'ping' }), 4400],
] as const)('[P6] %s ends the conversation once', async (_, frames, code) => {
  const { exchange, hello, closed, types } = side()
  for (const frame of frames) exchange.receive(frame === 'hello' ? hello : (frame as never))
  await settle()
  expect(closed.map(([ended]) => ended)).toEqual([code])
  const before = types().length
  exchange.receive(hello)
  exchange.poke()
  await settle()
  expect(types()).toHaveLength(before)
})

const ours: Hello = { ...theirHello, replica: 'r-ours', instance: 'n-ours', have: { 'r-ours': 3 } }

test.each([
  ['the same project', {}, {}, 'go', 'go'],
  ['only ours is pristine', { pristine: true }, { project: { id: 'j-2', name: 'b' } }, 'adopt', 'go'],
  ['both are pristine', { pristine: true }, { pristine: true, project: { id: 'j-2', name: 'b' } }, 'adopt', 'go'],
  ['neither is pristine', {}, { project: { id: 'j-2', name: 'b' } }, 'refuse', 'refuse'],
  ['the same replica id', {}, { replica: 'r-ours' }, 'twin', 'twin'],
  ['the same daemon', {}, { replica: 'r-ours', instance: 'n-ours' }, 'refuse', 'refuse'],
  ['rows of ours that are gone here', {}, { have: { 'r-ours': 4 } }, 'twin', 'go'],
])('%s: what the dialler and the host decide fits together', (_, mine, other, dialler, host) => {
  const [a, b] = [
    { ...ours, ...mine },
    { ...theirHello, ...other },
  ]
  expect([judge(a, b, 'dialler').type, judge(b, a, 'host').type]).toEqual([dialler, host])
})
