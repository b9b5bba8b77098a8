import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { createProjectDoc, type ProjectDoc } from '../../src/doc/project-doc.ts'
import type { RecordId } from '../../src/model/id.ts'
import { state } from '../../src/model/kinds/state.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'

const id = 't-7f3k9q2m' as RecordId
/** Nobody has written under any id; that of alice is this replica's. */
const free = (client: number) => (client === 7 ? ('ours' as const) : ('free' as const))

/** A document with one task, and a client that has all of it. `sent` gives what the client's edits send. */
function createClient(): {
  doc: ProjectDoc
  client: Y.Doc
  record: Y.Map<unknown>
  sent(edit: () => void): Uint8Array
} {
  const doc = createProjectDoc(builtInKinds)
  doc.write(7, { actor: 'alice', type: 'person', replica: 'r-1' }, (writer) => {
    writer.create(task, id, { values: { title: 'A', body: 'one two' }, file: 'a.md', front: '', extra: {} })
    writer.setKey(state, 'phase', { name: 'beta' })
  })
  const client = new Y.Doc()
  Y.applyUpdate(client, doc.encodeState())
  const sent = (edit: () => void): Uint8Array => {
    const before = Y.encodeStateVector(client)
    client.transact(edit)
    return Y.encodeStateAsUpdate(client, before)
  }
  return { doc, client, record: client.getMap('tasks').get(id) as Y.Map<unknown>, sent }
}

test('what an honest client does is accepted: text, fields, sets, new records, state', () => {
  const { doc, client, record, sent } = createClient()
  const edits: (() => void)[] = [
    () => (record.get('body') as Y.Text).insert(3, ' and a half'),
    () => (record.get('body') as Y.Text).delete(0, 4),
    () => record.set('title', 'B'),
    () => record.set('title', 'C'),
    () => record.delete('title'),
    () => (record.get('labels') as Y.Map<boolean>).set('x', true),
    () => (record.get('labels') as Y.Map<boolean>).delete('x'),
    () => client.getMap('state').set('phase', { name: 'gamma' }),
    () => client.getMap('state').delete('phase'),
    () =>
      client.getMap('tasks').set(
        't-00000001',
        new Y.Map([
          ['title', 'new'],
          ['body', new Y.Text('text')],
        ]),
      ),
    () => client.getMap('own').set('anything', new Y.Map()),
  ]
  for (const edit of edits) {
    const update = sent(edit)
    expect(doc.guard(update, free).type, String(edit)).toBe('ok')
    doc.apply(update)
  }
  // The whole state sent again, as after a reload, is no news.
  expect(doc.guard(Y.encodeStateAsUpdate(client), free)).toEqual({ type: 'ok', clients: [] })
})

test('what would take from others is refused', () => {
  const attacks: ((parts: ReturnType<typeof createClient>) => void)[] = [
    ({ client }) => client.getMap('tasks').delete(id),
    ({ client }) => client.getMap('tasks').set(id, new Y.Map()),
    ({ record }) => record.delete('body'),
    ({ record }) => record.set('body', new Y.Text('mine now')),
    ({ record }) => record.set('labels', 'not a set'),
    ({ record }) => record.delete('life'),
    ({ client }) => client.getMap('clients').set('7', { actor: 'mallory' }),
    ({ client }) => client.getMap('clients').delete('7'),
    ({ client }) => client.getMap('clients').set('12345', { actor: 'mallory' }),
  ]
  for (const attack of attacks) {
    const parts = createClient()
    const before = parts.doc.read(task, id)
    expect(
      parts.doc.guard(
        parts.sent(() => attack(parts)),
        free,
      ),
      String(attack),
    ).toMatchObject({ type: 'forbidden' })
    expect(parts.doc.read(task, id)).toEqual(before)
  }
})

test('an update that builds on what is missing waits for that, and bytes that are no update are malformed', () => {
  const { doc, record, sent } = createClient()
  const first = sent(() => (record.get('body') as Y.Text).insert(0, 'a'))
  const second = sent(() => (record.get('body') as Y.Text).insert(1, 'b'))
  expect(doc.guard(second, free)).toMatchObject({ type: 'park', reason: 'missing' })
  expect(doc.guard(second).type).toBe('gap')
  expect(doc.guard(first, free).type).toBe('ok')
  expect(doc.guard(new Uint8Array([9, 9, 9]), free).type).toBe('malformed')
  const removal = sent(() => (record.get('body') as Y.Text).delete(0, 1))
  expect(doc.guard(removal, free).type).toBe('park')
})

test('an honest client that wrote and deleted before its first synchronisation is accepted', () => {
  const { doc } = createClient()
  const offline = new Y.Doc()
  offline.getText('notes').insert(0, 'abc')
  offline.getText('notes').delete(0, 3)
  expect(doc.guard(Y.encodeStateAsUpdate(offline), free).type).toBe('ok')
})
