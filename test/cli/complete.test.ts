import { describe, expect, test } from 'vitest'
import { manifestOf } from '../../src/api/manifest.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { complete } from '../../src/cli/complete.ts'
import { localCommands } from '../../src/cli/local-commands.ts'
import { builtInKinds } from '../../src/model/kinds.ts'

const manifest = manifestOf(operationsOf(builtInKinds), builtInKinds)
const at = (...words: readonly string[]) => complete(words, manifest, localCommands)
const values = (...words: readonly string[]) => at(...words).candidates.map(({ value }) => value)

describe('words of a command', () => {
  test('the first is a command or a group, with what it does', () => {
    const { candidates } = at('')
    expect(candidates.map(({ value }) => value)).toEqual(
      expect.arrayContaining(['task', 'init', 'status', 'help', 'edit']),
    )
    expect(candidates.find(({ value }) => value === 'stop')?.help).toMatch(/^Lets the daemon/)
    expect(new Set(candidates.map(({ value }) => value)).size).toBe(candidates.length)
    expect(values('tas')).toEqual(['task'])
  })

  test('the second belongs to the group', () => {
    expect(values('task', '')).toEqual(
      expect.arrayContaining(['create', 'list', 'show', 'update', 'delete', 'restore']),
    )
    expect(values('task', 'l')).toEqual(['list'])
    expect(values('help', 'task', 'l')).toEqual(['list'])
    expect(values('nonsense', '')).toEqual([])
  })

  test('flags of all commands may stand before and between', () => {
    expect(values('--json', '--as', 'ada', 'task', 'sh')).toEqual(['show'])
    expect(at('-C', '../other', 'task', 'show', '')).toMatchObject({ dir: '../other', ask: { of: 'task' } })
  })
})

describe('flags', () => {
  test('are those of the command, less what was given and cannot be repeated', () => {
    expect(values('task', 'list', '--')).toEqual(expect.arrayContaining(['--status', '--label', '--json']))
    const left = values('task', 'list', '--limit', '3', '--label', 'ui', '--')
    expect(left).toContain('--label')
    expect(left).not.toContain('--limit')
  })

  test('are offered where no argument is left', () => {
    expect(values('task', 'list', '')).toContain('--status')
    expect(at('task', 'create', '')).toEqual({ candidates: [], dir: undefined })
  })

  test('after -- there are none', () => {
    expect(values('task', 'create', '--', '-')).toEqual([])
  })
})

describe('values', () => {
  test.each<readonly [readonly string[], object]>([
    [['task', 'show', 't-7'], { of: 'task', prefix: 't-7', before: '' }],
    [['task', 'restore', ''], { of: 'deleted task', prefix: '', before: '' }],
    [['task', 'list', '--label', 'u'], { of: 'task.labels', prefix: 'u', before: '' }],
    [['task', 'update', 't-1', '--remove-label=u'], { of: 'task.labels', prefix: 'u', before: '--remove-label=' }],
    [['task', 'create', 'x', '--dependency', ''], { of: 'task', prefix: '', before: '' }],
    [['task', 'list', '--assignee', ''], { of: 'task.assignee', prefix: '', before: '' }],
    [['page', 'read', 'gui'], { of: 'page', prefix: 'gui', before: '' }],
    [['session', 'start', 'x', '--task', ''], { of: 'task', prefix: '', before: '' }],
    [['log', 'list', '--session', ''], { of: 'session', prefix: '', before: '' }],
    [['peer', 'remove', ''], { of: 'peer', prefix: '', before: '' }],
    [['state', 'get', ''], { of: 'state', prefix: '', before: '' }],
    [['history', ''], { of: 'record', prefix: '', before: '' }],
    [['edit', ''], { of: 'record', prefix: '', before: '' }],
    [['--as', ''], { of: 'actor', prefix: '', before: '' }],
  ])('%j are asked from the daemon', (words, ask) => {
    expect(at(...words).ask).toEqual(ask)
  })

  test('choices are known without it, too', () => {
    expect(values('task', 'list', '--status', 'bl')).toEqual(['blocked'])
    expect(values('task', 'list', '--status=c')).toEqual(['--status=completed', '--status=cancelled'])
    expect(values('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  })

  test('names of files are left to the shell', () => {
    expect(at('import', 'backlog', '').files).toBe('files')
    expect(at('-C', '').files).toBe('dirs')
  })

  test('free text has none', () => {
    expect(at('task', 'create', 'x', '--body', '')).toEqual({ candidates: [], dir: undefined })
    expect(at('task', 'list', '--json=')).toEqual({ candidates: [], dir: undefined })
  })
})
