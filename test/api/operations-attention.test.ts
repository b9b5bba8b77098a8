import { beforeEach, describe, expect, test } from 'vitest'
import { operationsOf } from '../../src/api/operations.ts'
import { DISMISS } from '../../src/model/attention.ts'
import { itemOf } from '../helpers/attention.ts'
import { claude } from '../helpers/project.ts'
import { type Caller, createCaller } from './operations-caller.ts'

const held = itemOf({
  kind: 'held_deletes',
  what: '30 files were gone at once',
  where: '.',
  fix: 'A person decides.',
  ways: [{ name: 'delete', help: 'delete these records', destructive: true }, DISMISS],
})
const broken = itemOf({ kind: 'broken_file', what: 'is empty', where: 'tasks/a.md', fix: 'Write something.' })

let caller: Caller
beforeEach(() => {
  caller = createCaller()
  caller.parts.trouble = [held, broken]
})

describe('the attention list', () => {
  test('[P6] lists what needs somebody, and shows one by a beginning of its id', async () => {
    expect((await caller.call('attention.list')).items).toEqual([held, broken])
    expect(await caller.call('attention.show', { item: held.id.slice(0, 6) })).toEqual(held)
    expect(await caller.call('attention.show', { item: held.id.slice(2) })).toEqual(held)
    expect((await caller.refusal('attention.show', { item: 'a-' })).code).toBe('ambiguous_id')
    expect((await caller.refusal('attention.show', { item: 'nothing' })).code).toBe('attention_not_found')
  })

  test('settles an item in one of its ways', async () => {
    expect(await caller.call('attention.resolve', { item: held.id, way: 'dismiss' })).toMatchObject({ way: 'dismiss' })
    expect(caller.parts.calls).toEqual([`settle ${held.id} dismiss`])
  })

  test('[P6] what takes something away is for a person, and the refusal says so without a command', async () => {
    for (const op of ['attention.resolve', 'attention.confirm']) {
      const error = await caller.as(claude).error(op, { item: held.id, way: 'delete' })
      expect(error).toMatchObject({ code: 'forbidden' })
      expect(`${error.message} ${error.hint}`).toMatch(/person at a terminal.*delete these records/)
      expect(`${error.message} ${error.hint}`).not.toContain('orch ')
    }
    expect((await caller.refusal('attention.resolve', { item: held.id, way: 'delete' })).code).toBe('forbidden')
    expect(caller.parts.calls).toEqual([])
    await caller.call('attention.confirm', { item: held.id, way: 'delete' })
    expect(caller.parts.calls).toEqual([`settle ${held.id} delete`])
    expect(operationsOf(caller.project.kinds).find(({ name }) => name === 'attention.confirm')).toMatchObject({
      role: 'admin',
    })
  })
})
