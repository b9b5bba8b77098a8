import { expect, test } from 'vitest'
import { withoutLast, withoutLastNewlines, withoutOuterNewlines } from '../../src/base/trim.ts'

test('takes the signs at the ends, and no others', () => {
  expect(withoutLastNewlines('\na\n\nb\n\n')).toBe('\na\n\nb')
  expect(withoutOuterNewlines('\n\na\n\nb\n')).toBe('a\n\nb')
  expect(withoutLast('a \t b \t', ' \t')).toBe('a \t b')
  expect(['', '\n\n'].map(withoutOuterNewlines)).toEqual(['', ''])
})

test('very many in the middle take no time', () => {
  const text = `a${'\n'.repeat(500_000)}b`
  expect(withoutOuterNewlines(text)).toBe(text)
})
