import { describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { unknownBase } from '../../src/mirror/ingest.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { parseRecord, renderRecord } from '../../src/model/markdown.ts'
import type { RecordView } from '../../src/model/record.ts'
import { applyEdits } from '../../src/model/text-edit.ts'
import { changedState, type FileContent, patchOf } from '../../src/store/file-patch.ts'

const record: RecordView = {
  id: 't-7f3k9q2m' as RecordId,
  kind: 'task',
  values: {
    title: 'Fix login',
    status: 'todo',
    priority: 'medium',
    assignee: 'bob',
    labels: ['a', 'b'],
    dependencies: [],
    parent: null,
    estimatedHours: null,
    spentHours: 2,
    due: null,
    body: 'one two three',
    closedAt: null,
    aliases: [],
    createdAt: '2026-11-23T08:00:00Z',
    createdBy: 'alice',
  },
  extra: { sprint: '7' },
  front: 'id: @\ntitle: @\nstatus: @ # how far\npriority: @\nassignee: @\nlabels: @\nspentHours: @\nsprint: @\n',
  file: 't-7f3k9q2m-fix-login.md',
  issues: [],
}
const base = renderRecord(task, record)
const parse = (text: string): FileContent => {
  const parsed = parseRecord(task, text, base)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed
}
const patch = (text: string, current = record) => patchOf(task, parse(base), parse(text), current)

describe('what a save changes', () => {
  test('[M1] nothing changed is no patch', () => {
    expect(patch(base)).toEqual({})
  })

  test('[M9] only keys whose value differs are written', () => {
    expect(patch(base.replace('status: todo', 'status: review'))).toEqual({ set: { status: 'review' } })
  })

  test('[M9] a synonym and other spellings of the same value are no edit of the field', () => {
    expect(patch(base.replace('Fix login', '"Fix login"')).set).toBeUndefined()
  })

  test('[M9] sets are patched by member, in any order', () => {
    const labels = must(/labels: .*\n/.exec(base)?.[0], 'no labels')
    expect(patch(base.replace(labels, 'labels: [c, a]\n'))).toMatchObject({
      add: { labels: ['c'] },
      remove: { labels: ['b'] },
    })
    expect(patch(base.replace(labels, 'labels: [b, a]\n')).add).toBeUndefined()
  })

  test('[M9] a counter is patched by what was added', () => {
    expect(patch(base.replace('spentHours: 2', 'spentHours: 2.3')).increment).toEqual({ spentHours: 0.3 })
  })

  test('[M9] a removed key clears its field, but a required one comes back', () => {
    expect(patch(base.replace('assignee: bob\n', '')).set).toEqual({ assignee: null })
    expect(patch(base.replace(/priority: medium\n/, '')).set).toBeUndefined()
  })

  test('[M9] what orch alone writes is not edited by hand', () => {
    expect(patch(base.replace('createdBy: alice', 'createdBy: mallory')).set).toBeUndefined()
    expect(patch(base.replace('id: t-7f3k9q2m', 'id: t-00000000')).set).toBeUndefined()
  })

  test('[M9] extra keys are taken as they are written, and removed with null', () => {
    expect(patch(base.replace('sprint: 7', 'sprint: 010')).extra).toEqual({ sprint: '010' })
    expect(patch(base.replace('sprint: 7\n', '')).extra).toEqual({ sprint: null })
  })

  test('[M9] a comment is an edit of the skeleton alone', () => {
    const result = patch(base.replace('# how far', '# how far it is'))
    expect(Object.keys(result)).toEqual(['front'])
    expect(applyEdits(record.front, result.front ?? [])).toContain('# how far it is')
  })

  test('[M1] the body is what changed since the base, moved over what changed meanwhile', () => {
    const current = { ...record, values: { ...record.values, body: 'zero one two three four\n' } }
    const result = patch(base.replace('two', 'two-and-a-half'), current)
    expect(applyEdits('zero one two three four\n', result.edit?.body ?? [])).toBe(
      'zero one two-and-a-half three four\n',
    )
  })

  test('a line added at the end stands right below the text, whatever newlines the document holds there', () => {
    const current = { ...record, values: { ...record.values, body: 'one two three\n\n' } }
    const result = patch(`${base.trimEnd()}\nfour\n`, current)
    expect(applyEdits('one two three\n\n', result.edit?.body ?? [])).toBe('one two three\nfour\n\n')
  })

  test('[M7] an invalid value is left out, the rest is taken', () => {
    const text = base.replace('status: todo', 'status: nearly').replace('assignee: bob', 'assignee: eve')
    expect(patch(text)).toEqual({ set: { assignee: 'eve' } })
  })

  test('a file of which nothing is known adds to its record and takes nothing away', () => {
    const disk = parse(
      base
        .replace('title: Fix login', 'title: Other')
        .replace('assignee: bob\n', '')
        .replace('one two', 'one new two')
        .replace(' three', ''),
    )
    const result = patchOf(task, unknownBase(task, disk, record), disk, record)
    expect(result.set).toEqual({ title: 'Other' })
    expect(applyEdits('one two three', result.edit?.body ?? [])).toBe('one new two three')
    expect(result.remove).toBeUndefined()
    expect(result.increment).toBeUndefined()
  })

  test('[M9] keys of the state are compared one by one', () => {
    expect(changedState({ a: 1, b: [1, 2], c: 'x' }, { a: 1, b: [2, 1], d: null })).toEqual([
      ['b', [2, 1]],
      ['c', undefined],
      ['d', null],
    ])
  })
})
