import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { byAlice, byClaude, createTestProject } from '../helpers/project.ts'
import { createMemoryDatabase } from '../memory/database.ts'

/** Two replicas of one project. */
function createPair(): readonly [OpenProject, OpenProject] {
  const a = createTestProject({ seed: 1 }).project
  const b = createTestProject({ seed: 2 }).project
  b.adopt({ id: a.id, name: a.name })
  return [a, b]
}

const give = (from: OpenProject, to: OpenProject) =>
  to.applyRows(from.rowsSince(to.have(), 10_000), { source: 'peer', peer: from.replica })

async function exchange(a: OpenProject, b: OpenProject): Promise<void> {
  await give(a, b)
  await give(b, a)
}

function expectEqual(a: OpenProject, b: OpenProject): void {
  expect(a.have()).toEqual(b.have())
  expect(Y.diffUpdate(a.encodeState(), b.encodeStateVector())).toEqual(
    Y.diffUpdate(b.encodeState(), a.encodeStateVector()),
  )
  const ids = a.ids(task, { deleted: true })
  expect(b.ids(task, { deleted: true })).toEqual(ids)
  for (const id of ids) expect(b.read(task, id)).toEqual(a.read(task, id))
  expect(a.checkIndex(createMemoryDatabase())).toEqual([])
  expect(b.checkIndex(createMemoryDatabase())).toEqual([])
}

const make = (project: OpenProject, title = 'A') =>
  project.transact(byAlice, (tx) => tx.create(task, { title, body: 'alpha beta gamma' }))
const edit = (project: OpenProject, id: RecordId) =>
  project.transact(byClaude, (tx) => tx.update(task, id, { set: { priority: 'high' } }))
const remove = (project: OpenProject, id: RecordId) => project.transact(byAlice, (tx) => tx.delete(task, id))
const isDeleted = (project: OpenProject, id: RecordId) => project.read(task, id)?.deletedAt !== undefined

test('[P3] concurrent edits of text, sets, counters and registers all arrive on both sides', async () => {
  const [a, b] = createPair()
  const id = await make(a)
  await exchange(a, b)
  await a.transact(byAlice, (tx) =>
    tx.update(task, id, {
      edit: { body: [{ at: 5, delete: 0, insert: ' one' }] },
      add: { labels: ['x'] },
      increment: { spentHours: 0.1 },
    }),
  )
  await b.transact(byClaude, (tx) =>
    tx.update(task, id, {
      edit: { body: [{ at: 16, delete: 0, insert: ' two' }] },
      add: { labels: ['y'] },
      increment: { spentHours: 0.2 },
    }),
  )
  await exchange(a, b)
  expectEqual(a, b)
  expect(a.read(task, id)?.values).toMatchObject({
    body: 'alpha one beta gamma two',
    labels: ['x', 'y'],
    spentHours: 0.3,
  })
})

test('a delete that had seen every edit holds on both sides', async () => {
  const [a, b] = createPair()
  const id = await make(a)
  await exchange(a, b)
  await edit(b, id)
  await exchange(a, b)
  await remove(a, id)
  await exchange(a, b)
  expectEqual(a, b)
  expect(isDeleted(a, id)).toBe(true)
  expect(a.ids(task)).toEqual([])
  expect(a.read(task, id)?.deletedBy).toBe('alice')
})

test('a concurrent edit keeps the record, and nobody has to write anything for it', async () => {
  const [a, b] = createPair()
  const id = await make(a)
  await exchange(a, b)
  await remove(a, id)
  await edit(b, id)
  const rows = a.rowCount() + b.rowCount()
  await exchange(a, b)
  expectEqual(a, b)
  expect(isDeleted(a, id)).toBe(false)
  expect(a.rowCount() + b.rowCount()).toBe(rows + 2)
})

test('an informed delete on one side stays, whatever a blind one on the other said', async () => {
  for (const [informed, blind] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const pair = createPair()
    const [one, other] = [pair[informed], pair[blind]] as [OpenProject, OpenProject]
    const id = await make(one)
    await exchange(one, other)
    await edit(one, id)
    await remove(one, id)
    await remove(other, id)
    await exchange(one, other)
    expectEqual(one, other)
    expect(isDeleted(one, id)).toBe(true)
  }
})

test('restoring brings a record back everywhere, and a later delete holds again', async () => {
  const [a, b] = createPair()
  const id = await make(a)
  await remove(a, id)
  await exchange(a, b)
  await b.transact(byClaude, (tx) => tx.restore(task, id))
  await exchange(a, b)
  expect(isDeleted(a, id)).toBe(false)
  await remove(b, id)
  await exchange(a, b)
  expectEqual(a, b)
  expect(isDeleted(a, id)).toBe(true)
  await expect(edit(a, id)).rejects.toMatchObject({ code: 'record_deleted' })
})

test('rows that build on rows which are not here are refused, and taken once those came', async () => {
  const [a, b] = createPair()
  const id = await make(a)
  await edit(a, id)
  const rows = a.rowsSince({}, 10)
  await expect(b.applyRows(rows.slice(1), { source: 'peer', peer: 'a' })).rejects.toMatchObject({
    code: 'rows_missing',
  })
  expect(b.rowCount()).toBe(0)
  expect(await b.applyRows(rows, { source: 'peer', peer: 'a' })).toBe(2)
  expect(await b.applyRows(rows, { source: 'peer', peer: 'a' })).toBe(0)
  expectEqual(a, b)
})

test('a stock client: its update is one row in its own name; malformed and gapped ones change nothing', async () => {
  const { project } = createTestProject()
  const id = await make(project)
  const client = new Y.Doc()
  Y.applyUpdate(client, project.encodeState())
  const updates: Uint8Array[] = []
  client.on('update', (update: Uint8Array) => updates.push(update))
  const body = () => (client.getMap('tasks').get(id) as Y.Map<Y.Text>).get('body') as Y.Text
  body().insert(0, 'zero ')
  body().insert(0, 'minus ')
  const [first, second] = updates as [Uint8Array, Uint8Array]
  const origin = { source: 'room', actor: byClaude.actor } as const
  expect(await project.applyUpdate(second, origin)).toBe('missing')
  await expect(project.applyUpdate(new Uint8Array([1, 2, 3]), origin)).rejects.toMatchObject({
    code: 'update_malformed',
  })
  expect(project.rowCount()).toBe(1)
  await project.applyUpdate(first, origin)
  await project.applyUpdate(second, origin)
  await project.applyUpdate(second, origin)
  expect(project.rowCount()).toBe(3)
  expect(project.read(task, id)).toMatchObject({ values: { body: 'minus zero alpha beta gamma' }, updatedBy: 'claude' })
})

type Step = readonly [who: 0 | 1 | 'sync', what: number, pick: number]

test('[P3] replicas that exchange in any order end equal, and equal to a rebuilt index', async () => {
  const step = fc.tuple(fc.constantFrom(0, 1, 'sync' as const), fc.nat(5), fc.nat(20)) as fc.Arbitrary<Step>
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const pair = createPair()
      for (const [who, what, pick] of steps) {
        if (who === 'sync') {
          await (pick % 2 ? give(pair[0], pair[1]) : give(pair[1], pair[0]))
          continue
        }
        const project = pair[who] as OpenProject
        const living = project.ids(task)
        const id = living[pick % Math.max(1, living.length)]
        if (id === undefined || what === 0) await make(project, `T${pick}`)
        else if (what === 1) await edit(project, id)
        else if (what === 2) await remove(project, id)
        else if (what === 3)
          await project.transact(byClaude, (tx) =>
            tx.update(task, id, { increment: { spentHours: pick / 10 }, add: { labels: [`l${pick}`] } }),
          )
        else if (what === 4)
          await project.transact(byAlice, (tx) => tx.update(task, id, { file: `same-${pick % 3}.md` }))
        else {
          const gone = project.ids(task, { deleted: true }).find((one) => !living.includes(one))
          if (gone) await project.transact(byAlice, (tx) => tx.restore(task, gone))
        }
      }
      await exchange(pair[0], pair[1])
      expectEqual(pair[0], pair[1])
    }),
    { numRuns: 60 },
  )
})

test('a row of a document that only a newer orch knows is kept and passed on, and changes nothing here', async () => {
  const [a, b] = createPair()
  await make(a)
  const row = {
    replica: 'r-newer000',
    seq: 1,
    doc: 'board/2026-11',
    at: 1,
    actor: 'claude',
    source: 'api',
    verified: false,
    session: '',
    seen: a.have(),
    touched: ['l-00000001'],
    update: new Uint8Array([9, 9]),
  } as const
  const before = a.encodeState()
  expect(await a.applyRows([row], { source: 'peer', peer: 'r-newer000' })).toBe(1)
  expect(a.encodeState()).toEqual(before)
  await give(a, b)
  expect(b.rowsSince({}, 10).at(-1)).toEqual(row)
  expectEqual(a, b)
})
