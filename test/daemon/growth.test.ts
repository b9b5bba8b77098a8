import { expect, test } from 'vitest'
import { createGrowth, GROWTH_LIMITS, growthProblems } from '../../src/daemon/growth.ts'

const small = { clients: 1, documentBytes: 1e6, databaseBytes: 1e6, entriesOfMonth: 10 }

test('nothing is said of a project of usual size', () => {
  expect(growthProblems(small)).toEqual([])
})

test.each(Object.entries(GROWTH_LIMITS))(
  'past the limit of %s, a problem says how large it is and what to do',
  (name, limit) => {
    expect(growthProblems({ ...small, [name]: limit })).toEqual([])
    const [problem, ...others] = growthProblems({ ...small, [name]: limit + 1e6 })
    expect(others).toEqual([])
    expect(problem?.what).toMatch(/\d/)
    expect(problem?.fix).not.toBe('')
  },
)

test('what is slow to count is counted once in a thousand rows', () => {
  let rows = 0
  let asked = 0
  const growth = createGrowth({
    project: {
      rowCount: () => rows,
      clientCount: () => 2,
      logCount: (month) => {
        asked++
        return month === '2026-11' ? 7 : 0
      },
    },
    privateDir: '/nowhere',
    now: () => Date.UTC(2026, 10, 23),
  })
  expect(growth()).toEqual({ clients: 2, documentBytes: 0, databaseBytes: 0, entriesOfMonth: 7 })
  for (rows = 1; rows < 2000; rows++) growth()
  expect(asked).toBe(2)
})
