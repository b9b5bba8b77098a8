import { expect, test } from 'vitest'
import type { Actor } from '../../src/model/actor.ts'
import { createAwareness, type Seat } from '../../src/peers/awareness.ts'
import type { AwarenessEntry } from '../../src/peers/frames.ts'
import { createTestClock } from '../helpers/clock.ts'
import { alice, claude } from '../helpers/project.ts'

const seatOf = (actor: Actor): Seat => ({ actor })
const entry = (client: number, clock: number, state: unknown): AwarenessEntry => ({
  client,
  clock,
  state: JSON.stringify(state),
})

function table() {
  const clock = createTestClock()
  const told: AwarenessEntry[] = []
  const awareness = createAwareness({ clock, onChange: (entries) => told.push(...entries) })
  return { awareness, told, clock }
}

test('a client is shown under the name it was authenticated with, the rest of its state kept', () => {
  const { awareness, told } = table()
  awareness.take(seatOf(alice), [entry(7, 1, { user: { name: 'root', color: '#f00' }, cursor: 3 })], true)
  expect(told).toEqual([entry(7, 1, { user: { name: 'alice', color: '#f00' }, cursor: 3 })])
  expect(awareness.presence()).toEqual([{ actor: alice, client: 7 }])
})

test('nobody speaks for another client: not to change, to freeze or to evict it', () => {
  const { awareness, told } = table()
  const [ours, other] = [seatOf(alice), seatOf(claude)]
  awareness.take(ours, [entry(7, 1, { cursor: 1 })], true)
  awareness.take(other, [entry(8, 1, {})], true)
  told.length = 0
  awareness.take(other, [entry(7, 9, { cursor: 2 }), entry(7, 1, null), entry(7, Number.MAX_SAFE_INTEGER, {})], false)
  awareness.take(seatOf(claude), [entry(7, 9, {})], true)
  expect(told).toEqual([])
  expect(awareness.all().map(({ client, clock }) => [client, clock])).toEqual([
    [7, 1],
    [8, 1],
  ])
})

test('who comes back on a new connection takes its client over from the old one', () => {
  const { awareness } = table()
  const [before, after] = [seatOf(alice), seatOf(alice)]
  awareness.take(before, [entry(7, 4, { a: 1 })], true)
  awareness.take(after, [entry(7, 4, { a: 2 })], true)
  awareness.leave(before)
  expect(awareness.presence()).toEqual([{ actor: alice, client: 7 }])
  awareness.leave(after)
  expect(awareness.presence()).toEqual([])
})

test('an echo of somebody who has just left brings no ghost', () => {
  const { awareness } = table()
  const [gone, silent] = [seatOf(alice), seatOf(alice)]
  awareness.take(gone, [entry(7, 4, {})], true)
  awareness.leave(gone)
  awareness.take(silent, [entry(7, 4, {})], false)
  expect(awareness.presence()).toEqual([])
})

test('leaving is told once, and older states than the one shown are passed over', () => {
  const { awareness, told } = table()
  const seat = seatOf(alice)
  awareness.take(seat, [entry(7, 4, { a: 1 }), entry(7, 4, { a: 2 }), entry(7, 3, { a: 3 }), entry(7, 4, null)], true)
  awareness.leave(seat)
  awareness.leave(seat)
  expect(told).toEqual([entry(7, 4, { a: 1, user: { name: 'alice' } }), entry(7, 4, null)])
})

test('a state that is too large or no object is not taken', () => {
  const { awareness, told } = table()
  expect(awareness.take(seatOf(alice), [entry(1, 1, { text: 'x'.repeat(5000) })], true)).toBe('too-large')
  expect(awareness.take(seatOf(alice), [entry(2, 1, [1])], true)).toBe('malformed')
  expect(awareness.take(seatOf(alice), [{ client: 3, clock: 1, state: '{' }], true)).toBe('malformed')
  expect(told).toEqual([])
})

test('clients of other nodes are shown, under the name their node gave them, until their node says that they are gone', () => {
  const { awareness, told } = table()
  const bob = entry(9, 3, { user: { name: 'bob' } })
  awareness.mirror('n2', [bob, entry(10, 1, { user: { name: 'eve' } })], true)
  expect(awareness.all().map(({ client }) => client)).toEqual([9, 10])
  expect(awareness.own()).toEqual([])
  expect(awareness.presence()).toEqual([])
  told.length = 0
  // The same again is no news; one that is missing in the whole is gone.
  awareness.mirror('n2', [bob], true)
  expect(told).toEqual([{ client: 10, clock: 1, state: 'null' }])
  awareness.mirror('n2', [entry(9, 4, { user: { name: 'bob' }, cursor: 1 })], false)
  awareness.mirror('n2', [entry(9, 3, { user: { name: 'bob' }, cursor: 0 })], false)
  expect(awareness.all()).toEqual([entry(9, 4, { user: { name: 'bob' }, cursor: 1 })])
  awareness.mirror(
    'n2',
    [
      { client: 11, clock: -1, state: '{}' },
      { client: 12, clock: 1, state: 'no JSON' },
    ],
    false,
  )
  awareness.mirror('n2', [], true)
  expect(awareness.all()).toEqual([])
})

test('a client that roams is shown throughout, whichever node speaks first; nobody takes the client of another node over', () => {
  const { awareness, told } = table()
  const state = (name: string, clock: number): AwarenessEntry => entry(7, clock, { user: { name } })
  awareness.mirror('n2', [state('claude', 4)], false)
  // Somebody else may not be client 7 while it is there.
  awareness.take(seatOf(alice), [entry(7, 9, {})], true)
  expect(awareness.all()).toEqual([state('claude', 4)])
  const seat = seatOf(claude)
  awareness.take(seat, [entry(7, 5, {})], true)
  told.length = 0
  awareness.mirror('n2', [entry(7, 4, null)], false)
  expect(told).toEqual([])
  // And back: the other node has it before this one notices.
  awareness.mirror('n2', [state('claude', 6)], false)
  awareness.leave(seat)
  expect(told).toEqual([state('claude', 6)])
  expect(awareness.all()).toEqual([state('claude', 6)])
  // From one other node to a third.
  awareness.mirror('n3', [state('claude', 7)], false)
  told.length = 0
  awareness.mirror('n2', [], true)
  expect(told).toEqual([])
})
