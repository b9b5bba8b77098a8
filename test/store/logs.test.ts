import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { log } from '../../src/model/kinds/log.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { LogEntry } from '../../src/model/log.ts'
import { openDatabase } from '../../src/store/database.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { Row } from '../../src/store/row.ts'
import { createTestClock } from '../helpers/clock.ts'
import { alice, byAlice, byClaude, createTestProject } from '../helpers/project.ts'

const ofPeer = { source: 'peer', peer: 'test' } as const
const inRoom = { source: 'room', actor: alice } as const

const append = (project: OpenProject, action: string, more: Partial<LogEntry> = {}) =>
  project.transact(byClaude, (tx) => tx.appendLog({ action, ...more }))

const all = (project: OpenProject): readonly LogEntry[] => project.listLog({ limit: 1000 }).items
const check = (project: OpenProject): readonly string[] => project.checkIndex(openDatabase(':memory:'))

/** The whole document of a month, as a stock client would have it. */
async function documentOf(project: OpenProject, name: string): Promise<Record<string, unknown>> {
  const room = await project.openLog(name)
  const doc = new Y.Doc()
  Y.applyUpdate(doc, room.encodeState())
  room.close()
  expect(doc.store.pendingStructs).toBeNull()
  return { log: doc.getMap('log').toJSON(), clients: doc.getMap('clients').toJSON() }
}

test('an entry says who did what, when, and is in the document of its month', async () => {
  const { project } = createTestProject({ clock: createTestClock() })
  const session = { ...byClaude, session: 's-00000001' }
  const id = await project.transact(session, (tx) =>
    tx.appendLog({ action: 'ran the tests', task: 't-00000001', details: { failed: 2 }, session: 's-00000001' }),
  )
  const [entry] = all(project)
  expect(entry).toEqual({
    id,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    actor: 'claude',
    action: 'ran the tests',
    session: 's-00000001',
    task: 't-00000001',
    details: { failed: 2 },
  })
  const month = `log/${entry?.at.slice(0, 7)}`
  const { id: _, ...values } = entry as LogEntry
  expect(await documentOf(project, month)).toEqual({
    log: { [id]: values },
    clients: {
      [Object.keys((await documentOf(project, month)).clients as object)[0] ?? '']: expect.objectContaining({
        actor: 'claude',
      }),
    },
  })
  expect(project.rowsSince({}, 10).map(({ doc, touched, session }) => ({ doc, touched, session }))).toEqual([
    { doc: month, touched: [], session: 's-00000001' },
  ])
})

test('one transaction writes a task and entries of two months: a row for each document, told as one commit', async () => {
  const { project } = createTestProject()
  const commits: number[][] = []
  project.onCommit(({ rows, changes, entries }) => commits.push([rows.length, changes.length, entries.length]))
  await project.transact(byAlice, (tx) => {
    tx.create(task, { title: 'Log it' })
    tx.appendLog({ action: 'one', at: '2026-10-31T23:59:59.999Z' })
    tx.appendLog({ action: 'two', at: '2026-11-01T00:00:00.000Z' })
    tx.appendLog({ action: 'three', at: '2026-11-02T00:00:00.000Z' })
  })
  expect(commits).toEqual([[3, 1, 3]])
  expect(project.rowsSince({}, 10).map(({ doc, seq }) => [doc, seq])).toEqual([
    ['main', 1],
    ['log/2026-10', 2],
    ['log/2026-11', 3],
  ])
  expect(project.logDays()).toEqual(['2026-10-31', '2026-11-01', '2026-11-02'])
  expect(Object.keys((await documentOf(project, 'log/2026-11')).log as object)).toHaveLength(2)
  expect(check(project)).toEqual([])
})

test('a list is newest first, filtered, and paged without a double or a gap', async () => {
  const { project } = createTestProject()
  for (let i = 0; i < 25; i++) {
    const at = `2026-11-${String(1 + (i % 9)).padStart(2, '0')}T08:00:00.000Z`
    await append(project, i % 2 ? 'edited' : 'tested', { at, task: i % 3 ? 't-00000001' : '' })
  }
  const seen: string[] = []
  for (let after: string | undefined; ; ) {
    const page = project.listLog({ limit: 4, after })
    seen.push(...page.items.map(({ id }) => id))
    after = page.next
    if (after === undefined) break
  }
  expect(seen).toEqual(all(project).map(({ id }) => id))
  expect(new Set(seen).size).toBe(25)
  expect(all(project).map(({ at }) => at)).toEqual(
    all(project)
      .map(({ at }) => at)
      .sort()
      .reverse(),
  )
  const some = project.listLog({
    action: 'edited',
    task: 't-00000001',
    since: '2026-11-03',
    until: '2026-11-05',
    limit: 9,
  })
  expect(some.items.every(({ at }) => at >= '2026-11-03' && at < '2026-11-05')).toBe(true)
  expect(some.items.length).toBeGreaterThan(0)
  expect(() => project.listLog({ limit: 1, after: 'x' })).toThrow(/cursor/)
})

test('[P3] replicas that get log rows in any order have the same entries, documents and indexes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 30 }), fc.nat(), async (writers, shuffle) => {
      const made = [0, 1, 2].map((seed) => createTestProject({ seed: seed + 1 }).project)
      for (const [i, writer] of writers.entries()) {
        const at = `2026-1${i % 2}-05T08:00:00.000Z`
        await append(made[writer] as OpenProject, `action ${i}`, { at })
        if ((i + shuffle) % 5 === 0) await exchange(made[writer] as OpenProject, made[(writer + 1) % 3] as OpenProject)
      }
      for (let round = 0; round < 3; round++)
        for (const from of made) for (const to of made) if (from !== to) await exchange(from, to)
      const [first] = made as [OpenProject]
      for (const project of made) {
        expect(all(project)).toEqual(all(first))
        expect(all(project)).toHaveLength(writers.length)
        expect(await documentOf(project, 'log/2026-10')).toEqual(await documentOf(first, 'log/2026-10'))
        expect(check(project)).toEqual([])
      }
    }),
    { numRuns: 20 },
  )
})

async function exchange(from: OpenProject, to: OpenProject): Promise<void> {
  await to.applyRows(from.rowsSince(to.have(), 1000), ofPeer)
}

test('[P1] a commit over two documents that fails at any of its writes changes neither, and works after', async () => {
  for (let k = 1; ; k++) {
    const { project, database, reopen } = createTestProject()
    await append(project, 'before')
    const have = project.have()
    database.failAt(k, 1)
    const write = project.transact(byAlice, (tx) => {
      tx.create(task, { title: 'Both' })
      tx.appendLog({ action: 'both' })
    })
    const failed = await write.then(
      () => false,
      () => true,
    )
    database.heal()
    if (!failed) {
      expect(k).toBeGreaterThan(6)
      return
    }
    expect([project.have(), all(project).length, project.ids(task).length]).toEqual([have, 1, 0])
    await project.transact(byAlice, (tx) => {
      tx.create(task, { title: 'Both' })
      tx.appendLog({ action: 'both' })
    })
    expect([all(project).length, project.ids(task).length]).toEqual([2, 1])
    const again = reopen().project
    expect(all(again)).toEqual(all(project))
    expect(Object.keys((await documentOf(again, `log/${all(again)[0]?.at.slice(0, 7)}`)).log as object)).toHaveLength(2)
    expect(check(again)).toEqual([])
  }
})

test('a crash between writes loses nothing, and a writer goes on where it was', async () => {
  let held = createTestProject()
  for (let i = 0; i < 5; i++) {
    await append(held.project, `run ${i}`, { at: '2026-11-05T08:00:00.000Z' })
    held = held.reopen()
  }
  const { log: entries, clients } = await documentOf(held.project, 'log/2026-11')
  expect(Object.keys(entries as object)).toHaveLength(5)
  expect(Object.keys(clients as object)).toHaveLength(1)
})

test('rows of documents that nobody here knows are kept and passed on, and an index made anew reads those of the log', async () => {
  const { project } = createTestProject({ seed: 1 })
  const { project: other, database, reopen } = createTestProject({ seed: 2 })
  await append(project, 'one')
  const rows = project.rowsSince({}, 10)
  const strange: Row = { ...(rows[0] as Row), seq: 2, doc: 'log/never', update: new Uint8Array([0, 0]) }
  await other.applyRows([...rows, strange], ofPeer)
  expect(all(other)).toHaveLength(1)
  expect(other.rowsSince({}, 10)).toHaveLength(2)
  // As a version without the log would have left it.
  database.run(`DELETE FROM ${log.table}`)
  database.run("UPDATE meta SET value = 'older' WHERE key = 'index_stamp'")
  expect(all(reopen().project)).toEqual(all(project))
})

test('a stock client adds entries in its own name, and can change or remove none', async () => {
  const { project } = createTestProject()
  await append(project, 'by the daemon', { at: '2026-11-05T08:00:00.000Z' })
  const room = await project.openLog('log/2026-11')
  const doc = new Y.Doc()
  Y.applyUpdate(doc, room.encodeState())
  const attempt = async (change: (log: Y.Map<unknown>) => void): Promise<string> => {
    const copy = new Y.Doc()
    Y.applyUpdate(copy, room.encodeState())
    const before = Y.encodeStateVector(copy)
    change(copy.getMap('log'))
    return room.applyUpdate(Y.encodeStateAsUpdate(copy, before), inRoom).then(
      () => 'taken',
      (error) => `${error.code}: ${error.message}`,
    )
  }
  const [entry] = all(project)
  const good = { at: '2026-11-06T08:00:00.000Z', actor: 'alice', action: 'looked' }
  expect(await attempt((map) => map.set('l-00000001', good))).toBe('taken')
  expect(await attempt((map) => map.delete(entry?.id ?? ''))).toMatch(/^forbidden/)
  expect(await attempt((map) => map.set(entry?.id ?? '', good))).toMatch(/^forbidden/)
  expect(await attempt((map) => map.set('l-00000002', { ...good, actor: 'claude' }))).toMatch(/in the name of claude/)
  expect(await attempt((map) => map.set('l-00000002', { ...good, at: '2026-12-06T08:00:00.000Z' }))).toMatch(/2026-12/)
  expect(await attempt((map) => map.set('l-00000002', new Y.Map()))).toMatch(/^forbidden/)
  expect(await attempt((map) => map.set('note', good))).toMatch(/^forbidden/)
  expect(await attempt((map) => map.doc?.getMap('clients').set('1', { actor: 'alice' }))).toMatch(/^forbidden/)
  expect(await attempt((map) => map.doc?.getText('elsewhere').insert(0, 'x'))).toMatch(/^forbidden/)
  expect(await room.applyUpdate(new Uint8Array([9, 9, 9]), inRoom).catch((error) => error.code)).toBe(
    'update_malformed',
  )

  // Live, it follows what others add; a gap is asked for again.
  await append(project, 'later', { at: '2026-11-07T08:00:00.000Z' })
  const fresh = new Y.Doc()
  Y.applyUpdate(fresh, room.encodeState())
  expect(fresh.getMap('log').size).toBe(3)
  const client = new Y.Doc()
  client.getMap('log').set('l-00000003', good)
  const first = Y.encodeStateVector(client)
  client.getMap('log').set('l-00000004', good)
  expect(await room.applyUpdate(Y.encodeStateAsUpdate(client, first), inRoom).catch((error) => error.code)).toBe(
    'update_gap',
  )
  await room.applyUpdate(Y.encodeStateAsUpdate(client), inRoom)
  // Sent again, it makes no row.
  const rows = project.rowCount()
  await room.applyUpdate(Y.encodeStateAsUpdate(client), inRoom)
  expect(project.rowCount()).toBe(rows)
  expect(all(project)).toHaveLength(5)
  expect(check(project)).toEqual([])
})

test('an entry that cannot be kept is refused, and nothing of its transaction is', async () => {
  const { project } = createTestProject()
  for (const bad of [
    { action: '' },
    { action: 'a\nb' },
    { action: 'a', at: '2026-11-31T00:00:00.000Z' },
    { action: 'a', details: Number.NaN },
  ]) {
    const write = project.transact(byAlice, (tx) => {
      tx.create(task, { title: 'With it' })
      tx.appendLog(bad)
    })
    await expect(write).rejects.toMatchObject({ code: 'invalid_input' })
  }
  expect(project.rowCount()).toBe(0)
})
