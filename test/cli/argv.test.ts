import { describe, expect, test } from 'vitest'
import type { Manifest, ManifestCommand, Parameter } from '../../src/api/manifest.ts'
import { type Invocation, parseArgv } from '../../src/cli/argv.ts'
import { localCommands } from '../../src/cli/local-commands.ts'

const parameter = (name: string, options: Partial<Parameter> = {}): Parameter => ({
  name,
  property: name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
  type: 'text',
  repeat: false,
  required: false,
  help: `help of ${name}`,
  ...options,
})

const command = (name: string, options: Partial<ManifestCommand> = {}): ManifestCommand => ({
  command: name,
  operation: name.replace(' ', '.'),
  effect: 'write',
  help: `Help of ${name}. And more of it.`,
  positionals: [],
  flags: [],
  view: { type: 'json' },
  examples: [`orch ${name}`],
  ...options,
})

const manifest: Manifest = {
  commands: [
    command('task create', {
      positionals: [parameter('title', { required: true })],
      flags: [
        parameter('status', { choices: ['todo', 'done'] }),
        parameter('add-label', { property: 'labels', repeat: true }),
        parameter('spent', { type: 'number' }),
        parameter('body'),
        parameter('dry-run', { type: 'boolean' }),
      ],
    }),
    command('task list'),
    command('task update', {
      flags: [
        parameter('add-dependency', { property: 'addDependencies' }),
        parameter('remove-dependency', { property: 'removeDependencies' }),
        parameter('estimate', { property: 'estimatedHours' }),
      ],
    }),
    command('tag', { positionals: [parameter('id', { required: true }), parameter('words', { repeat: true })] }),
    command('peer add', { flags: [parameter('token', { required: true })] }),
    command('status'),
  ],
}

const parse = (...argv: readonly string[]): Invocation =>
  parseArgv(argv, { manifest, local: localCommands, version: '1.2.3' })

/** The operation and its input, or what was refused. */
function outcome(...argv: readonly string[]): unknown {
  const invocation = parse(...argv)
  return invocation.type === 'operation' ? [invocation.command.operation, invocation.input] : invocation.type
}

describe('a command line becomes an operation and its input', () => {
  test.each([
    [['task', 'create', 'Fix it'], { title: 'Fix it' }],
    [['task', 'create', 'Fix it', '--status', 'done'], { title: 'Fix it', status: 'done' }],
    [['task', 'create', '--status=done', 'Fix it'], { title: 'Fix it', status: 'done' }],
    [['task', 'create', 'a', '--add-label', 'x', '--add-label', 'y'], { title: 'a', labels: ['x', 'y'] }],
    [['task', 'create', 'a', '--spent', '+1.5'], { title: 'a', spent: 1.5 }],
    [['task', 'create', 'a', '--spent', '-2'], { title: 'a', spent: -2 }],
    [['task', 'create', 'a', '--dry-run'], { title: 'a', dryRun: true }],
    [['task', 'create', 'a', '--body', '- one\n- two'], { title: 'a', body: '- one\n- two' }],
    [['task', 'create', 'a', '--body', '-'], { title: 'a', body: '-' }],
    [['task', 'create', 'a', '--body', ''], { title: 'a', body: '' }],
    [['task', 'create', '--', '--title'], { title: '--title' }],
  ])('%j', (argv, input) => {
    expect(outcome(...argv)).toEqual(['task.create', input])
  })

  test('a positional that may be repeated takes the rest', () => {
    expect(outcome('tag', 't-1', 'a', 'b')).toEqual(['tag', { id: 't-1', words: ['a', 'b'] }])
    expect(outcome('tag', 't-1')).toEqual(['tag', { id: 't-1' }])
  })

  test('global flags are understood before, between and after the words', () => {
    for (const argv of [
      ['--json', '-C', '/x', '--as', 'claude', '--no-color', 'task', 'list'],
      ['task', '--json', '-C', '/x', '--as', 'claude', '--no-color', 'list'],
      ['task', 'list', '--json', '-C', '/x', '--as', 'claude', '--no-color'],
    ]) {
      expect(parse(...argv).type === 'operation' && parse(...argv)).toMatchObject({
        globals: { json: true, C: '/x', as: 'claude', color: false },
      })
    }
  })

  test('a command of the daemon’s life hides the operation of the same name', () => {
    expect(parse('status')).toMatchObject({ type: 'local', command: { command: 'status' } })
    expect(parse('start', '--set', 'a=1', '--set', 'b=2')).toMatchObject({
      type: 'local',
      input: { set: ['a=1', 'b=2'] },
    })
  })

  test('a group without a word more lists', () => {
    expect(parse('task', '--json')).toEqual(parse('task', 'list', '--json'))
  })

  test('no word at all is the overview', () => {
    expect(parse('--json')).toMatchObject({ type: 'overview', globals: { json: true } })
  })
})

describe('what is not understood is refused with what to do', () => {
  test.each([
    [['tsk', 'list'], 'usage', 'did you mean "task"'],
    [['task', 'lsit'], 'usage', 'did you mean "task list"'],
    [['peer'], 'usage', 'peer add'],
    [['task', 'create'], 'usage', "Missing required argument 'title'"],
    [['task', 'create', 'a', 'b'], 'usage', 'Too many arguments'],
    [['task', 'create', 'a', '--staus', 'done'], 'usage', 'did you mean --status?'],
    [['task', 'update', '--dependency', 't-2'], 'usage', 'did you mean --add-dependency or --remove-dependency?'],
    [['task', 'update', '--dependencies=t-2'], 'usage', 'did you mean --add-dependency or --remove-dependency?'],
    [['task', 'update', '--estimatedHours', '2'], 'usage', 'did you mean --estimate?'],
    [['task', 'update', '--add-estimate', '2'], 'usage', 'did you mean --estimate?'],
    [['task', 'create', 'a', '--status', 'gone'], 'invalid_input', '"gone" is not one of todo, done'],
    [['task', 'create', 'a', '--spent', 'much'], 'invalid_input', '"much" is not a number'],
    [['task', 'create', 'a', '--status'], 'usage', 'argument missing'],
    [['peer', 'add'], 'usage', "--token <text>' not specified"],
  ])('%j', (argv, code, text) => {
    expect(() => outcome(...argv)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(text) }))
  })
})

describe('help', () => {
  test('of a command names its arguments, flags and examples', () => {
    const help = parse('task', 'create', '--help')
    expect(help).toEqual(parse('help', 'task', 'create'))
    expect(help.type === 'print' && help.text).toMatchInlineSnapshot(`
      "Usage: orch task create <title> [flags]

      Help of task create. And more of it.

      Arguments:
        title               help of title

      Options:
        --status <text>     help of status: todo, done
        --add-label <text>  help of add-label
        --spent <n>         help of spent
        --body <text>       help of body
        --dry-run           help of dry-run
        -h, --help          display help for command

      Examples:
        orch task create

      Every command takes --json, --as <actor>, --no-color and -C <dir>; see \`orch help\`.
      "
    `)
  })

  test('of a group and of all lists the commands', () => {
    const group = parse('task', '--help')
    expect(group.type === 'print' && group.text).toMatch(/create +Help of task create\n/)
    const all = parse('help')
    expect(all.type === 'print' && all.text).toMatch(/task +create, list, update\n/)
    expect(all.type === 'print' && all.text).toMatch(/uninstall +Takes orch out/)
  })

  test('the version is printed', () => {
    expect(parse('--version')).toEqual({ type: 'print', text: '1.2.3\n' })
  })
})
