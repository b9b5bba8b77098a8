import { expect, test } from 'vitest'
import { meant, nearest } from '../../src/base/nearest.ts'

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

test.each([
  ['label', ['addLabels', 'removeLabels']],
  ['labels', ['addLabels', 'removeLabels']],
  ['add-title', ['title']],
  ['titel', ['title']],
  ['base', []],
])('"%s" may mean %j', (word, expected) => {
  expect(meant(word, ['id', 'title', 'addLabels', 'removeLabels', 'estimatedHours'])).toEqual(expected)
})
