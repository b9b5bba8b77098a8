import { expect, test } from 'vitest'
import { createTurns, nextTurn } from '../../src/base/turns.ts'

/** Numbers the turns of the event loop while something runs. */
function countTurns() {
  const counter = { turn: 0, end: () => clearImmediate(next) }
  const count = (): void => {
    counter.turn++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  return counter
}

test('slices of several works never come in one turn, and each work has its share', async () => {
  const counter = countTurns()
  const slices: { readonly work: number; readonly turn: number }[] = []
  const work = async (name: number): Promise<void> => {
    const turns = createTurns({ monotonic: () => 0 })
    for (let i = 0; i < 10; i++) {
      await (i % 2 ? turns.next() : nextTurn())
      slices.push({ work: name, turn: counter.turn })
    }
  }
  await Promise.all([work(0), work(1), work(2)])
  counter.end()
  expect(new Set(slices.map(({ turn }) => turn)).size).toBe(30)
  expect(slices.map(({ work }) => work)).toEqual(Array.from({ length: 30 }, (_, at) => at % 3))
})
