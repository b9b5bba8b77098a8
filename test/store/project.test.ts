import { expect, test } from 'vitest'
import { OrchError, toOrchError } from '../../src/base/error.ts'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Commit, StoredRecord } from '../../src/store/project.ts'
import { byAlice, byClaude, createTestProject } from '../helpers/project.ts'
import { createMemoryDatabase } from '../memory/database.ts'

const titled = (title: string) => ({ title })

test('a created record has its defaults, its author and its file', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'Fix login', labels: ['b', 'a'] }))
  expect(id).toMatch(/^t-[0-9a-hjkmnp-tv-z]{8}$/)
  expect(project.read(task, id)).toMatchObject({
    values: {
      title: 'Fix login',
      status: 'todo',
      priority: 'medium',
      labels: ['a', 'b'],
      createdBy: 'alice',
      body: '',
    },
    file: `${id}-fix-login.md`,
    updatedBy: 'alice',
    issues: [],
  })
  expect(project.pathOf(task, id)).toBe(`tasks/${id}-fix-login.md`)
  expect(project.recordAt(`tasks/${id}-fix-login.md`)?.id).toBe(id)
})

test('[P1] a commit is told only after it is durable, with before and after', async () => {
  const { project, database } = createTestProject()
  const told: Commit[] = []
  project.onCommit((commit) => {
    expect(database.all('SELECT n FROM rows')).toHaveLength(told.length + 1)
    told.push(commit)
  })
  const id = await project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  await project.transact(byClaude, (tx) => tx.update(task, id, { set: { status: 'in_progress' } }))
  expect(told).toHaveLength(2)
  const change = told[1]?.changes[0]
  expect((change?.before as StoredRecord | undefined)?.values.status).toBe('todo')
  expect((change?.after as StoredRecord | undefined)?.values.status).toBe('in_progress')
  expect(change?.row).toMatchObject({ actor: 'claude', seq: 2, touched: [id], source: 'api' })
})

test.each([
  ['in the index', (id: string) => ({ note: id, also: undefined })],
  ['beside it', (id: string) => ({ note: undefined, also: id })],
])('[P1] a write that fails on a bug %s fails alone: the others of its batch are made', async (_, where) => {
  let faulty: { note: string | undefined; also: string | undefined } = { note: undefined, also: undefined }
  const { project, database } = createTestProject({
    note(changes) {
      if (changes.some(({ id }) => id === faulty.note)) throw new TypeError('undefined is not a function')
    },
  })
  const [a, b, c] = await Promise.all(
    ['A', 'B', 'C'].map((title) => project.transact(byAlice, (tx) => tx.create(task, { title, body: 'One.' }))),
  )
  faulty = where(b as RecordId)
  const told: string[] = []
  project.onCommit(({ changes }) => told.push(...changes.map(({ id }) => id)))
  const append = (id: RecordId, by = byAlice): Promise<void> =>
    project.transact(
      by,
      (tx) =>
        tx.update(task, id, { edit: { body: [{ at: 4, delete: 0, insert: ' Two.' }] }, increment: { spentHours: 1 } }),
      {
        also() {
          database.run("INSERT INTO meta (key, value) VALUES (?, '')", `also ${id}`)
          if (id === faulty.also) throw new TypeError('undefined is not a function')
        },
      },
    )
  const settled = await Promise.allSettled([
    append(a as RecordId),
    append(b as RecordId),
    append(c as RecordId, byClaude),
  ])
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(settled[1]).toMatchObject({ reason: { code: 'internal' } })
  expect(told).toEqual([a, c])
  expect([a, b, c].map((id) => project.read(task, id as RecordId)?.values.body)).toEqual([
    'One. Two.',
    'One.',
    'One. Two.',
  ])
  expect(
    database
      .all<{ key: string }>("SELECT key FROM meta WHERE key LIKE 'also %'")
      .map(({ key }) => key)
      .sort(),
  ).toEqual([`also ${a}`, `also ${c}`].sort())
  expect(project.failure()).toBeUndefined()
  faulty = { note: undefined, also: undefined }
  await append(b as RecordId)
  expect(project.read(task, b as RecordId)?.values).toMatchObject({ body: 'One. Two.', spentHours: 1 })
  expect(project.checkIndex(createMemoryDatabase())).toEqual([])
})

test('a transaction that throws half-way changes nothing', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  const failing = project.transact(byAlice, (tx) => {
    tx.update(task, id, { set: { title: 'B' } })
    tx.update(task, 't-00000000' as RecordId, { set: { title: 'C' } })
  })
  await expect(failing).rejects.toMatchObject({ code: 'record_not_found' })
  expect(project.read(task, id)?.values.title).toBe('A')
  expect(project.rowCount()).toBe(1)
})

test('[P1] what was acknowledged is there after a crash, and the index equals one rebuilt', async () => {
  const first = createTestProject()
  const id = await first.project.transact(byAlice, (tx) => tx.create(task, { title: 'A', body: 'one two' }))
  await first.project.transact(byClaude, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 4, delete: 3, insert: 'three' }] }, increment: { spentHours: 1.5 } }),
  )
  await first.project.transact(byAlice, (tx) => tx.setKey('state', 'currentPhase', { name: 'beta', step: 2 }))
  const { project } = first.reopen()
  expect(project.read(task, id)?.values).toMatchObject({ body: 'one three', spentHours: 1.5 })
  expect(project.readKeys('state').get('currentPhase')?.value).toEqual({ name: 'beta', step: 2 })
  expect(project.replica).toBe(first.project.replica)
  expect(project.checkIndex(createMemoryDatabase())).toEqual([])
})

test('an actor keeps one clientID across restarts', async () => {
  const first = createTestProject()
  await first.project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  const { project } = first.reopen()
  await project.transact(byAlice, (tx) => tx.create(task, titled('B')))
  expect(project.clientCount()).toBe(1)
})

test('[P1] a commit that fails rejects its callers, nobody saw it, reads go on, and writes come back with the disk', async () => {
  const { project, database } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  const told: Commit[] = []
  project.onCommit((commit) => told.push(commit))
  for (let k = 1; ; k++) {
    database.failAt(k)
    const before = database.calls
    const write = project.transact(byAlice, (tx) =>
      tx.update(task, id, { set: { title: `T${k}` }, add: { labels: ['x'] } }),
    )
    const failed = await write.then(
      () => false,
      (error: unknown) => {
        expect(error).toBeInstanceOf(OrchError)
        expect((error as OrchError).code).toBe('storage_failed')
        return true
      },
    )
    if (!failed) {
      expect(database.calls - before).toBeLessThan(k)
      break
    }
    expect(project.read(task, id)?.values.title).toBe('A')
    expect(told).toEqual([])
    await expect(project.transact(byAlice, (tx) => tx.create(task, titled('B')))).rejects.toMatchObject({
      code: 'storage_failed',
    })
    database.heal()
    expect(project.encodeState().length).toBeGreaterThan(0)
    expect(project.ids(task)).toEqual([id])
  }
  database.heal()
  expect(project.failure()).toBeUndefined()
  expect(project.checkIndex(createMemoryDatabase())).toEqual([])
})

test('regression (simulation, seed 20261125): a read that fails when the commit is through fails nobody', async () => {
  const { project, database } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  for (let k = 1, isOver = false; !isOver; k++) {
    const before = database.calls
    database.failAt(k, 1, 'reads')
    const written = project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: `T${k}` } }))
    const failed = await written.catch((error: unknown) => error)
    await project.idle()
    isOver = database.calls - before < k
    database.heal()
    if (failed === undefined) expect(project.read(task, id)?.values.title).toBe(`T${k}`)
    else expect(toOrchError(failed).code).toBe('storage_failed')
    await project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'A' } }))
  }
})

test('regression (simulation, seed 134116588): a commit that failed is not counted as a row', async () => {
  const { project, database } = createTestProject()
  await project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  database.failAt(2, 1)
  await expect(project.transact(byAlice, (tx) => tx.create(task, titled('B')))).rejects.toThrow()
  expect(project.rowCount()).toBe(1)
})

test('S10: a copied database becomes a replica of its own', async () => {
  const first = createTestProject()
  await first.project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  const copy = first.reopen({ inode: '2' })
  expect(copy.project.replica).not.toBe(first.project.replica)
  await copy.project.transact(byAlice, (tx) => tx.create(task, titled('B')))
  expect(copy.project.clientCount()).toBe(2)
})

test('a restored older state of the database becomes a replica of its own', () => {
  const first = createTestProject()
  const generations = new Map([[first.project.replica, 7]])
  expect(first.reopen({ generations }).project.replica).not.toBe(first.project.replica)
})

test('records are found by id, beginning, alias and path; what fits several is ambiguous', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A', aliases: ['TASK-7'] }))
  const other = await project.transact(byAlice, (tx) => tx.create(page, titled('P'), { file: 'guides/setup.md' }))
  expect(project.resolve(id.toUpperCase()).id).toBe(id)
  expect(project.resolve(id.slice(0, 6)).id).toBe(id)
  expect(project.resolve(id.slice(2, 8)).id).toBe(id)
  expect(project.resolve('task-7').id).toBe(id)
  expect(project.resolve('guides/setup').id).toBe(other)
  expect(() => project.resolve('nope')).toThrow(/no record "nope"/)
  await project.transact(byAlice, (tx) => tx.create(task, titled('B')))
  expect(() => project.resolve('t-')).toThrow(/beginning of 2 ids/)
})

test('[M11] two records that ask for one path both keep a file; the lower id has the plain name', async () => {
  const { project } = createTestProject()
  const make = () => project.transact(byAlice, (tx) => tx.create(page, titled('P'), { file: 'Guide.md' }))
  const ids = [await make(), await make()].sort()
  const [low, high] = ids as [RecordId, RecordId]
  expect(project.pathOf(page, low)).toBe('pages/Guide.md')
  expect(project.pathOf(page, high)).toBe(`pages/Guide~${high}.md`)
  const told: Commit[] = []
  project.onCommit((commit) => told.push(commit))
  await project.transact(byAlice, (tx) => tx.delete(page, low))
  expect(project.pathOf(page, high)).toBe('pages/Guide.md')
  expect(told[0]?.changes.map((change) => change.id).sort()).toEqual(ids)
})

test('lists filter, sort and page without gaps or repeats', async () => {
  const { project } = createTestProject()
  for (let i = 0; i < 25; i++) {
    const priority = (['low', 'high', 'medium', 'critical'] as const)[i % 4] ?? 'low'
    await project.transact(byAlice, (tx) =>
      tx.create(task, {
        title: `Task ${i}`,
        priority,
        labels: i % 2 ? ['odd'] : [],
        body: i === 7 ? '検索できる' : '',
      }),
    )
  }
  for (const sort of [undefined, 'priority', '-priority', 'title', '-updatedAt', 'assignee', '-spentHours']) {
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = project.list(task, { limit: 7, ...(sort ? { sort } : {}), ...(after ? { after } : {}) })
      expect(page.total).toBe(25)
      seen.push(...page.items.map((item) => item.id))
      after = page.next
    } while (after)
    expect(new Set(seen).size, sort).toBe(25)
    expect(seen.length, sort).toBe(25)
  }
  expect(project.list(task, { limit: 50, where: { labels: ['odd'] } }).total).toBe(12)
  expect(project.list(task, { limit: 50, where: { labels: [null] } }).total).toBe(13)
  expect(project.list(task, { limit: 50, where: { priority: ['high', 'low'] } }).total).toBe(13)
  expect(project.list(task, { limit: 50, text: '検索 task' }).total).toBe(1)
  expect(project.list(task, { limit: 1 }).items[0]?.values.priority).toBe('critical')
  expect(() => project.list(task, { limit: 1, sort: 'nope' })).toThrow(/"nope" is not one of/)
  expect(() => project.list(task, { limit: 1, after: 'nope' })).toThrow(/not a cursor/)
})

test('closing a task notes when; opening it again forgets', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, titled('A')))
  await project.transact(byAlice, (tx) => tx.update(task, id, { set: { status: 'completed' } }))
  expect(project.read(task, id)?.values.closedAt).toMatch(/^2026-/)
  await project.transact(byAlice, (tx) => tx.update(task, id, { set: { status: 'todo' } }))
  expect(project.read(task, id)?.values.closedAt).toBeNull()
})

test('what reads the project within a transaction sees what the batch holds so far, and loads nothing anew', async () => {
  let loads = 0
  const newest = (): undefined => {
    loads++
  }
  const { project } = createTestProject({ loads: { newest, make: () => Promise.resolve() } })
  const before = loads
  const name = (): Promise<number> =>
    project.transact(byAlice, (tx) => {
      const { epoch } = project.arbiter()
      tx.setArbiter({ replica: project.replica, epoch: epoch + 1 })
      return epoch
    })
  expect(await Promise.all([name(), name(), name()])).toEqual([0, 1, 2])
  expect(project.arbiter().epoch).toBe(3)
  expect(loads).toBe(before)
})

test('a value is never written in the place of a text or a set that others may be writing in', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'One', body: 'Text.', labels: ['a'] }))
  for (const set of [{ body: 'Another' }, { labels: ['b'] }]) {
    await expect(project.transact(byAlice, (tx) => tx.update(task, id, { set }))).rejects.toThrow('is no register')
  }
  expect(project.read(task, id)?.values).toMatchObject({ body: 'Text.', labels: ['a'] })
})

test('an edit that would split a character is refused', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A', body: 'a😀b' }))
  const write = project.transact(byAlice, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 2, delete: 0, insert: 'x' }] } }),
  )
  await expect(write).rejects.toMatchObject({ code: 'invalid_input' })
})
