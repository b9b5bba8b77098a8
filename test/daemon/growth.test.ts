import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { createGrowth, GROWTH_LIMITS, growthProblems, LEAST_ROOM_BYTES } from '../../src/daemon/growth.ts'
import { builtInKinds } from '../../src/model/kinds.ts'

const rooms = [{ dir: '/here', freeBytes: 1e12 }]
const small = { clients: 1, records: 10, documentBytes: 1e6, databaseBytes: 1e6, entriesOfMonth: 10, rooms }

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

test('a disk with little left is told of before it is full, and earlier where the database is large', () => {
  const left = (freeBytes: number, databaseBytes: number) =>
    growthProblems({ ...small, databaseBytes, rooms: [...rooms, { dir: '/there', freeBytes }] })
  expect(left(LEAST_ROOM_BYTES, 1e6)).toEqual([])
  expect(left(100e6, 1e6)).toMatchObject([{ kind: 'growth', where: '/there', what: expect.stringMatching('100 MB') }])
  expect(left(900e6, 1e9)).toMatchObject([{ where: '/there', fix: expect.stringMatching('1000 MB') }])
})

test('what is slow to count is counted once in a thousand rows', () => {
  let rows = 0
  let asked = 0
  const growth = createGrowth({
    project: {
      kinds: builtInKinds,
      list: () => ({ items: [], total: 3, cursors: () => [], isAtLeast: false, next: undefined }),
      rowCount: () => rows,
      clientCount: () => 2,
      logCount: (month) => {
        asked++
        return month === '2026-11' ? 7 : 0
      },
    },
    privateDir: '/nowhere',
    mirrorDir: tmpdir(),
    now: () => Date.UTC(2026, 10, 23),
  })
  const { rooms: found, ...sizes } = growth()
  expect(sizes).toEqual({ clients: 2, records: 12, documentBytes: 0, databaseBytes: 0, entriesOfMonth: 7 })
  expect(found).toEqual([{ dir: tmpdir(), freeBytes: expect.any(Number) }])
  for (rows = 1; rows < 2000; rows++) growth()
  expect(asked).toBe(2)
})
