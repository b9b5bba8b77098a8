import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Line, splitLines } from '../../src/api/import/lines.ts'

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
}

async function read(text: string, size: number, limit: number): Promise<readonly Line[]> {
  const lines: Line[] = []
  for await (const line of splitLines(inPieces(Buffer.from(text), size), limit)) lines.push(line)
  return lines
}

test('lines are the same however the pieces are cut', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '商', '\r') })
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (given, size) => {
      const lines = await read(given, size, 1000)
      const expected = given.split('\n')
      if (expected.at(-1) === '') expected.pop()
      expect(lines.map(({ bytes }) => Buffer.from(bytes ?? []).toString())).toEqual(expected)
      expect(lines.map(({ number }) => number)).toEqual(expected.map((_, n) => n + 1))
    }),
  )
})

test('a line over the limit has its size and no bytes, and the next is whole', async () => {
  const lines = await read('abcd\nabcde\nab\n', 2, 4)
  expect(lines.map(({ size, bytes }) => [size, bytes && Buffer.from(bytes).toString()])).toEqual([
    [4, 'abcd'],
    [5, undefined],
    [2, 'ab'],
  ])
})
