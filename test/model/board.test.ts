import { describe, expect, test } from 'vitest'
import {
  type BoardEdits,
  type BoardStatuses,
  boardEdits,
  parseBoard,
  renderBoard,
  withoutUnseenIds,
  withUnseenIds,
} from '../../src/model/board.ts'

const statuses: BoardStatuses = {
  choices: ['todo', 'in_progress', 'completed', 'cancelled'],
  synonyms: { done: 'completed' },
  closed: ['completed', 'cancelled'],
  first: 'todo',
  done: 'completed',
}
const board = renderBoard(
  [
    {
      status: 'todo',
      tasks: [
        { id: 't-aaaaaaaa', title: 'One (really)' },
        { id: 't-bbbbbbbb', title: 'Two\nlines' },
      ],
      more: 0,
    },
    { status: 'in_progress', tasks: [{ id: 't-cccccccc', title: 'Three' }], more: 0 },
    { status: 'completed', tasks: [{ id: 't-dddddddd', title: 'Four' }], more: 3 },
    { status: 'cancelled', tasks: [], more: 0 },
  ],
  statuses,
)

const edits = (disk: string, base = board): BoardEdits =>
  boardEdits(parseBoard(base, statuses), parseBoard(disk, statuses), statuses, {
    known: new Set(parseBoard(board, statuses).others.map(({ text }) => text)),
  })
const statusesOf = ({ changed }: BoardEdits): unknown => changed.map(({ id, status }) => [id, status])

describe('a board', () => {
  test('is read as it is written', () => {
    expect(edits(board)).toEqual({
      changed: [],
      created: [],
      unseen: new Map(),
      missing: [],
      foreign: [],
      problems: [],
    })
    expect(board).toContain('## In progress\n\n- [ ] Three (t-cccccccc)\n')
    expect(board).toContain('- [x] Four (t-dddddddd)\n\n_3 more: `orch task list --status completed`._')
    expect(board).toContain('- [ ] Two lines (t-bbbbbbbb)')
  })

  test.each([
    ['ticking completes', '- [ ] Three', '- [x] Three', [['t-cccccccc', 'completed']]],
    ['a capital X ticks, too', '- [ ] Three', '* [X] Three', [['t-cccccccc', 'completed']]],
    ['unticking reopens', '- [x] Four', '- [ ] Four', [['t-dddddddd', 'todo']]],
  ])('%s', (_what, from, to, expected) => {
    expect(statusesOf(edits(board.replace(from, to)))).toEqual(expected)
  })

  test('moving a line to another heading changes the status', () => {
    const line = '- [ ] Two lines (t-bbbbbbbb)\n'
    const moved = (under: string): string => board.replace(line, '').replace(`${under}\n`, `${under}\n${line}`)
    expect(statusesOf(edits(moved('## In progress')))).toEqual([['t-bbbbbbbb', 'in_progress']])
    expect(statusesOf(edits(moved('## Completed')))).toEqual([['t-bbbbbbbb', 'completed']])
    expect(statusesOf(edits(moved('## Cancelled').replace('[ ] Two', '[x] Two')))).toEqual([
      ['t-bbbbbbbb', 'cancelled'],
    ])
    const done = '- [x] Four (t-dddddddd)\n'
    expect(statusesOf(edits(board.replace(done, '').replace('## Todo\n', `## Todo\n${done}`)))).toEqual([
      ['t-dddddddd', 'todo'],
    ])
    expect(statusesOf(edits(board.replace('## Completed', '## Done')))).toEqual([])
  })

  test('a line without an id is a new task, of its heading and box', () => {
    const disk = board
      .replace('## In progress\n', '## In progress\n- [ ] New\n')
      .replace('# Board', '- [ ] First of all\n- [x] Done already\n# Board')
    expect(edits(disk).created).toMatchObject([
      { title: 'First of all', status: 'todo' },
      { title: 'Done already', status: 'completed' },
      { title: 'New', status: 'in_progress' },
    ])
  })

  test('[P2] a line whose id is not in the file yet stays that task, also when it is edited or moved', () => {
    const typed = board.replace('## Todo\n', '## Todo\n- [ ] Wri\n- [ ] Other\n')
    const [first, second] = edits(typed).created
    const base = withUnseenIds(
      typed,
      new Map([
        [first?.line ?? 0, 't-eeeeeeee'],
        [second?.line ?? 0, 't-ffffffff'],
      ]),
    )
    expect(withoutUnseenIds(base)).toBe(typed)
    const more = edits(typed.replace('Wri', 'Write docs').replace('- [ ] Other', '- [x] Other\n- [ ] Third'), base)
    expect(more.changed).toMatchObject([
      { id: 't-eeeeeeee', to: { title: 'Write docs' }, status: undefined },
      { id: 't-ffffffff', status: 'completed' },
    ])
    expect(more.created).toMatchObject([{ title: 'Third' }])
    expect([...more.unseen.values()].sort()).toEqual(['t-eeeeeeee', 't-ffffffff'])
    expect(edits(typed.replace('- [ ] Wri\n', ''), base)).toMatchObject({ missing: ['t-eeeeeeee'], created: [] })
  })

  test('[M7] what cannot be read is named with its line', () => {
    const line = board.split('\n').indexOf('## In progress') + 1
    expect(edits(board.replace('## In progress', '## Doing')).problems).toEqual([
      { reason: 'there is no status "Doing"', line, column: 1 },
    ])
    expect(edits(board.replace('- [ ] Three', 'call Ada\n- [ ] Three')).problems).toMatchObject([
      { reason: expect.stringContaining('no line of the board') },
    ])
    expect(edits(board.replace('- [ ] Three', '- [ ]\n- [ ] Three')).problems).toMatchObject([
      { reason: 'a task without a title' },
    ])
    const twice = edits(board.replace('## Completed\n', '## Completed\n- [ ] Three (t-cccccccc)\n'))
    expect(twice.problems).toMatchObject([{ reason: 'names t-cccccccc a second time' }])
    expect(twice.changed).toEqual([])
  })

  test('a line that is gone is told, and so is one about a task that was not there', () => {
    expect(edits(board.replace('- [ ] Three (t-cccccccc)\n', ''))).toMatchObject({
      missing: ['t-cccccccc'],
      changed: [],
    })
    expect(edits(board.replace('(t-cccccccc)', '(t-99999999)'))).toMatchObject({
      missing: ['t-cccccccc'],
      foreign: [{ id: 't-99999999' }],
      created: [],
    })
  })
})

test.each([
  ['## a', ' ', 'b'],
  ['## a', ' #', 'b'],
  ['- [ ] a', ' ', 'b'],
  ['- [ ] a (t-', '(', ')'],
  ['', ' ', '- x'],
])('a line is read piece by piece, however long it is: %j, then many %j', (start, piece, end) => {
  const text = `${start}${piece.repeat(100_000)}${end}`
  const { lines, others } = parseBoard(text, statuses)
  expect(lines.length + others.length).toBe(1)
})
