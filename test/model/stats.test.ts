import { expect, test } from 'vitest'
import { type Counted, countTasks } from '../../src/model/stats.ts'

const at = (text: string): number => Date.parse(text)
const made = (createdAt: string, closedAt: string | null = null, more: Partial<Counted> = {}): Counted => ({
  createdAt,
  closedAt,
  isClosed: closedAt !== null,
  isCompleted: closedAt !== null,
  assignee: null,
  ...more,
})
const span = { since: at('2026-11-01'), until: at('2026-11-03T12:00:00Z') }

test('counts what was made and completed within, and burns up by day', () => {
  const tasks = [
    made('2026-10-01'),
    made('2026-10-01', '2026-10-05'),
    made('2026-10-30', '2026-11-01T06:00:00Z', { startedAt: at('2026-10-31T06:00:00Z'), closedBy: 'ann' }),
    made('2026-11-02', '2026-11-03', { assignee: 'mia' }),
    made('2026-11-02', '2026-11-03', { isCompleted: false }),
  ]
  expect(countTasks(tasks, span)).toEqual({
    created: 2,
    completed: 2,
    cancelled: 1,
    open: 1,
    perWeek: 2,
    leadDays: { count: 2, median: 1, p90: 2.3 },
    cycleDays: { count: 1, median: 1, p90: 1 },
    periods: [
      { from: '2026-11-01', created: 0, completed: 1, scope: 3, done: 2 },
      { from: '2026-11-02', created: 2, completed: 0, scope: 5, done: 2 },
      { from: '2026-11-03', created: 0, completed: 1, scope: 4, done: 3 },
    ],
    actors: [
      { actor: 'ann', completed: 1 },
      { actor: 'mia', completed: 1 },
    ],
  })
})

test('a long time is told by weeks; nothing is nothing', () => {
  const long = countTasks([], { since: at('2026-08-01'), until: at('2026-11-01') })
  expect(long.periods.map(({ from }) => from).slice(0, 3)).toEqual(['2026-08-01', '2026-08-08', '2026-08-15'])
  expect(long).toMatchObject({ completed: 0, leadDays: undefined, actors: [] })
})
