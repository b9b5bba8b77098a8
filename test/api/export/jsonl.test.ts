import { describe, expect, test } from 'vitest'
import { jsonlFormat } from '../../../src/api/export/jsonl.ts'
import { importOrch } from '../../../src/api/import/orch.ts'
import type { Report } from '../../../src/api/import/report.ts'
import { context } from '../../../src/model/kinds/context.ts'
import { page } from '../../../src/model/kinds/page.ts'
import { task } from '../../../src/model/kinds/task.ts'
import type { OpenProject } from '../../../src/store/open-project.ts'
import type { Project } from '../../../src/store/project.ts'
import { createTestClock } from '../../helpers/clock.ts'
import { alice, byAlice, byClaude, createTestProject } from '../../helpers/project.ts'
import { createMemoryFolder } from '../../memory/folder.ts'

const exported = async (project: Project, current = false): Promise<string> => {
  const parts = { project, clock: createTestClock(), progress: () => undefined }
  const pieces: string[] = []
  for await (const { text } of jsonlFormat.write(parts, { kind: undefined, current })) pieces.push(text)
  return pieces.join('')
}

const imported = (
  project: Project,
  text: string | Uint8Array,
  options: { dryRun?: boolean; withDeleted?: boolean } = {},
): Promise<Report> =>
  importOrch(
    {
      project,
      origin: { source: 'import', actor: alice },
      progress: () => undefined,
      folder: createMemoryFolder({ 'a.jsonl': text }),
      file: 'a.jsonl',
    },
    { dryRun: false, withDeleted: false, name: 'a.jsonl', ...options },
  )

/** A project with something of everything. */
async function fullProject(): Promise<OpenProject> {
  const { project } = createTestProject({ seed: 3, name: 'shop' })
  const first = await project.transact(byAlice, (tx) =>
    tx.create(
      task,
      {
        title: 'Show the goods 商品 😀',
        labels: ['b', 'a'],
        body: 'One\n\n- [ ] two\n',
        due: '2026-12-01',
        spentHours: 2,
      },
      { extra: { owner: '010 # by hand', steps: '\n  - a\n  - b' } },
    ),
  )
  const second = await project.transact(byClaude, (tx) =>
    tx.create(task, { title: 'Pay', dependencies: [first], parent: first }),
  )
  await project.transact(byClaude, (tx) => {
    tx.update(task, first, {
      append: { comments: [{ text: '> quoted\n\nand **more**' }] },
      increment: { spentHours: 0.5 },
    })
    tx.setKey('state', 'currentPhase', { name: 'beta', steps: [1, null, true] })
    tx.appendLog({ action: 'Ran the tests', task: first, details: { failed: 2 } })
  })
  await project.transact(byAlice, (tx) => tx.update(task, second, { set: { status: 'completed' } }))
  await project.transact(byAlice, (tx) =>
    tx.create(page, { title: 'Guide', body: '# Guide\n' }, { file: 'guides/start.md' }),
  )
  await project.transact(byClaude, (tx) =>
    tx.create(context, { title: 'We sell', type: 'decision', data: '{"a":[1]}' }),
  )
  const gone = await project.transact(byAlice, (tx) => tx.create(task, { title: 'Fax' }))
  await project.transact(byClaude, (tx) => tx.delete(task, gone))
  return project
}

const lines = (text: string): readonly Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('[P7] an export into an empty project and out again', () => {
  test('is the same to the bit, with history, authors, times and deletions', async () => {
    const from = await fullProject()
    const text = await exported(from)
    const { project, reopen } = createTestProject({ seed: 9, clock: createTestClock() })
    const report = await imported(project, text)
    expect(report.counts).toEqual({ changes: 9 })
    expect(report.summary).toContain('Created 9 changes.')
    expect(await exported(project)).toBe(text)
    expect(project.have()).toEqual(from.have())
    expect(await exported(reopen().project)).toBe(text)
    const all = lines(text)
    expect(all.filter(({ deletedBy }) => deletedBy === 'claude')).toHaveLength(1)
    expect(all.find(({ kind }) => kind === 'state')).toMatchObject({ key: 'currentPhase', updatedBy: 'claude' })
    expect(all.at(-1)).toEqual({ end: all.length - 1 })
  })

  test('a dry run says the same and writes nothing', async () => {
    const text = await exported(await fullProject())
    const { project } = createTestProject({ seed: 9 })
    const dry = await imported(project, text, { dryRun: true })
    expect(dry).toMatchObject({ dryRun: true, counts: { changes: 9 } })
    expect(project.have()).toEqual({})
  })

  test('one that was cut short is completed by the next, also when more was written there and here', async () => {
    const from = await fullProject()
    const text = await exported(from)
    const { project } = createTestProject({ seed: 9 })
    // As a kill after the first commit leaves it.
    await project.applyRows(from.rowsSince({}, 4), { source: 'peer', peer: 'import' })
    expect(await imported(project, text)).toMatchObject({ counts: { changes: 5 }, unchanged: 4 })
    expect(await exported(project)).toBe(text)
    await from.transact(byAlice, (tx) => tx.create(task, { title: 'there' }))
    await project.transact(byClaude, (tx) => tx.create(task, { title: 'here' }))
    expect(await imported(project, await exported(from))).toMatchObject({ counts: { changes: 1 }, unchanged: 9 })
    expect(project.list(task, { limit: 10 }).items.map(({ values }) => values.title)).toEqual(
      expect.arrayContaining(['there', 'here']),
    )
    expect(await imported(project, await exported(from))).toMatchObject({ unchanged: 10 })
  })

  test('is one moment, whatever is written meanwhile', async () => {
    const from = await fullProject()
    const parts = { project: from, clock: { ...createTestClock(), monotonic: ticking() }, progress: () => undefined }
    let text = ''
    let wrote = 0
    for (const id of from.ids(task)) {
      // Each turn that the export leaves to others is used.
      setImmediate(() => {
        wrote++
        void from.transact(byAlice, (tx) => tx.update(task, id, { set: { title: `new ${wrote}` } }))
      })
    }
    for await (const piece of jsonlFormat.write(parts, { kind: undefined, current: false })) text += piece.text
    expect(wrote).toBeGreaterThan(0)
    const { project } = createTestProject({ seed: 9 })
    await imported(project, text)
    expect(await exported(project)).toBe(text)
  })
})

describe('into a project that has something else', () => {
  test('come the records that are not there, once', async () => {
    const text = await exported(await fullProject())
    const { project } = createTestProject({ seed: 9 })
    await project.transact(byAlice, (tx) => {
      tx.create(task, { title: 'Ours' })
      tx.setKey('state', 'currentPhase', 'alpha')
    })
    const dry = await imported(project, text, { dryRun: true })
    expect(Object.keys(project.have())).toEqual([project.replica])
    const report = await imported(project, text)
    expect({ ...dry, dryRun: false, summary: '' }).toEqual({ ...report, summary: '' })
    expect(report).toMatchObject({
      counts: { tasks: 2, pages: 1, contexts: 1, 'entries of the log': 1 },
      differs: [{ file: 'state/currentPhase' }],
      skipped: [],
    })
    expect(report.deleted).toHaveLength(1)
    const now = lines(await exported(project, true)).filter(({ kind }) => kind === 'task')
    const then = lines(text).filter(({ kind, deletedAt }) => kind === 'task' && deletedAt === undefined)
    for (const { id, values, extra, front, file } of then) {
      expect(now.find((one) => one.id === id)).toMatchObject({
        id,
        values,
        front,
        file,
        ...(extra !== undefined && { extra }),
      })
    }
    const again = await imported(project, text)
    expect(again).toMatchObject({ counts: {}, unchanged: 5 })
    expect(again.summary).toContain('There is nothing new to import.')
  })
})

describe('a file that is no whole export is refused before anything is written', () => {
  test.each<[string, (text: string) => string | Uint8Array, string]>([
    ['cut off', (text) => text.slice(0, -40), 'it is no JSON'],
    ['without its end', (text) => text.replace(/\{"end":\d+\}\n$/, ''), 'its last line is missing'],
    ['a line lost', (text) => text.replace(/\{"row":[^\n]*\n/, ''), 'lines come before it'],
    ['of a newer format', (text) => text.replace('"format":1', '"format":7'), 'this orch knows 1'],
    ['something else', () => '{"id":"a"}\n', 'it is no export of orch'],
    ['empty', () => '', 'it is cut off'],
    ['a damaged row', (text) => text.replace(/\{"row":"..../, '{"row":"////'), 'it holds no row of a journal'],
    ['UTF-16', (text) => Buffer.from(text, 'utf16le'), 'it '],
  ])('%s', async (_, damage, reason) => {
    const text = await exported(await fullProject())
    const { project } = createTestProject({ seed: 9 })
    await expect(imported(project, damage(text))).rejects.toMatchObject({
      code: 'import_failed',
      data: { reason: expect.stringContaining(reason) },
    })
    expect(project.have()).toEqual({})
  })
})

function ticking(): () => number {
  let at = 0
  return () => (at += 10)
}

test('a row that is longer than JSON is read at a time comes over, too', async () => {
  const { project } = createTestProject({ seed: 5, name: 'shop' })
  const body = Array.from({ length: 60_000 }, (_, i) => `w${(i * 7919) % 65_521}`).join(' ')
  await project.transact(byAlice, (tx) => tx.create(page, { title: 'Long', body }, { file: 'long.md' }))
  const text = await exported(project)
  const other = createTestProject({ seed: 6, name: 'empty' }).project
  await imported(other, text)
  expect(await exported(other)).toBe(text)
  const cut = text.replace(/(\{"row":"[^"]{100000})[^"]*/, '$1')
  await expect(imported(createTestProject({ seed: 7 }).project, cut)).rejects.toMatchObject({ code: 'import_failed' })
})
