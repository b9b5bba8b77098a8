import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importBacklog } from '../../src/api/import/backlog.ts'
import type { Folder } from '../../src/api/import/folder.ts'
import { openFolder } from '../../src/api/import/node-folder.ts'
import type { Report } from '../../src/api/import/report.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import type { Project, StoredRecord } from '../../src/store/project.ts'
import { alice, byClaude, createTestProject } from '../helpers/project.ts'
import { createMemoryFolder, type MemoryFiles } from '../memory/folder.ts'

const fixtures = join(import.meta.dirname, '../fixtures/import')

const run = (project: Project, folder: Folder, dryRun = false): Promise<Report> =>
  importBacklog(
    { project, origin: { source: 'import', actor: alice }, folder, progress: () => undefined },
    { dryRun, name: 'shop' },
  )

const find = (project: Project, name: string): StoredRecord => {
  const { kind, id } = project.resolve(name)
  const record = project.read(kind, id)
  if (!record) throw new Error(`no ${name}`)
  return record
}

const file = (id: string, more = '', body = 'text\n'): string =>
  `---\nid: ${id}\ntitle: Task ${id}\n${more}---\n${body}`

/** Everything a project holds, but the times that rows give. */
const contents = (project: Project): unknown =>
  [task, page].map((kind) => project.ids(kind, { deleted: true }).map((id) => project.read(kind, id)))

describe('the fixture', () => {
  test('every key with a field goes there, the rest is kept as it stands', async () => {
    const { project } = createTestProject()
    const report = await run(project, openFolder(fixtures))
    expect(report).toMatchObject({ created: 10, pages: 4, aliases: 9, unchanged: 0, differs: [] })

    const pay = find(project, 'back-2')
    const goods = find(project, 'BACK-1')
    expect(pay.values).toMatchObject({
      title: 'Checkout: let people pay',
      status: 'in_progress',
      priority: 'high',
      assignee: '@ann',
      labels: ['payment', 'shop'],
      dependencies: [goods.id],
      createdAt: '2026-07-09T05:56:00Z',
      createdBy: 'mia',
      closedAt: null,
      aliases: ['BACK-2'],
    })
    expect(pay.values.body).toMatch(/^## Description\n\n<!-- SECTION.*See task-1\..*- \[ \] #1 Cards\n?$/s)
    expect(Object.keys(pay.extra).toSorted()).toEqual([
      'backlog_assignee',
      'dependencies_unresolved',
      'documentation',
      'imported',
      'milestone',
      'ordinal',
      'references',
      'reporter',
      'updated_date',
    ])
    expect(pay.extra.references).toContain("  - 'https://example.com/issues/7'   # where it began")
    expect(renderRecord(task, pay)).toContain("reporter: '@mia'\n")

    expect(goods.values).toMatchObject({
      status: 'completed',
      assignee: '@ann',
      createdAt: '2026-06-08',
      closedAt: '2026-06-09',
      labels: ['shop'],
    })
    expect(goods.values.body).toContain('Goods, 商品, naïve “quotes”.')
  })

  test('subtasks, drafts and archived tasks keep what their place says', async () => {
    const { project } = createTestProject()
    await run(project, openFolder(join(fixtures, 'backlog')))
    const pay = find(project, 'BACK-2')
    const cards = find(project, 'BACK-2.1')
    expect(cards.values).toMatchObject({
      title: 'Cards of the kinds that people have, and no others',
      status: 'todo',
      parent: pay.id,
      dependencies: [find(project, 'BACK-2.10').id],
      due: null,
    })
    expect(cards.extra).toMatchObject({ backlog_due: 'someday', backlog_status: 'Waiting for Godot' })
    expect(find(project, 'BACK-2.10').values.parent).toBe(pay.id)
    expect(find(project, 'draft-1').values).toMatchObject({ status: 'todo', labels: ['draft'], dependencies: [pay.id] })
    expect(find(project, 'back-3').values).toMatchObject({ status: 'cancelled', labels: ['archived'], closedAt: null })
    expect(find(project, 'back-3').extra.backlog_status).toBe('To Do')
  })

  test('documents, decisions, milestones and readmes become pages', async () => {
    const { project } = createTestProject()
    await run(project, openFolder(fixtures))
    const doc = find(project, 'doc-1')
    expect(doc).toMatchObject({
      kind: 'page',
      file: 'backlog/docs/guides/doc-1 - How-we-test.md',
      extra: { type: 'guide' },
    })
    expect(doc.values).toMatchObject({ title: 'How we test', body: '# How we test\n\nWith care.' })
    expect(find(project, 'decision-1').extra.status).toBe('accepted')
    expect(find(project, 'm-1').values.title).toBe('First sale')
    expect(find(project, 'backlog/tasks/readme.md').values.title).toBe('Tasks')
  })

  test('what has no home is reported', async () => {
    const { project } = createTestProject()
    const report = await run(project, openFolder(fixtures))
    expect(report.skipped).toEqual([{ file: 'config.yml', reason: 'it is no Markdown: there is no place for it here' }])
    expect(report.unresolved.map(({ id, reason }) => `${id} ${reason}`)).toEqual([
      'BACK-99 is not here (dependencies)',
      'BACK-2.1 would close a circle (dependencies)',
    ])
    expect(report.notes.map(({ reason }) => reason)).toEqual([
      'status "Waiting for Godot" is not known here: taken as todo',
    ])
    expect(report.keptAsExtra).toMatchObject({
      reporter: 2,
      updated_date: 2,
      dependencies_unresolved: 2,
      backlog_due: 1,
    })
    expect(report.summary).toContain('Created 6 tasks and 4 pages; 9 old ids stay valid.')
  })

  test('a second import changes nothing and says so', async () => {
    const { project } = createTestProject()
    await run(project, openFolder(fixtures))
    const before = contents(project)
    const have = project.have()
    const report = await run(project, openFolder(fixtures))
    expect(report).toMatchObject({ created: 0, unchanged: 10, linked: 0, differs: [], unresolved: [] })
    expect(report.summary).toContain('There is nothing new to import.')
    expect(project.have()).toEqual(have)
    expect(contents(project)).toEqual(before)
  })

  test('a dry run reports the same and writes nothing', async () => {
    const { project } = createTestProject()
    const dry = await run(project, openFolder(fixtures), true)
    expect(project.have()).toEqual({})
    const real = await run(project, openFolder(fixtures))
    expect({ ...dry, dryRun: false, summary: '' }).toEqual({ ...real, summary: '' })
    expect(dry.summary).toContain('Would create 6 tasks and 4 pages')
  })
})

describe('importing again', () => {
  test('keeps what was changed here, and reports and leaves what was changed there', async () => {
    const { project } = createTestProject()
    const files: MemoryFiles = { 'tasks/1.md': file('B-1'), 'tasks/2.md': file('B-2'), 'tasks/3.md': file('B-3') }
    await run(project, createMemoryFolder(files))
    const [one, two, three] = ['B-1', 'B-2', 'B-3'].map((name) => find(project, name))
    await project.transact(byClaude, (tx) => {
      if (one) tx.update(task, one.id, { set: { title: 'Ours' } })
      if (three) tx.delete(task, three.id)
    })
    files['tasks/2.md'] = file('B-2', '', 'other text\n')
    files['tasks/4.md'] = file('B-4')
    const report = await run(project, createMemoryFolder(files))
    expect(report).toMatchObject({
      created: 1,
      unchanged: 2,
      differs: [{ file: 'tasks/2.md', reason: `it is ${two?.id} here` }],
    })
    expect(find(project, 'B-1').values.title).toBe('Ours')
    expect(find(project, 'B-2').values.body).toBe('text')
    expect(find(project, 'B-3').deletedAt).toBeDefined()
    expect(project.ids(task, { deleted: true })).toHaveLength(4)
  })

  test('a task that moved to completed there is reported as changed there', async () => {
    const { project } = createTestProject()
    await run(project, createMemoryFolder({ 'tasks/1.md': file('B-1') }))
    const report = await run(project, createMemoryFolder({ 'completed/1.md': file('B-1') }))
    expect(report).toMatchObject({ created: 0, differs: [{ file: 'completed/1.md' }] })
  })

  test('what an interrupted import did not reach is made by the next, and its links hold', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 120 }, (_, n) => [`tasks/${n}.md`, file(`B-${n}`, `dependencies: [B-${(n + 60) % 130}]\n`)]),
    )
    const whole = createTestProject()
    await run(whole.project, createMemoryFolder(files))

    const cut = createTestProject()
    let slices = 0
    const failing: Project = {
      ...cut.project,
      transact: (...args) =>
        ++slices > 1 ? Promise.reject(new Error('killed')) : (cut.project.transact(...args) as never),
    }
    await expect(run(failing, createMemoryFolder(files))).rejects.toThrow('killed')
    expect(cut.project.ids(task)).toHaveLength(20)
    const report = await run(cut.project, createMemoryFolder(files))
    expect(report).toMatchObject({ created: 100, unchanged: 20 })
    const values = (project: Project): unknown =>
      Array.from({ length: 120 }, (_, n) => find(project, `B-${n}`)).map(({ values, extra }) => ({
        ...values,
        dependencies: (values.dependencies as readonly string[]).map((id) => find(project, id).values.aliases),
        extra,
      }))
    expect(values(cut.project)).toEqual(values(whole.project))
  })

  test('a link that could not be made is made when its target comes', async () => {
    const { project } = createTestProject()
    const files: MemoryFiles = { 'tasks/1.md': file('B-1', 'dependencies: [B-2, B-9]\nparent_task_id: B-2\n') }
    await run(project, createMemoryFolder(files))
    expect(find(project, 'B-1').extra).toMatchObject({
      dependencies_unresolved: '["B-2","B-9"]',
      parent_unresolved: '["B-2"]',
    })
    files['tasks/2.md'] = file('B-2')
    expect(await run(project, createMemoryFolder(files))).toMatchObject({ created: 1, unchanged: 1, linked: 1 })
    const two = find(project, 'B-2')
    expect(find(project, 'B-1').values).toMatchObject({ dependencies: [two.id], parent: two.id })
    expect(find(project, 'B-1').extra).toMatchObject({ dependencies_unresolved: '["B-9"]' })
    expect(find(project, 'B-1').extra).not.toHaveProperty('parent_unresolved')
    expect(await run(project, createMemoryFolder(files))).toMatchObject({ created: 0, unchanged: 2, linked: 0 })
  })

  test('two files with one id are both imported, the second under a name of its own', async () => {
    const { project } = createTestProject()
    const folder = createMemoryFolder({
      'completed/a.md': file('B-1', '', 'first\n'),
      'tasks/b.md': file('b-1', '', 'second\n'),
    })
    const report = await run(project, folder)
    expect(report).toMatchObject({ created: 2, aliases: 2 })
    expect(report.notes).toMatchObject([{ file: 'tasks/b.md', reason: expect.stringContaining('b-1~2') }])
    expect(find(project, 'B-1').values.body).toBe('first')
    expect(find(project, 'B-1~2').values.body).toBe('second')
    expect(await run(project, folder)).toMatchObject({ created: 0, unchanged: 2 })
  })

  test('where two replicas imported the same tasks apart, a third import makes none', async () => {
    const a = createTestProject({ seed: 1 }).project
    const b = createTestProject({ seed: 2 }).project
    const folder = createMemoryFolder({ 'tasks/1.md': file('B-1') })
    await run(a, folder)
    await run(b, folder)
    expect(a.ids(task)).not.toEqual(b.ids(task))
    await a.applyRows(b.rowsSince({}, 100), { source: 'peer', peer: 'b' })
    expect(a.ids(task)).toHaveLength(2)
    expect(await run(a, folder)).toMatchObject({ created: 0, unchanged: 1 })
  })
})

describe('bad input', () => {
  test('broken files are named and passed over, the others imported', async () => {
    const { project } = createTestProject()
    const report = await run(
      project,
      createMemoryFolder({
        'tasks/bad-yaml.md': '---\nid: B-1\ntitle: "open\nstatus: To Do\n---\n',
        'tasks/bad-utf8.md': new Uint8Array([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0xfe]),
        'tasks/big.md': 'x'.repeat((2 << 20) + 1),
        'tasks/link.md': { link: '/etc/passwd' },
        'tasks/no-id.md': '---\ntitle: x\n---\n',
        'tasks/no-front-matter.md': 'just text\n',
        'docs/image.png': new Uint8Array([1]),
        'tasks/good.md': file('B-2'),
      }),
    )
    expect(report.created).toBe(1)
    expect(report.skipped.map(({ file: name }) => name)).toEqual([
      'docs/image.png',
      'tasks/bad-utf8.md',
      'tasks/bad-yaml.md',
      'tasks/big.md',
      'tasks/link.md',
      'tasks/no-front-matter.md',
      'tasks/no-id.md',
    ])
    expect(report.skipped.find(({ file: name }) => name === 'tasks/bad-yaml.md')?.line).toBeGreaterThan(1)
    expect(report.summary).toContain('tasks/bad-yaml.md:')
  })

  test('values that do not fit their field are kept and told', async () => {
    const { project } = createTestProject()
    const long = 'x'.repeat(600)
    const report = await run(
      project,
      createMemoryFolder({
        'tasks/back-1 - Long-title.md': `---\nid: B-1\ntitle: ${long}\npriority: urgent\ncreated_date: yesterday\n---\n`,
      }),
    )
    const record = find(project, 'B-1')
    expect(record.values).toMatchObject({ title: 'Long title', priority: 'medium' })
    expect(record.extra).toMatchObject({ backlog_title: long, backlog_priority: 'urgent', created_date: 'yesterday' })
    expect(record.issues).toEqual([])
    expect(report.notes).toHaveLength(2)
  })

  test('a folder without a backlog is refused', async () => {
    const { project } = createTestProject()
    await expect(run(project, createMemoryFolder({ 'src/a.md': 'x' }))).rejects.toMatchObject({ code: 'import_failed' })
    await expect(run(project, openFolder(join(fixtures, 'nowhere')))).rejects.toMatchObject({ code: 'import_failed' })
  })

  test('a short name of another tool is never taken for the beginning of an id', async () => {
    const { project } = createTestProject()
    for (let n = 0; n < 40; n++) await project.transact(byClaude, (tx) => tx.create(task, { title: 'own' }))
    const report = await run(
      project,
      createMemoryFolder({ 'tasks/1.md': file('t', 'dependencies: ["0", "1", t-1]\n') }),
    )
    expect(report).toMatchObject({ created: 1 })
    expect(report.unresolved).toHaveLength(3)
  })
})

test('[P8] others have their turn between two slices', async () => {
  const { project } = createTestProject()
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`tasks/${n}.md`, file(`B-${n}`)]))
  const sizes: number[] = []
  const stop = project.onCommit(({ changes }) => sizes.push(changes.length))
  await run(project, createMemoryFolder(files))
  stop()
  expect(sizes).toEqual([20, 20, 20])
})
