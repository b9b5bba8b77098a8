import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import {
  assertNotElsewhere,
  OWNER_BEAT_MS,
  OWNER_SILENCE_MS,
  type Owner,
  takeOwnership,
} from '../../src/store/owner.ts'
import { createTestClock, type TestClock } from '../helpers/clock.ts'

let dir = ''
let clock: TestClock
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orch-owner-'))
  clock = createTestClock()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const factsOf = (boot: string, n = 1) => ({ machine: `machine ${boot}`, boot, host: boot, pid: n, instance: boot + n })
const take = (boot: string, n = 1): Promise<Owner> =>
  takeOwnership({ file: join(dir, 'owner.json'), facts: factsOf(boot, n), clock, log: silentLogger })
/** Real files are read by other threads: time goes on in small steps, each waited for. */
const pass = async (ms: number): Promise<void> => {
  for (let t = 0; t < ms; t += 500) {
    await clock.advance(500)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
const refused = expect.objectContaining({ code: 'owned_elsewhere', message: expect.stringContaining('laptop') })

test('while a daemon lives, one on another machine is refused with its name, and no file is left behind', async () => {
  const laptop = await take('laptop')
  laptop.keep(() => expect.unreachable())
  const other = take('server').catch((error: unknown) => error)
  await pass(OWNER_SILENCE_MS)
  expect(await other).toEqual(refused)
  expect(() => assertNotElsewhere(join(dir, 'owner.json'), factsOf('server'))).toThrow(refused)
  laptop.release()
  expect(readdirSync(dir)).toEqual([])
  // Given up, it is free at once.
  await take('server')
})

test('under one kernel the lock has decided: after kill -9 nobody waits', async () => {
  await take('laptop', 1)
  const again = await take('laptop', 2)
  again.assertOwned()
  expect(readdirSync(dir)).toEqual(['owner.json'])
})

test('a daemon whose machine is gone is succeeded once it was silent for long; if it wakes up, it neither commits nor goes on', async () => {
  const laptop = await take('laptop')
  // Its machine sleeps: nothing is kept, and its clock stands still.
  const asleep = createTestClock()
  rmSync(join(dir, 'owner.json'))
  const sleeper = await takeOwnership({
    file: join(dir, 'owner.json'),
    facts: factsOf('laptop', 2),
    clock: asleep,
    log: silentLogger,
  })
  let isLost = false
  sleeper.keep(() => {
    isLost = true
  })
  const next = take('server')
  await pass(OWNER_SILENCE_MS + 500)
  const server = await next
  server.assertOwned()

  sleeper.assertOwned()
  asleep.jump(OWNER_SILENCE_MS)
  expect(() => sleeper.assertOwned()).toThrow(expect.objectContaining({ code: 'owned_elsewhere' }))
  await asleep.advance(OWNER_BEAT_MS)
  await expect.poll(() => isLost).toBe(true)
  sleeper.release()
  laptop.release()
  expect(readFileSync(join(dir, 'owner.json'), 'utf8')).toContain('server')
})

test('of many that find a dead owner at once, one succeeds it', async () => {
  await take('laptop')
  const all = Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((boot) => take(boot)))
  await pass(OWNER_SILENCE_MS + 1000)
  const states = (await all).map(({ status }) => status)
  expect(states.filter((state) => state === 'fulfilled').length).toBe(1)
  expect(readdirSync(dir)).toEqual(['owner.json'])
})

test('a file that says nothing is waited for too, and an owner whose file was removed makes it anew', async () => {
  writeFileSync(join(dir, 'owner.json'), '')
  const waiting = take('server')
  await pass(OWNER_SILENCE_MS + 500)
  const server = await waiting
  server.keep(() => expect.unreachable())
  rmSync(join(dir, 'owner.json'))
  await pass(OWNER_BEAT_MS + 500)
  await expect.poll(() => existsSync(join(dir, 'owner.json'))).toBe(true)
  server.release()
})
