import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { must } from '../../src/base/assert.ts'
import { readLogUpdate, writeLogUpdate } from '../../src/doc/log-update.ts'
import { createProjectDoc } from '../../src/doc/project-doc.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { readLogEntry, renderLogLine } from '../../src/model/log.ts'
import { decodeLoadSnapshot, encodeLoadSnapshot, type LoadSnapshot } from '../../src/store/load-snapshot.ts'
import { decodeRow, encodeRow, type Row } from '../../src/store/row.ts'
import { formatFixture } from '../helpers/fixture.ts'

/** A state that uses every type of the document's format 1. */
function sampleState(): Uint8Array {
  const doc = createProjectDoc(builtInKinds)
  const id = 't-7f3k9q2m' as RecordId
  const entry = { actor: 'alice', type: 'person', replica: 'r-00000001' }
  doc.write(7, entry, (writer) => {
    writer.create(task, id, {
      values: { title: 'Fix login 日本語 😀', status: 'todo', labels: ['api', 'bug'], body: 'one\n', spentHours: 1.5 },
      file: `${id}-fix-login.md`,
      front: 'id: @\ntitle: @\n',
      extra: { milestone: 'm-1  ' },
    })
  })
  doc.write(8, { ...entry, actor: 'claude' }, (writer) => {
    writer.edit(task, id, { increment: { spentHours: 0.25 }, edit: { body: [{ at: 3, delete: 0, insert: ' two' }] } })
    writer.delete(task, id, 'r-00000001', { by: 'claude', at: 1, seen: { 'r-00000001': 2 } })
  })
  return doc.encodeState()
}

test('load snapshots of format 1 open, and the document in them reads as it was written', () => {
  const bytes = formatFixture('load-1.bin', () => encodeLoadSnapshot({ n: 42, state: sampleState() }))
  const snapshot: LoadSnapshot = decodeLoadSnapshot(bytes)
  expect(snapshot.n).toBe(42)
  expect(Buffer.from(encodeLoadSnapshot(snapshot)).equals(bytes)).toBe(true)
  const doc = createProjectDoc(builtInKinds, [snapshot.state])
  expect(doc.read(task, 't-7f3k9q2m' as RecordId)).toMatchObject({
    id: 't-7f3k9q2m',
    kind: 'task',
    values: {
      title: 'Fix login 日本語 😀',
      status: 'todo',
      priority: null,
      assignee: null,
      labels: ['api', 'bug'],
      dependencies: [],
      parent: null,
      estimatedHours: null,
      spentHours: 1.75,
      due: null,
      body: 'one two\n',
      closedAt: null,
      aliases: [],
      createdAt: null,
      createdBy: null,
    },
    extra: { milestone: 'm-1  ' },
    front: 'id: @\ntitle: @\n',
    file: 't-7f3k9q2m-fix-login.md',
    deletes: [{ by: 'claude', at: 1, seen: { 'r-00000001': 2 } }],
  })
  const plain = new Y.Doc()
  Y.applyUpdate(plain, snapshot.state)
  expect(plain.getMap('clients').toJSON()).toEqual({
    7: { actor: 'alice', type: 'person', replica: 'r-00000001' },
    8: { actor: 'claude', type: 'person', replica: 'r-00000001' },
  })
})

test('a row of a month of the work log of format 1 is written and read as it was, without the document', () => {
  const values = { at: '2026-11-23T08:30:00.000Z', actor: 'alice', action: 'ran the tests 日本語' }
  const author = { actor: 'alice', type: 'person', replica: 'r-00000001' }
  const details = { failed: 2 }
  const first = writeLogUpdate(7, 0, author, [
    ['l-7f3k9q2m', { ...values, session: 's-1', task: 't-7f3k9q2m', details }],
  ])
  const clock = readLogUpdate(first, () => 0)
  expect(clock).toMatchObject({ type: 'added', additions: { clocks: new Map([[7, 2]]) } })
  const make = (): Uint8Array =>
    writeLogUpdate(7, 2, author, [
      ['l-00000001', values],
      ['l-00000002', values],
    ])
  const row = (update: Uint8Array): Row => ({
    replica: 'r-00000001',
    seq: 3,
    doc: 'log/2026-11',
    at: 1_700_000_000_000,
    actor: 'alice',
    source: 'api',
    verified: true,
    session: '',
    seen: {},
    touched: [],
    update,
  })
  const bytes = formatFixture('row-log-1.bin', () => encodeRow(row(make())))
  const { update } = decodeRow(bytes)
  expect(Buffer.from(make()).equals(update)).toBe(true)
  const read = readLogUpdate(update, () => 2)
  expect(read).toMatchObject({
    type: 'added',
    additions: {
      entries: [
        ['l-00000001', values],
        ['l-00000002', values],
      ],
    },
  })
  const plain = new Y.Doc()
  for (const one of [update, first]) Y.applyUpdate(plain, one)
  expect(plain.getMap('log').size).toBe(3)
  expect(plain.getMap('clients').toJSON()).toEqual({ 7: author })
  const entries = [...plain.getMap('log').entries()].sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = entries.map(([id, value]) => renderLogLine(must(readLogEntry(id, value), id))).join('')
  expect(Buffer.from(formatFixture('log-1.jsonl', () => Buffer.from(lines))).toString()).toBe(lines)
})

test('a damaged load snapshot is noticed at every byte', () => {
  const bytes = encodeLoadSnapshot({ n: 3, state: sampleState() })
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice()
    damaged[at] = (damaged[at] ?? 0) ^ 0x20
    expect(() => decodeLoadSnapshot(damaged), `byte ${at}`).toThrow()
  }
  expect(() => decodeLoadSnapshot(bytes.slice(0, -1))).toThrow()
})
