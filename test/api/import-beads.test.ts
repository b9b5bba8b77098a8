import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { importBeads } from '../../src/api/import/beads.ts'
import { openFolder, openPath } from '../../src/api/import/node-folder.ts'
import type { Report } from '../../src/api/import/report.ts'
import { task } from '../../src/model/kinds/task.ts'
import { parseRecord, renderRecord } from '../../src/model/markdown.ts'
import type { Project, StoredRecord } from '../../src/store/project.ts'
import { alice, byClaude, createTestProject } from '../helpers/project.ts'
import { createMemoryFolder, type MemoryFiles } from '../memory/folder.ts'

const fixture = join(import.meta.dirname, '../fixtures/import/beads')

interface Options {
  readonly dryRun?: boolean
  readonly withDeleted?: boolean
}

const runAt = async (project: Project, path: string, options: Options = {}): Promise<Report> =>
  importBeads(
    { project, origin: { source: 'import', actor: alice }, progress: () => undefined, ...(await openPath(path)) },
    { dryRun: false, withDeleted: false, name: path, ...options },
  )

const run = (project: Project, lines: readonly (string | object)[], options: Options = {}): Promise<Report> =>
  runFiles(project, { 'issues.jsonl': linesOf(lines) }, options)

const runFiles = (project: Project, files: MemoryFiles, options: Options = {}): Promise<Report> =>
  importBeads(
    {
      project,
      origin: { source: 'import', actor: alice },
      progress: () => undefined,
      folder: createMemoryFolder(files),
      file: undefined,
    },
    { dryRun: false, withDeleted: false, name: 'shop', ...options },
  )

const linesOf = (lines: readonly (string | object)[]): string =>
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')

const issue = (id: string, more: object = {}): object => ({
  id,
  title: `Issue ${id}`,
  status: 'open',
  priority: 2,
  ...more,
})

const blockedBy = (id: string, ...others: readonly string[]): object =>
  issue(id, { dependencies: others.map((to) => ({ issue_id: id, depends_on_id: to, type: 'blocks' })) })

const find = (project: Project, name: string): StoredRecord => {
  const record = project.read(task, project.resolve(name, task).id)
  if (!record) throw new Error(`no ${name}`)
  return record
}

const contents = (project: Project): unknown => project.ids(task, { deleted: true }).map((id) => project.read(task, id))

describe('the fixture', () => {
  test.each(['shop-1', 'shop-2', 'shop-2.1', 'shop-2.2', 'shop-5'])('%s reads as its golden file', async (name) => {
    const { project } = createTestProject()
    await runAt(project, fixture)
    const record = find(project, name)
    const text = renderRecord(task, record)
    await expect(text).toMatchFileSnapshot(join(fixture, `expected/${name}.md`))
    const parsed = parseRecord(task, text)
    expect(parsed).toMatchObject({ ok: true, invalid: [], extra: record.extra })
    expect(record.issues).toEqual([])
  })

  test('links lead both ways, by the old ids too', async () => {
    const { project } = createTestProject()
    await runAt(project, join(fixture, '.beads/issues.jsonl'))
    const [goods, pay, cards, vouchers] = ['shop-1', 'SHOP-2', 'shop-2.1', 'shop-2.2'].map((name) =>
      find(project, name),
    )
    expect(pay?.values).toMatchObject({ dependencies: [goods?.id], aliases: ['shop-2'], createdBy: 'mia' })
    expect(cards?.values.createdBy).toBeNull()
    expect(vouchers?.values).toMatchObject({ dependencies: [cards?.id], parent: pay?.id })
    const ids = (where: Record<string, readonly string[]>): unknown =>
      project
        .list(task, { where, limit: 10 })
        .items.map(({ id }) => id)
        .toSorted()
    expect(ids({ parent: [String(pay?.id)] })).toEqual([cards?.id, vouchers?.id].toSorted())
    expect(ids({ dependencies: [String(goods?.id)] })).toEqual([pay?.id])
  })

  test('what has no home is reported', async () => {
    const { project } = createTestProject()
    const report = await runAt(project, join(fixture, '.beads'))
    expect(report).toMatchObject({
      created: 7,
      createdDeleted: 0,
      aliases: 7,
      pages: 0,
      deleted: ['shop-4'],
      skipped: [],
    })
    expect(report.unresolved).toEqual([
      { file: 'shop-2.2', id: 'shop-4', reason: 'is deleted there (dependencies)' },
      { file: 'shop-2.2', id: 'shop-99', reason: 'is not here (dependencies)' },
      { file: 'shop-6', id: 'shop-5.1', reason: 'would close a circle (dependencies)' },
    ])
    expect(report.keptAsExtra).toMatchObject({ type: 7, beads_status: 3, close_reason: 1, dependencies_unresolved: 2 })
    expect(report.keptAsExtra.beads_dependencies).toBe(6)
    expect(report.notKept).toEqual({})
    expect(report.summary).toMatch(/^Created 7 tasks; 7 old ids stay valid\.\nDeleted there and not imported: 1;/)
    expect(report.summary).toContain('  shop-6: status "triage" is not known here: taken as todo; kept as beads_status')
  })

  test('a second import changes nothing and says so', async () => {
    const { project } = createTestProject()
    await runAt(project, fixture)
    const [before, have] = [contents(project), project.have()]
    const report = await runAt(project, fixture)
    expect(report).toMatchObject({ created: 0, unchanged: 7, linked: 0, differs: [], unresolved: [], notes: [] })
    expect(report.summary).toContain('There is nothing new to import.')
    expect(project.have()).toEqual(have)
    expect(contents(project)).toEqual(before)
  })

  test.each([false, true])('a dry run reports the same and writes nothing (deleted ones: %s)', async (withDeleted) => {
    const { project } = createTestProject()
    const dry = await runAt(project, fixture, { dryRun: true, withDeleted })
    expect(project.have()).toEqual({})
    const real = await runAt(project, fixture, { withDeleted })
    expect({ ...dry, dryRun: false, summary: '' }).toEqual({ ...real, summary: '' })
    expect(dry.summary).toContain(`Would create ${withDeleted ? 8 : 7} tasks`)
  })
})

describe('deleted issues', () => {
  test('become deleted tasks when they are asked for, and links lead to them', async () => {
    const { project } = createTestProject()
    const report = await runAt(project, fixture, { withDeleted: true })
    expect(report).toMatchObject({ created: 8, createdDeleted: 1, deleted: [] })
    const fax = find(project, 'shop-4')
    expect(fax.deletedAt).toBeDefined()
    expect(fax).toMatchObject({
      values: { status: 'cancelled', body: 'Nobody faxes.' },
      extra: { beads_status: 'tombstone', deleted_by: 'mia' },
    })
    expect(find(project, 'shop-2.2').values.dependencies).toContain(fax.id)
    await project.transact(byClaude, (tx) => tx.restore(task, fax.id))
    expect(find(project, 'shop-4').deletedAt).toBeUndefined()
  })

  test('that are asked for later come then, and so do the links to them', async () => {
    const { project } = createTestProject()
    await runAt(project, fixture)
    const report = await runAt(project, fixture, { withDeleted: true })
    expect(report).toMatchObject({ created: 1, createdDeleted: 1, unchanged: 7, linked: 1 })
    expect(find(project, 'shop-2.2').values.dependencies).toContain(find(project, 'shop-4').id)
    expect(await runAt(project, fixture)).toMatchObject({ created: 0, unchanged: 7, linked: 0, deleted: ['shop-4'] })
  })

  test('never take the id of a living one', async () => {
    const { project } = createTestProject()
    const lines = [issue('b-1', { status: 'tombstone' }), issue('b-1', { title: 'alive' })]
    await run(project, lines)
    const report = await run(project, lines, { withDeleted: true })
    expect(report).toMatchObject({ created: 1, createdDeleted: 1, unchanged: 1, differs: [] })
    expect(find(project, 'b-1').values.title).toBe('alive')
    expect(find(project, 'b-1~2').deletedAt).toBeDefined()
  })
})

describe('importing again', () => {
  test('keeps what was changed here, and reports and leaves what was changed there', async () => {
    const { project } = createTestProject()
    await run(project, [issue('b-1'), issue('b-2')])
    await project.transact(byClaude, (tx) => tx.update(task, find(project, 'b-1').id, { set: { title: 'Ours' } }))
    const report = await run(project, [issue('b-1'), issue('b-2', { title: 'Theirs' }), issue('b-3')])
    expect(report).toMatchObject({ created: 1, unchanged: 1, differs: [{ file: 'b-2' }] })
    expect(find(project, 'b-1').values.title).toBe('Ours')
    expect(find(project, 'b-2').values.title).toBe('Issue b-2')
  })

  test('two issues with one id are both imported, the second under a name of its own', async () => {
    const { project } = createTestProject()
    const lines = [issue('b-1'), issue('B-1', { title: 'second' })]
    const report = await run(project, lines)
    expect(report).toMatchObject({ created: 2, notes: [{ file: 'B-1', reason: expect.stringContaining('B-1~2') }] })
    expect(find(project, 'b-1~2').values.title).toBe('second')
    expect(await run(project, lines)).toMatchObject({ created: 0, unchanged: 2 })
  })
})

describe('links', () => {
  test('an edge that closes a circle is left out, kept and told; the others stand', async () => {
    const { project } = createTestProject()
    const lines = [
      blockedBy('b-1', 'b-2'),
      blockedBy('b-2', 'b-3'),
      blockedBy('b-3', 'b-1', 'b-4'),
      blockedBy('b-4', 'b-4'),
    ]
    const report = await run(project, lines)
    expect(report.unresolved).toEqual([
      { file: 'b-3', id: 'b-1', reason: 'would close a circle (dependencies)' },
      { file: 'b-4', id: 'b-4', reason: 'would close a circle (dependencies)' },
    ])
    const [one, two, three, four] = ['b-1', 'b-2', 'b-3', 'b-4'].map((name) => find(project, name))
    expect([one, two, three, four].map((record) => record?.values.dependencies)).toEqual([
      [two?.id],
      [three?.id],
      [four?.id],
      [],
    ])
    expect(three?.extra.dependencies_unresolved).toBe('["b-1"]')
    expect(await run(project, lines)).toMatchObject({ created: 0, linked: 0, unchanged: 4 })
  })

  test('an id that only looks alike is another one', async () => {
    const { project } = createTestProject()
    const report = await run(project, [issue('b-0088'), blockedBy('b-2', 'b-88', '0088')])
    expect(report.unresolved.map(({ id }) => id)).toEqual(['b-88', '0088'])
  })
})

describe('bad input', () => {
  test('broken lines are named with their number and passed over, the others imported', async () => {
    const { project } = createTestProject()
    const report = await runFiles(project, {
      'issues.jsonl': Buffer.concat([
        Buffer.from('\ufeff'),
        Buffer.from(linesOf([issue('b-1'), '', '<<<<<<< HEAD', '[]', '{"title":"x"}', '{"id":"b-2"}'])),
        Buffer.from([0x22, 0xff, 0x22, 0x0a]),
        Buffer.from(linesOf(['{"id":"b-3\0"}', 'x'.repeat((2 << 20) + 1)])),
        Buffer.from('  \r\n'),
        // The last line has no end.
        Buffer.from(JSON.stringify(issue('b-4'))),
      ]),
    })
    expect(report.created).toBe(2)
    expect(report.skipped).toEqual(
      [
        [3, 'it is no JSON: '],
        [4, 'it is no JSON object'],
        [5, 'it has no id'],
        [6, 'it has no title (b-2)'],
        [7, 'it is not valid UTF-8'],
        [8, 'it holds NUL'],
        [9, 'it is 2097153 bytes; the limit is 2097152'],
      ].map(([line, reason]) => ({ file: 'issues.jsonl', line, reason: expect.stringContaining(String(reason)) })),
    )
    expect(report.summary).toContain('  issues.jsonl:3: it is no JSON: ')
  })

  test('what is no place of beads is refused', async () => {
    const { project } = createTestProject()
    const refused = { code: 'import_failed' }
    await expect(runFiles(project, { 'README.md': 'x' })).rejects.toMatchObject(refused)
    await expect(runFiles(project, { '.beads/issues.jsonl': { link: 'x' } })).rejects.toMatchObject(refused)
    await expect(runAt(project, join(fixture, 'nowhere'))).rejects.toMatchObject(refused)
    await expect(runAt(project, join(fixture, 'expected'))).rejects.toMatchObject(refused)
  })
})

test('a path that is named may be a link; what is found in a folder may not', async () => {
  const { project } = createTestProject()
  const dir = await mkdtemp(join(tmpdir(), 'orch-beads-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await symlink(join(fixture, '.beads/issues.jsonl'), join(dir, 'issues.jsonl'))
  expect(await runAt(project, join(dir, 'issues.jsonl'), { dryRun: true })).toMatchObject({ created: 7 })
  await expect(runAt(project, dir)).rejects.toMatchObject({ code: 'import_failed' })
  expect(await openFolder(dir).readDir('')).toEqual([{ name: 'issues.jsonl', type: 'link' }])
})

test('[P8] others have their turn between two slices', async () => {
  const { project } = createTestProject()
  const sizes: number[] = []
  const stop = project.onCommit(({ changes }) => sizes.push(changes.length))
  await run(
    project,
    Array.from({ length: 60 }, (_, n) => issue(`b-${n}`)),
  )
  stop()
  expect(sizes).toEqual([20, 20, 20])
})
