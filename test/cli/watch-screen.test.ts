import { describe, expect, test } from 'vitest'
import type { Overview } from '../../src/api/operations/overview.ts'
import { widthOf } from '../../src/base/width.ts'
import { type Watched, watchScreen } from '../../src/cli/watch-screen.ts'
import { itemOf } from '../helpers/attention.ts'

const NOW = Date.parse('2026-11-23T08:10:00Z')
const look = { color: false, columns: undefined, now: NOW }
const none = { items: [], more: 0 }

const tasks = (count: number, prefix: string): Overview['mine']['items'] =>
  Array.from({ length: count }, (_, i) => ({
    id: `t-${prefix}${i}`,
    title: `Task ${i} 日本語`,
    status: 'todo',
    priority: 'high',
    assignee: i === 0 ? 'ada' : null,
    waitsFor: [],
  }))

const watched: Watched = {
  overview: {
    project: { id: 'p1', name: 'shop' },
    me: 'ada',
    counts: { total: 40, open: 33 },
    mine: none,
    ready: none,
    inProgress: none,
    blocked: none,
    statuses: [
      { status: 'in_progress', items: tasks(2, 'p'), more: 0 },
      { status: 'review', items: [], more: 0 },
      { status: 'todo', items: tasks(30, 'd'), more: 1 },
    ],
    sessions: [{ id: 's-1', actor: 'claude', goal: 'Fix the login', startedAt: '2026-11-23T08:00:00.000Z' }],
    problems: [],
  },
  here: { actors: ['mia'], replicas: ['r2'] },
  events: Array.from({ length: 20 }, (_, i) => ({
    at: new Date(NOW - (20 - i) * 1000).toISOString(),
    actor: 'codex',
    text: `t-d${i}: todo -> review`,
  })),
  trouble: undefined,
}

describe('the screen', () => {
  test('shows tasks by status, who is here with what they are at, and the last that happened', () => {
    const lines = watchScreen(watched, { columns: 80, rows: 40 }, look)
    expect(lines[0]).toMatch(/^shop {2}33 open of 40 +q ends$/)
    expect(lines).toContain('in progress 2')
    expect(lines.find((line) => line.includes('t-p0'))).toMatch(/^ {2}t-p0 +high +Task 0 日本語 +ada$/)
    expect(lines).not.toContain('review 0')
    expect(lines.find((line) => line.startsWith('todo'))).toMatch(/^todo 31 {2}\d+ more$/)
    expect(lines.slice(lines.indexOf('Here'), lines.indexOf('Activity') - 1)).toEqual([
      'Here',
      '  claude  Fix the login',
      '  codex',
      '  mia',
      '  1 other replica',
    ])
    expect(lines.at(-1)).toContain('codex  t-d19: todo -> review')
    expect(lines).toHaveLength(40)
  })

  test.each([
    [200, 60],
    [80, 24],
    [40, 12],
    [20, 6],
    [10, 3],
    [3, 1],
  ])('of %i columns and %i rows is never exceeded', (columns, rows) => {
    const problems = [itemOf({ kind: 'broken_file', what: 'is empty', where: 'tasks/a.md', fix: 'Write something.' })]
    const lines = watchScreen({ ...watched, overview: { ...watched.overview, problems } }, { columns, rows }, look)
    expect(lines.length).toBeLessThanOrEqual(rows)
    // Below that no column is made narrower, and the terminal is told not to wrap.
    if (columns >= 60) for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns)
  })

  test('who did something long ago is no longer there', () => {
    const lines = watchScreen(watched, { columns: 80, rows: 40 }, { ...look, now: NOW + 3_600_000 })
    expect(lines).not.toContain('  codex')
  })

  test('names problems, and why nothing moves', () => {
    const problems = [itemOf({ kind: 'broken_file', what: 'is empty', where: 'tasks/a.md', fix: 'Write something.' })]
    const shown = { ...watched, overview: { ...watched.overview, problems }, trouble: 'the daemon has ended' }
    const lines = watchScreen(shown, { columns: 80, rows: 24 }, look)
    expect(lines[0]).toContain('the daemon has ended')
    expect(lines[1]).toBe('! tasks/a.md: is empty')
  })

  test('text by others cannot steer the terminal', () => {
    const events = [{ at: new Date(NOW).toISOString(), actor: 'eve', text: 'x\u001b[2J\ny' }]
    const text = watchScreen({ ...watched, events }, { columns: 80, rows: 24 }, look).join('\n')
    expect(text).not.toContain('\u001b')
    expect(text).toContain('x\u{fffd}[2J y')
  })

  test('an empty project says so', () => {
    const overview = { ...watched.overview, statuses: [], sessions: [], counts: { total: 0, open: 0 } }
    const lines = watchScreen(
      { overview, here: { actors: [], replicas: [] }, events: [], trouble: undefined },
      { columns: 80, rows: 24 },
      look,
    )
    expect(lines.join('\n')).toContain('No task is open.')
    expect(lines.join('\n')).toContain('nobody')
    expect(lines.join('\n')).toContain('nothing yet')
  })
})
