import { expect, test } from 'vitest'
import { headingOf } from '../../src/model/heading.ts'

test.each([
  ['# One', 1, 'One'],
  ['###### Six ##', 6, 'Six'],
  ['##\tTab  ', 2, 'Tab'],
  ['# About C#', 1, 'About C#'],
  ['# About C# #', 1, 'About C#'],
  ['## ##', 2, ''],
  ['#', 1, ''],
])('%j is a heading', (line, level, text) => {
  expect(headingOf(line)).toEqual({ level, text })
})

test.each(['#no', ' # indented', '####### seven', 'text # one', ''])('%j is none', (line) => {
  expect(headingOf(line)).toBeUndefined()
})

test('a heading of very many blanks and signs is read at once', () => {
  const blanks = ' '.repeat(200_000)
  expect(headingOf(`# a${blanks}b`)?.text).toBe(`a${blanks}b`)
  expect(headingOf(`# a${' #'.repeat(100_000)}b`)?.level).toBe(1)
})
