import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createConnections } from '../../../src/api/http/connections.ts'
import { createTestClock } from '../../helpers/clock.ts'
import { alice, principalOf } from '../../helpers/project.ts'

let port = 0

/** A socket as far as connections look at one. */
function socketOf(remoteAddress: string) {
  port++
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    remotePort: port,
    destroyed: false,
    destroy() {
      if (socket.destroyed) return
      socket.destroyed = true
      socket.emit('close')
    },
  })
  return socket as unknown as Socket
}

function open() {
  const clock = createTestClock()
  const connections = createConnections({ maxWaiting: 4, max: 6, clock })
  let from = 0
  /** From an address of its own, unless told. */
  const add = (address = `192.0.2.${++from}`): Socket => {
    const socket = socketOf(address)
    connections.add(socket)
    return socket
  }
  return { clock, connections, add }
}

test('[R8] who has shown no token gets little room: a crowd is cut off, who idles makes way', async () => {
  const { clock, connections, add } = open()
  const crowd = [1, 2, 3, 4, 5].map(() => add())
  expect(crowd.map(({ destroyed }) => destroyed)).toEqual([false, false, false, false, true])
  await clock.advance(1000)
  const later = add()
  expect([crowd[0]?.destroyed, crowd[1]?.destroyed, later.destroyed]).toEqual([true, false, false])
  expect(connections.count()).toBe(4)
})

test('[R8] a crowd from one address leaves room to others', async () => {
  const { clock, add } = open()
  const crowd = [1, 2, 3].map(() => add('198.51.100.1'))
  expect(crowd.map(({ destroyed }) => destroyed)).toEqual([false, false, true])
  const [other, another] = [add(), add()]
  expect([other.destroyed, another.destroyed]).toEqual([false, false])
  await clock.advance(1000)
  add('198.51.100.1')
  expect([crowd[0]?.destroyed, other.destroyed]).toEqual([true, false])
})

test('who is known does not wait, and only all together are bounded', async () => {
  const { clock, connections, add } = open()
  for (let i = 0; i < 6; i++) connections.admit(add(), principalOf(alice))
  const over = add()
  await clock.advance(60_000)
  expect([over.destroyed, connections.count()]).toEqual([true, 6])
})

test('[R13] a connection ends with each token that was shown on it, a moment after', async () => {
  const { clock, connections, add } = open()
  const token = new AbortController()
  const [socket, other] = [add(), add()]
  for (let i = 0; i < 3; i++) connections.admit(socket, { ...principalOf(alice), ended: token.signal })
  connections.admit(other, principalOf(alice))
  token.abort()
  expect(socket.destroyed).toBe(false)
  await clock.advance(1000)
  expect([socket.destroyed, other.destroyed]).toEqual([true, false])
})
