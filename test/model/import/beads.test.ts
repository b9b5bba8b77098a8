import { describe, expect, test } from 'vitest'
import { readIssue } from '../../../src/model/import/beads/issue.ts'
import { toTask } from '../../../src/model/import/beads/task.ts'
import type { ImportedRecord } from '../../../src/model/import/imported.ts'
import { task } from '../../../src/model/kinds/task.ts'
import type { Json } from '../../../src/model/record.ts'

const base = { id: 'b-1', title: 'T', status: 'open', priority: 2 }

function taskOf(more: Readonly<Record<string, Json>>): ImportedRecord {
  const issue = readIssue(JSON.stringify({ ...base, ...more }))
  if (issue.id === undefined) throw new Error(String(issue.reason))
  const record = toTask(task, issue)
  if ('reason' in record) throw new Error(record.reason)
  return record
}

const edge = (to: string, type: string, more: Readonly<Record<string, Json>> = {}): Json => ({
  issue_id: 'b-1',
  depends_on_id: to,
  type,
  ...more,
})

test.each([
  ['open', 'todo', undefined],
  ['in_progress', 'in_progress', undefined],
  ['blocked', 'blocked', undefined],
  ['closed', 'completed', undefined],
  ['review', 'review', undefined],
  ['deferred', 'todo', 'deferred'],
  ['pinned', 'todo', 'pinned'],
  ['hooked', 'in_progress', 'hooked'],
  ['tombstone', 'cancelled', 'tombstone'],
  ['triage', 'todo', 'triage'],
])('status %s is %s, and %s is kept', (status, expected, kept) => {
  const { values, extra } = taskOf({ status })
  expect(values.status).toBe(expected)
  expect(extra.beads_status).toBe(kept)
})

test.each<[Json, string, string | undefined]>([
  [0, 'critical', undefined],
  [1, 'high', undefined],
  [2, 'medium', undefined],
  [3, 'low', undefined],
  [4, 'low', '4'],
  [7, 'medium', '7'],
  ['P1', 'medium', 'P1'],
])('priority %j is %s, and %s is kept', (priority, expected, kept) => {
  const { values, extra } = taskOf({ priority })
  expect(values.priority).toBe(expected)
  expect(extra.beads_priority).toBe(kept)
})

test.each<[Json, number | undefined, string | undefined]>([
  [90, 1.5, undefined],
  [3, 0.05, undefined],
  [50, 0.83, '50'],
  [-5, undefined, '-5'],
  ['soon', undefined, 'soon'],
])('an estimate of %j minutes is %j hours, and %s is kept', (minutes, hours, kept) => {
  const { values, extra } = taskOf({ estimated_minutes: minutes })
  expect(values.estimatedHours).toBe(hours)
  expect(extra.estimated_minutes).toBe(kept)
})

test.each<[string, Json, string | undefined]>([
  ['an offset', '2026-03-01T09:30:00.123456-08:00', '2026-03-01T17:30:00.123456Z'],
  ['whole seconds', '2026-03-01T09:30:00+05:30', '2026-03-01T04:00:00Z'],
  ['a day', '2026-03-01', '2026-03-01'],
  ['no time', 'yesterday', undefined],
  ["Go's zero", '0001-01-01T00:00:00Z', undefined],
])('a time with %s is told in UTC: %j is %j', (_, at, expected) => {
  const { values, createdAt, extra } = taskOf({ status: 'closed', created_at: at, closed_at: at })
  expect(createdAt).toBe(expected)
  expect(values.closedAt).toBe(expected ?? null)
  expect(extra.created_at).toBe(at === 'yesterday' ? at : undefined)
})

describe('the body', () => {
  test('holds every text byte for byte, in one order, under its heading', () => {
    const texts = { notes: 'n\n', description: '  d ``` \n\n\n', acceptance_criteria: '- [ ] a\n\n', design: '\n# x' }
    expect(taskOf(texts).values.body).toBe(
      '  d ``` \n\n\n## Design\n\n\n# x\n\n## Acceptance criteria\n\n- [ ] a\n\n## Notes\n\nn\n',
    )
  })

  test('leaves out blank texts, and what is no text is kept', () => {
    const { values, extra } = taskOf({ description: ' \n', notes: ['a'] })
    expect(values.body).toBe('')
    expect(extra).toEqual({ notes: '[a]' })
  })
})

test('comments are comments, with author and time; what says more is kept beside them', () => {
  const comments = [
    { id: 1, issue_id: 'b-1', author: 'ann', text: '# one\r\ntwo', created_at: '2026-03-02T10:00:00Z' },
    { id: 2, issue_id: 'b-1', author: '', text: 'three' },
    'just text',
    { id: 3, issue_id: 'b-1', author: 'a', text: 'x', created_at: '2026-03-02T10:00:01Z', mood: 'glad' },
  ]
  const { values, extra, comments: made } = taskOf({ description: 'd', comments })
  expect(values.body).toBe('d')
  expect(made).toEqual([
    { text: '# one\ntwo', at: Date.UTC(2026, 2, 2, 10), by: 'ann' },
    { text: 'three', by: 'somebody' },
    { text: 'x', at: Date.UTC(2026, 2, 2, 10, 0, 1), by: 'a' },
  ])
  expect(extra.beads_comments).toContain('mood: glad')
  expect(extra.beads_comments).toContain('just text')
  expect(extra.beads_comments).not.toContain('one')
})

describe('dependencies', () => {
  test('go from an issue to what it depends on or is a part of; other types are kept as lists', () => {
    const record = taskOf({
      dependencies: [
        edge('b-2', 'blocks', { created_at: '2026-03-02T10:00:00Z', metadata: '{}', thread_id: '' }),
        edge('b-3', 'parent-child'),
        edge('b-4', 'related'),
        edge('b-5', 'related'),
        edge('b-6', 'discovered-from'),
        edge('b-7', ''),
      ],
    })
    expect(record).toMatchObject({ dependencies: ['b-2', 'b-7'], parent: 'b-3' })
    expect(record.extra).toMatchObject({ related: '[b-4, b-5]', 'discovered-from': '[b-6]' })
    expect(record.extra.beads_dependencies).toContain(
      'depends_on_id: b-2, type: blocks, created_at: "2026-03-02T10:00:00Z"',
    )
    expect(record.extra.beads_dependencies).not.toContain('b-4')
  })

  test('a second parent is kept and told', () => {
    const record = taskOf({ dependencies: [edge('b-2', 'parent-child'), edge('b-3', 'parent-child')] })
    expect(record).toMatchObject({ parent: 'b-2', extra: { 'parent-child': '[b-3]' } })
    expect(record.notes).toEqual([expect.stringContaining('b-2, b-3')])
  })

  test('what says more than an edge, or is none, is kept whole', () => {
    const { extra, notes, dependencies } = taskOf({
      dependencies: ['b-9', { issue_id: 'b-8', depends_on_id: 'b-9' }, edge('b-2', 'blocks', { weight: 3 })],
    })
    expect(dependencies).toEqual(['b-2'])
    expect(extra.beads_dependencies).toContain('\n  - b-9\n  - {issue_id: b-8, depends_on_id: b-9}\n  - {')
    expect(extra.beads_dependencies).toContain('weight: 3}')
    expect(notes).toHaveLength(2)
  })
})

describe('extra keys', () => {
  test('hold every other key, under a name that means nothing else here', () => {
    const { extra, notes } = taskOf({
      issue_type: 'bug',
      type: 'mine',
      aliases: ['x'],
      imported: true,
      parent_unresolved: 'b-2',
      'odd key': 1,
      owner: '',
      waiters: [],
      external_ref: 'gh-7',
      beads_status: 's',
    })
    expect(extra).toEqual({
      type: 'bug',
      type_2: 'mine',
      beads_aliases: '[x]',
      beads_imported: 'true',
      beads_parent_unresolved: 'b-2',
      beads_odd_key: '1',
      external_ref: 'gh-7',
      beads_status: 's',
    })
    expect(notes).toEqual(['"type" is kept as type_2', '"odd key" is kept as beads_odd_key'])
  })

  test('keep what does not fit its field, and say so', () => {
    const title = `two\nlines ${'x'.repeat(600)}`
    const { values, extra, notes } = taskOf({ title, labels: 'a,b', assignee: 'x'.repeat(300), due_at: 'soon' })
    expect(values).toMatchObject({ labels: ['a', 'b'] })
    expect(String(values.title)).toMatch(/^two lines x{200,}$/)
    expect(extra.beads_title).toContain('|-\n  two\n  lines')
    expect(extra).toMatchObject({ beads_assignee: 'x'.repeat(300), due_at: 'soon' })
    expect(notes).toHaveLength(3)
  })
})

test.each([
  ['{"id":"b-1","title":"T"', 'it is no JSON'],
  ['<<<<<<< HEAD', 'it is no JSON'],
  ['[1]', 'it is no JSON object'],
  ['null', 'it is no JSON object'],
  ['{"title":"T"}', 'it has no id'],
  ['{"id":7,"title":"T"}', 'its id'],
  ['{"id":"a\\nb","title":"T"}', 'its id'],
  ['{"id":"b-1"}', 'it has no title (b-1)'],
  ['{"id":"b-1","title":" "}', 'it has no title (b-1)'],
  ['{"id":"b-1","title":"T","notes":"a\\u0000b"}', 'a text in it must not hold NUL'],
  ['{"id":"b-1","title":"T","metadata":{"\\ud800":1}}', 'a text in it is cut inside a character'],
  ['{"id":"b-1","title":"T","payload":12345678901234567890}', 'a number in it is too large'],
  [`{"id":"b-1","title":"T","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'it is nested deeper'],
])('%.60s is no issue', (line, reason) => {
  expect(readIssue(line)).toEqual({ reason: expect.stringContaining(reason) })
})

test('more than a front matter can hold is refused', () => {
  const issue = readIssue(JSON.stringify({ ...base, payload: 'x'.repeat(200_000) }))
  expect(issue.id === undefined ? issue : toTask(task, issue)).toEqual({
    reason: expect.stringContaining('the limit is'),
  })
})
