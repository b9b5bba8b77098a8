import { beforeEach, expect, test } from 'vitest'
import { manifestOf } from '../../src/api/manifest.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { type Caller, createCaller } from './operations-caller.ts'

let caller: Caller
beforeEach(() => {
  caller = createCaller()
})

interface Suggestion {
  readonly value: string
  readonly help: string
}
const suggest = async (of: string, prefix?: string): Promise<readonly Suggestion[]> =>
  (await caller.call('suggest', { of, ...(prefix !== undefined && { prefix }) })).items as readonly Suggestion[]
const make = async (title: string, more: object = {}): Promise<string> =>
  String((await caller.call('task.create', { title, ...more })).id)

test('tasks come with their titles; closed ones only when they are asked for by letters', async () => {
  const [open, over] = [await make('open'), await make('over', { status: 'done' })]
  expect(await suggest('task')).toEqual([{ value: open, help: 'open' }])
  expect(await suggest('task', over)).toEqual([{ value: over, help: 'over' }])
  expect((await suggest('task', 't-')).map(({ value }) => value).sort()).toEqual([open, over].sort())
  expect(await suggest('task', 'zz')).toEqual([])
})

test('deleted ones are what can be restored', async () => {
  const id = await make('gone')
  await caller.call('task.delete', { id })
  expect(await suggest('task')).toEqual([])
  expect(await suggest('deleted task')).toEqual([{ value: id, help: 'gone' }])
})

test('a page is suggested by its path', async () => {
  await caller.call('page.write', { path: 'guides/start.md', text: '# How to start' })
  expect(await suggest('page', 'gui')).toEqual([{ value: 'guides/start.md', help: 'How to start' }])
  expect((await suggest('record')).map(({ value }) => value)).toContain('guides/start.md')
})

test('values of a field come with how often they are used, the most frequent first', async () => {
  await make('a', { labels: ['ui'], assignee: 'bob' })
  await make('b', { labels: ['ui', 'needs review'] })
  expect(await suggest('task.labels')).toEqual([
    { value: 'ui', help: '2 tasks' },
    { value: 'needs review', help: '1 task' },
  ])
  expect(await suggest('task.labels', 'n')).toHaveLength(1)
  expect((await suggest('task.status', 'c')).map(({ value }) => value)).toEqual(['completed', 'cancelled'])
  expect((await suggest('actor')).map(({ value }) => value).sort()).toEqual(['alice', 'bob'])
})

test('peers and keys of the state come with what they say', async () => {
  await caller.call('peer.add', { name: 'desk', url: 'ws://127.0.0.1:1/sync/demo', token: 'x' })
  await caller.call('state.set', { key: 'currentPhase', value: 'beta' })
  expect(await suggest('peer')).toEqual([{ value: 'desk', help: 'ws://127.0.0.1:1/sync/demo' }])
  expect(await suggest('state')).toEqual([{ value: 'currentPhase', help: '"beta"' }])
})

test('what there is nothing of is refused', async () => {
  for (const of of ['', 'nonsense', 'task.nonsense', 'task.__proto__', 'deleted peer']) {
    expect(await caller.refusal('suggest', { of })).toMatchObject({ code: 'invalid_input', data: { field: 'of' } })
  }
})

test('whatever a command line may ask for is answered', async () => {
  const parameters = manifestOf(operationsOf(builtInKinds), builtInKinds).commands.flatMap(({ positionals, flags }) => [
    ...positionals,
    ...flags,
  ])
  const asked = new Set(parameters.flatMap(({ suggest: of }) => of ?? []))
  expect(asked.size).toBeGreaterThan(10)
  for (const of of asked) expect(Array.isArray(await suggest(of))).toBe(true)
})
