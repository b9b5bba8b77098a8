import { expect, test } from 'vitest'
import { z } from 'zod'
import { type CallNote, createDoor } from '../../src/api/door.ts'
import type { Operation, OperationContext } from '../../src/api/operation.ts'
import { OrchError } from '../../src/base/error.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { OperationRole, Principal, Role } from '../../src/model/principal.ts'
import { alice } from '../helpers/project.ts'

const operation = (name: string, role: OperationRole, run: Operation['run'], paths?: readonly string[]): Operation => ({
  name,
  effect: 'read',
  role,
  help: name,
  input: z.strictObject({ text: z.string().optional() }),
  output: z.unknown(),
  cli: { command: name, positionals: [], view: { type: 'json' }, examples: [], ...(paths && { paths }) },
  run,
})

const notes: CallNote[] = []
const door = createDoor({
  operations: [
    operation('read', 'reader', ({ actor }) => actor.name),
    operation('write', 'writer', () => 'written'),
    operation('govern', 'admin', () => 'governed'),
    operation('files', 'reader', () => 'read files', ['path']),
    operation('refuse', 'reader', () => {
      throw new OrchError('record_not_found', { kind: 'task', id: 't-1' })
    }),
    operation('break', 'reader', () => {
      throw new TypeError('not a function')
    }),
  ],
  contextOf: ({ actor }) => ({ actor }) as unknown as OperationContext,
  ready: Promise.resolve(),
  monotonic: () => 0,
  note: (note) => notes.push(note),
  log: silentLogger,
})
const as = (role: Role, by: Principal['by'] = 'token'): Principal => ({ actor: alice, role, by, from: '192.0.2.1' })
const outcome = (name: string, principal: Principal, input: unknown = {}): Promise<unknown> =>
  door.call(name, input, principal).catch((error: OrchError) => error.code)

test.each<[Role, readonly string[]]>([
  ['reader', ['alice', 'forbidden', 'forbidden']],
  ['writer', ['alice', 'written', 'forbidden']],
  ['admin', ['alice', 'written', 'governed']],
  ['replica', ['alice', 'written', 'forbidden']],
])('a %s may call what its role includes, and is shown only that', async (role, expected) => {
  const outcomes = await Promise.all(['read', 'write', 'govern'].map((name) => outcome(name, as(role))))
  expect(outcomes).toEqual(expected)
  const shown = door.operationsFor(as(role)).map(({ name }) => name)
  expect(['read', 'write', 'govern'].map((name) => shown.includes(name))).toEqual(
    expected.map((text) => text !== 'forbidden'),
  )
})

test('an operation on files of this machine is only for who is on it', async () => {
  expect(await outcome('files', as('admin'))).toBe('forbidden')
  expect(await outcome('files', as('admin', 'socket'))).toBe('read files')
})

test('the role is checked before the input is looked at', async () => {
  expect(await outcome('govern', as('reader'), { nonsense: 1 })).toBe('forbidden')
  expect(await outcome('govern', as('admin'), { nonsense: 1 })).toBe('invalid_input')
})

test('every failure is a refusal with a code, and every call is noted with it', async () => {
  notes.length = 0
  expect([
    await outcome('reed', as('reader')),
    await outcome('refuse', as('reader')),
    await outcome('break', as('reader')),
    await outcome('read', as('reader')),
  ]).toEqual(['usage', 'record_not_found', 'internal', 'alice'])
  expect(notes.map(({ operation: { name }, error }) => [name, error?.code])).toEqual([
    ['refuse', 'record_not_found'],
    ['break', 'internal'],
    ['read', undefined],
  ])
})

test('a refusal is noted, also where a surface looks an operation up before it calls', () => {
  notes.length = 0
  expect(() => door.operation('govern', as('reader'))).toThrow('asks for the role admin')
  expect(notes.map(({ operation: { name }, error }) => [name, error?.code])).toEqual([['govern', 'forbidden']])
})
