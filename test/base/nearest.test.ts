import { expect, test } from 'vitest'
import { nearest } from '../../src/base/nearest.ts'

test.each([
  ['stauts', 'status'],
  ['titel', 'title'],
  ['Priorty', 'priority'],
  ['xyz', undefined],
  ['', undefined],
])('nearest to "%s" is %s', (word, expected) => {
  expect(nearest(word, ['status', 'title', 'priority', 'assignee'])).toBe(expected)
})

test('of two near words the nearer wins', () => {
  expect(nearest('lifts', ['limits', 'lift'])).toBe('lift')
})
