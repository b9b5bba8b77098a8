import { expect, test } from 'vitest'
import type { McpCaller } from '../../../src/api/mcp/caller.ts'
import { createMissed } from '../../../src/api/mcp/missed.ts'
import type { Activity } from '../../../src/api/protocol.ts'

/** A daemon whose answers are given, in order. */
function answering(...deltas: readonly object[]): {
  readonly caller: McpCaller
  readonly asked: readonly (readonly [string, { readonly since?: string }])[]
} {
  const asked: (readonly [string, { readonly since?: string }])[] = []
  const rest = [...deltas]
  const read: McpCaller['read'] = async (operation, input) => {
    asked.push([operation, input as { readonly since?: string }])
    if (operation === 'wait') return { cursor: 'a:1' }
    if (operation === 'page.read') return { file: 'pages/guide.md' }
    return rest.shift()
  }
  return { caller: { read } as McpCaller, asked }
}

test('what was missed is told by record, page by page, and the next time only what came after', async () => {
  const { caller, asked } = answering(
    { cursor: 'a:2', more: true, changes: [{ kind: 'task', id: 't-1' }] },
    { cursor: 'a:3', more: false, changes: [{ kind: 'page', id: 'p-1' }], inbox: [{ id: 'c-1' }] },
    { cursor: 'a:4', more: false },
  )
  const missed = createMissed(caller)
  missed.begin()
  const told: unknown[] = []
  const note = ({ about }: Activity): void => void told.push(about)
  expect(await missed.catchUp(note)).toBe(true)
  expect(told).toEqual([
    { kind: 'task', id: 't-1' },
    { kind: 'page', id: 'p-1', file: 'pages/guide.md' },
    { kind: 'context', id: 'c-1' },
  ])
  expect(await missed.catchUp(note)).toBe(true)
  expect(asked.filter(([operation]) => operation === 'context.get').map(([, input]) => input.since)).toEqual([
    'a:1',
    'a:2',
    'a:3',
  ])
})

test('where one row changed very much, not all of it can be named', async () => {
  const { caller } = answering({
    cursor: 'a:2',
    more: false,
    changes: [{ kind: 'task', id: 't-1', more: { task: 99 } }],
  })
  const missed = createMissed(caller)
  missed.begin()
  expect(await missed.catchUp(() => undefined)).toBe(false)
})
