import { expect, test } from 'vitest'
import type { Overview } from '../../src/api/operations/overview.ts'
import { widthOf } from '../../src/base/width.ts'
import { overviewLines } from '../../src/cli/overview-text.ts'
import type { Look } from '../../src/cli/render.ts'
import { itemOf } from '../helpers/attention.ts'

const pipe: Look = { color: false, columns: undefined, now: undefined }
const none = { items: [], more: 0 }
const work = { status: 'todo', priority: 'medium', assignee: null, waitsFor: [] }

const empty: Overview = {
  project: { id: 'p1', name: 'shop' },
  me: 'ada',
  counts: { total: 0, open: 0 },
  mine: none,
  ready: none,
  inProgress: none,
  blocked: none,
  sessions: [],
  problems: [],
}

const busy: Overview = {
  ...empty,
  counts: { total: 14, open: 9 },
  mine: { items: [{ ...work, id: 't-1', title: 'Fix the login', status: 'in_progress', assignee: 'ada' }], more: 0 },
  ready: { items: [{ ...work, id: 't-22', title: '日本語の案内を書く', priority: 'high' }], more: 6 },
  blocked: { items: [{ ...work, id: 't-3', title: 'Ship\nit', waitsFor: ['t-1', 't-22', 't-4', 't-5'] }], more: 0 },
  sessions: [{ id: 's-1', actor: 'claude', goal: 'Fix the login', startedAt: '2026-11-23T08:00:00.000Z' }],
  problems: [
    itemOf({ kind: 'broken_file', what: 'is empty', where: 'tasks/a.md', line: 1, column: 1, fix: 'Write something.' }),
  ],
}

test('all lists are aligned with each other, each under its name', () => {
  expect(overviewLines(busy, pipe)).toEqual([
    'shop  9 open of 14 tasks',
    '',
    'Yours, ada',
    '  t-1   in_progress  medium  Fix the login',
    '',
    'Ready to be begun',
    '  t-22  todo         high    日本語の案内を書く',
    '  and 6 more',
    '',
    'Blocked',
    '  t-3   todo         medium  Ship it             waits for t-1, t-22, t-4, ...',
    '',
    'Sessions',
    '  claude (Fix the login)',
    '',
    '1 problem',
    '  tasks/a.md:1:1: is empty. Write something.',
  ])
})

test('on a terminal no row of a task is wider than it, and meaning has colours', () => {
  const lines = overviewLines(busy, { ...pipe, columns: 50 })
  for (const line of lines.filter((one) => / t-/.test(one))) expect(widthOf(line)).toBeLessThanOrEqual(50)
  expect(overviewLines(busy, { ...pipe, color: true }).join('\n')).toContain('\u001b[33min_progress')
})

test('says what to do where there is nothing', () => {
  expect(overviewLines(empty, pipe).join('\n')).toContain("orch task create 'The first task'")
  expect(overviewLines({ ...empty, counts: { total: 3, open: 0 } }, pipe).join('\n')).toContain('Everything is done.')
})
