import { expect, test } from 'vitest'
import { parseTime } from '../../src/base/time-text.ts'

const now = new Date(2026, 10, 25, 16, 30).getTime()
const local = (...parts: [number, number, number, number?, number?]) => new Date(...parts).getTime()

test.each([
  ['now', now],
  ['2h ago', now - 7_200_000],
  ['2h', now - 7_200_000],
  ['90 min ago', now - 5_400_000],
  ['3 days ago', now - 3 * 86_400_000],
  ['1.5 hours ago', now - 5_400_000],
  ['2026-11-23T08:30:00Z', Date.UTC(2026, 10, 23, 8, 30)],
  ['2026-11-23 08:30', local(2026, 10, 23, 8, 30)],
])('%s is a time', (text, time) => {
  expect(parseTime(text, now, 'end')).toBe(time)
})

test('a day stands for its beginning or its end', () => {
  expect(parseTime('2026-11-23', now, 'start')).toBe(local(2026, 10, 23))
  expect(parseTime('2026-11-23', now, 'end')).toBe(local(2026, 10, 24) - 1)
  expect(parseTime('yesterday', now, 'start')).toBe(local(2026, 10, 24))
  expect(parseTime('yesterday', now, 'end')).toBe(local(2026, 10, 25) - 1)
  expect(parseTime('today', now, 'start')).toBe(local(2026, 10, 25))
})

test.each(['', 'soon', '2026-02-31', '2026-13-01', '5 parsecs ago', 't-7f3k9q2m', 'abc1234', '2h hence'])(
  '%s is none',
  (text) => {
    expect(parseTime(text, now, 'end')).toBeUndefined()
  },
)
