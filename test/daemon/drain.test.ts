import { expect, test } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { createDrain } from '../../src/daemon/drain.ts'
import { createTestClock } from '../helpers/clock.ts'

function draining() {
  const clock = createTestClock()
  const seen: string[] = []
  let finish = (): void => undefined
  const drain = createDrain({
    stop: () =>
      new Promise<void>((resolve) => {
        finish = resolve
      }),
    release: () => seen.push('released'),
    exit: (code) => seen.push(`exit ${code}`),
    clock,
    log: silentLogger,
  })
  return { clock, seen, drain, finish: () => finish() }
}

test('a stop that hangs is cut short', async () => {
  const { clock, seen, drain } = draining()
  drain()
  await clock.advance(9_000)
  expect(seen).toEqual([])
  await clock.advance(2_000)
  expect(seen).toEqual(['exit 1'])
})

test('[P1] without its database it has the time to bring into git what only it has, also when it was stopping already', async () => {
  for (const isStopping of [false, true]) {
    const { clock, seen, drain, finish } = draining()
    if (isStopping) drain()
    drain({ isDatabaseGone: true })
    await clock.advance(60_000)
    expect(seen).toEqual([])
    finish()
    await clock.advance(1)
    expect(seen).toEqual(['released', 'exit 0'])
    await clock.advance(600_000)
    expect(seen).toEqual(['released', 'exit 0'])
  }
})
