import { describe, expect, test } from 'vitest'
import type { View } from '../../src/api/operation.ts'
import { pad, printable, truncate, widthOf } from '../../src/base/width.ts'
import { type Look, render } from '../../src/cli/render.ts'

const pipe: Look = { color: false, columns: undefined, now: undefined }
const terminal: Look = { color: false, columns: 40, now: Date.parse('2026-11-23T08:10:00Z') }

const list: View = {
  type: 'table',
  rows: 'items',
  columns: [
    { key: 'id', head: 'id', style: 'id' },
    { key: 'status', head: 'status', style: 'status' },
    { key: 'assignee', head: 'assignee' },
    { key: 'updatedAt', head: 'changed', style: 'time' },
    { key: 'title', head: 'title' },
  ],
  empty: 'There are no tasks.',
}

const tasks = {
  items: [
    { id: 't-1', status: 'todo', assignee: null, updatedAt: '2026-11-23T08:00:00.000Z', title: 'Fix the login page' },
    {
      id: 't-22',
      status: 'completed',
      assignee: null,
      updatedAt: '2026-11-20T08:00:00.000Z',
      title: '日本語の案内を書く',
    },
  ],
}

describe('a table', () => {
  test('in a pipe is aligned, whole and without empty columns', () => {
    expect(render(tasks, list, pipe)).toEqual({
      text: [
        'id    status     changed                   title',
        't-1   todo       2026-11-23T08:00:00.000Z  Fix the login page',
        't-22  completed  2026-11-20T08:00:00.000Z  日本語の案内を書く',
        '',
      ].join('\n'),
    })
  })

  test('on a terminal is cut to its columns, wide characters counted as two', () => {
    const { text } = render(tasks, list, terminal)
    expect(text).toBe(
      [
        'id    status     changed    title',
        't-1   todo       10min ago  Fix the log…',
        't-22  completed  3d ago     日本語の案…',
        '',
      ].join('\n'),
    )
    for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(40)
  })

  test('says how to get the next page', () => {
    expect(render({ ...tasks, total: 120, next: 'abc' }, list, pipe).footer).toBe(
      '2 of 120 shown; the next: --after abc',
    )
    expect(render(tasks, list, pipe).footer).toBeUndefined()
    expect(render({ ...tasks, total: 120 }, list, pipe).footer).toBeUndefined()
    expect(render({ ...tasks, total: 120 }, { ...list, isOnePage: true } as View, pipe).footer).toBe(
      '2 of 120 shown; more with --limit',
    )
    expect(render({ ...tasks, total: 1000, atLeast: true, next: 'abc', hidden: 30 }, list, pipe).footer).toBe(
      '2 of at least 1000 shown; the next: --after abc\nat least 30 closed are not shown: --all',
    )
  })

  test('says how many closed ones it leaves out, also when it has no rows', () => {
    expect(render({ ...tasks, hidden: 12 }, list, pipe).footer).toBe('12 closed are not shown: --all')
    expect(render({ items: [], hidden: 1 }, list, pipe)).toEqual({
      text: 'There are no tasks.\n',
      footer: '1 closed is not shown: --all',
    })
    expect(render({ ...tasks, total: 120, next: 'abc', hidden: 12 }, list, pipe).footer?.split('\n')).toHaveLength(2)
  })

  test('shows short commits on a terminal and whole ones in a pipe', () => {
    const commits: View = {
      ...list,
      type: 'table',
      rows: 'items',
      empty: '',
      columns: [{ key: 'commit', head: 'commit', style: 'commit' }],
    }
    const history = { items: [{ commit: 'a5ea7c66dd4074386d41b00000000000000000ff' }] }
    expect(render(history, commits, terminal).text).toBe('commit\na5ea7c66dd\n')
    expect(render(history, commits, pipe).text).toBe('commit\na5ea7c66dd4074386d41b00000000000000000ff\n')
  })

  test('without rows says so', () => {
    expect(render({ items: [] }, list, pipe).text).toBe('There are no tasks.\n')
  })

  test('colours by meaning where colour is wanted', () => {
    const { text } = render(tasks, list, { ...pipe, color: true })
    expect(text).toContain('\u001b[36mt-1 \u001b[39m')
    expect(text).toContain('\u001b[32mcompleted\u001b[39m')
  })

  test('a title cannot make a second row, nor steer the terminal', () => {
    const { text } = render({ items: [{ id: 't-1', title: 'a\nt-9  forged\u001b[2J' }] }, list, terminal)
    expect(text).toBe('id   title\nt-1  a t-9  forged\u{fffd}[2J\n')
  })
})

describe('a record', () => {
  const record = {
    id: 't-1',
    kind: 'task',
    title: 'Fix the login',
    status: 'todo',
    labels: ['auth', 'web'],
    assignee: null,
    extra: { reviewer: 'bo' },
    body: 'First.\n\nSecond.\n',
  }

  test('is its title, its fields that are set, and its text', () => {
    expect(render(record, { type: 'record' }, pipe).text).toBe(
      [
        't-1  Fix the login',
        'kind    task',
        'status  todo',
        'labels  auth, web',
        'extra   reviewer: bo',
        '',
        'First.',
        '',
        'Second.',
        '',
      ].join('\n'),
    )
  })

  test('that is no record of a kind shows every field, lists of things one a line', () => {
    const status = { pid: 1, problems: [{ what: 'broken', where: 'tasks/a.md' }] }
    expect(render({ status }, { type: 'record', at: 'status' }, pipe).text).toBe(
      'pid       1\nproblems\n  broken  tasks/a.md\n',
    )
  })
})

test.each<[View, unknown, string]>([
  [
    { type: 'message', text: 'Created {id}: {task.title}' },
    { id: 't-1', task: { title: 'x\ny' } },
    'Created t-1: x y\n',
  ],
  [{ type: 'text', field: 'body' }, { body: 'as it\n is' }, 'as it\n is\n'],
  [{ type: 'text', field: 'body' }, { body: 'bell\u0007' }, 'bell\u0007\n'],
  [{ type: 'json', field: 'value' }, { value: { a: 1 } }, '{\n  "a": 1\n}\n'],
  [{ type: 'json' }, 'beta', '"beta"\n'],
])('%j', (view, result, text) => {
  expect(render(result, view, pipe).text).toBe(text)
})

describe('width', () => {
  test.each([
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['🎉', 2],
    ['한글', 4],
    ['ｆｕ', 4],
  ])('of %s is %i', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  test('nothing is cut in the middle of a character', () => {
    expect(truncate('日本語', 5)).toBe('日本…')
    expect(truncate('日本語', 6)).toBe('日本語')
    expect(truncate('a🎉b', 3)).toBe('a…')
    expect(pad('日', 4)).toBe('日  ')
  })

  test('characters that steer a terminal or reorder text are shown as unknown', () => {
    expect(printable('a\u001b]0;title\u0007b\u202ec\td\n')).toBe('a\u{fffd}]0;title\u{fffd}b\u{fffd}c\td\n')
  })
})

describe('sizes and empty lines', () => {
  const status = {
    running: true,
    peers: [],
    here: { actors: [], replicas: [] },
    sizes: { database: 1_234_567, log: 512, load: 45_678_901 },
    rows: 12_345,
  }
  const view: View = { type: 'record', bytes: ['sizes'] }

  test('on a terminal sizes are readable, and what is empty is left out', () => {
    expect(render(status, view, { ...terminal, columns: 100 }).text).toBe(
      ['running  true', 'sizes    database: 1.2 MB, log: 512 B, load: 46 MB', 'rows     12345', ''].join('\n'),
    )
  })

  test('in a pipe they are as they are', () => {
    expect(render(status, view, pipe).text).toContain('database: 1234567, log: 512, load: 45678901')
    expect(render(status, view, pipe).text).toContain('here')
  })
})
