import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GLOBAL_FLAGS, manifestOf } from '../../src/api/manifest.ts'
import type { Operation } from '../../src/api/operation.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { localCommands } from '../../src/cli/local-commands.ts'
import { builtInKinds } from '../../src/model/kinds.ts'

const operation = (input: z.ZodType, cli: Partial<Operation['cli']> = {}): Operation => ({
  name: 'toy.make',
  effect: 'write',
  role: 'writer',
  help: 'Makes a toy.',
  input,
  output: z.unknown(),
  cli: { command: 'toy make', positionals: [], view: { type: 'json' }, examples: [], ...cli },
  run: () => undefined,
})

const flagsOf = (shape: z.ZodRawShape, cli: Partial<Operation['cli']> = {}) =>
  manifestOf([operation(z.object(shape), cli)], builtInKinds).commands[0]?.flags

describe('a property becomes a flag', () => {
  test.each([
    ['text', z.string(), { type: 'text', repeat: false, required: true }],
    ['optional text', z.string().optional(), { type: 'text', required: false }],
    ['text or nothing', z.string().nullable().optional(), { type: 'text', required: false }],
    ['text with a default', z.string().default('a'), { type: 'text', required: false }],
    ['a whole number', z.number().int(), { type: 'number' }],
    ['number or text', z.union([z.number(), z.string()]), { type: 'text' }],
    ['yes or no', z.boolean().default(false), { type: 'boolean', required: false }],
    ['a choice', z.enum(['red', 'blue']), { type: 'text', choices: ['red', 'blue'] }],
    ['a list of texts', z.array(z.string()), { type: 'text', repeat: true }],
    ['JSON', z.json(), { type: 'json' }],
    ['an object', z.record(z.string(), z.number()), { type: 'json' }],
  ])('%s', (_, schema, expected) => {
    expect(flagsOf({ wheelSize: schema.describe('how big') })).toEqual([
      expect.objectContaining({ name: 'wheel-size', property: 'wheelSize', help: 'how big', ...expected }),
    ])
  })

  test('under the name the operation gives it, or by position, or from standard input', () => {
    const shape = { title: z.string().describe('t'), body: z.string().describe('b'), hours: z.number().describe('h') }
    const taken = { positionals: ['title', 'body'], flags: { hours: 'spent' }, stdin: 'body' }
    const [command] = manifestOf([operation(z.object(shape), taken)], builtInKinds).commands
    expect(command?.positionals.map(({ name, required }) => [name, required])).toEqual([
      ['title', true],
      ['body', false],
    ])
    expect(command?.flags.map(({ name }) => name)).toEqual(['spent'])
  })
})

test.each([
  ['without help', { size: z.string() }, {}, 'has no help'],
  ['that hides a global flag', { json: z.string().describe('x') }, {}, 'flag of every command'],
  ['by position that is not there', {}, { positionals: ['gone'] }, 'has no input "gone"'],
])('a property %s fails the build', (_, shape, cli, message) => {
  expect(() => flagsOf(shape, cli)).toThrow(message)
})

test('every command has a name of its own, an example, and no flag of the commands of the daemon’s life is global', () => {
  const { commands } = manifestOf(operationsOf(builtInKinds), builtInKinds)
  expect(new Set(commands.map(({ command }) => command)).size).toBe(commands.length)
  expect(commands.filter(({ examples }) => examples.length === 0)).toEqual([])
  expect(localCommands.flatMap(({ flags }) => flags.filter(({ name }) => GLOBAL_FLAGS.includes(name)))).toEqual([])
})
