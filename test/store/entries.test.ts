import { expect, test } from 'vitest'
import { createProjectDoc } from '../../src/doc/project-doc.ts'
import { entriesOf } from '../../src/model/comments.ts'
import type { RecordId } from '../../src/model/id.ts'
import { kindSet } from '../../src/model/kind-set.ts'
import { log } from '../../src/model/kinds/log.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { byAlice, byClaude, createTestProject } from '../helpers/project.ts'

test('[P2] comments that two replicas add at once are all there, in one order', async () => {
  const [a, b] = [createTestProject({ seed: 1 }), createTestProject({ seed: 2, inode: '2' })]
  const id = await a.project.transact(byAlice, (tx) => tx.create(task, { title: 'T' }))
  b.project.adopt({ id: a.project.id, name: a.project.name })
  await b.project.applyRows(a.project.rowsSince({}, 100), { source: 'peer', peer: 'a' })
  await a.project.transact(byAlice, (tx) =>
    tx.update(task, id, { append: { comments: [{ text: 'one' }, { text: 'two' }] } }),
  )
  await b.project.transact(byClaude, (tx) => tx.update(task, id, { append: { comments: [{ text: 'three' }] } }))
  await b.project.applyRows(a.project.rowsSince(b.project.have(), 100), { source: 'peer', peer: 'a' })
  await a.project.applyRows(b.project.rowsSince(a.project.have(), 100), { source: 'peer', peer: 'b' })
  const said = (of: typeof a) => entriesOf(of.project.read(task, id)?.values.comments)
  expect(said(a)).toEqual(said(b))
  expect(
    said(a)
      .map(({ text }) => text)
      .sort(),
  ).toEqual(['one', 'three', 'two'])
  expect(a.database.all('SELECT "by", text FROM task_comments ORDER BY at, entry')).toHaveLength(3)
})

test('a comment that says nothing, or too much, is refused', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'T' }))
  const add = (text: string) =>
    project.transact(byAlice, (tx) => tx.update(task, id, { append: { comments: [{ text }] } }))
  await expect(add(' \n')).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(add('x'.repeat(100_001))).rejects.toMatchObject({ code: 'invalid_input' })
})

test('a field that a kind got later works on records that were made before', () => {
  const { comments: _, labels: __, ...fields } = task.fields
  const old = createProjectDoc(kindSet([{ ...task, fields }, log]))
  const entry = { actor: 'alice', type: 'person', replica: 'r' }
  const id = 't-7f3k9q2m' as RecordId
  old.write(7, entry, (writer) =>
    writer.create({ ...task, fields }, id, { values: { title: 'T' }, file: 'x.md', front: '', extra: {} }),
  )
  const state = old.encodeState()
  const [a, b] = [createProjectDoc(builtInKinds, [state]), createProjectDoc(builtInKinds, [state])]
  const comment = (name: string) => ({
    append: { comments: [{ id: name, at: 1, by: name, text: name }] },
    add: { labels: [name] },
  })
  const applied = a.write(8, entry, (writer) => writer.edit(task, id, comment('one')))
  expect([...applied.edited]).toContain(id)
  const other = b.write(9, entry, (writer) => writer.edit(task, id, comment('two')))
  for (const [to, update] of [
    [a, other.update],
    [b, applied.update],
  ] as const)
    if (update) to.apply(update)
  for (const doc of [a, b]) {
    const values = doc.read(task, id)?.values ?? {}
    expect(entriesOf(values.comments).map(({ text }) => text)).toEqual(['one', 'two'])
    expect(values.labels).toEqual(['one', 'two'])
  }
})
