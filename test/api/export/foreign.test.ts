import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { backlogFormat, beadsFormat } from '../../../src/api/export/foreign.ts'
import type { ExportFormat } from '../../../src/api/export/format.ts'
import { importBacklog } from '../../../src/api/import/backlog.ts'
import { importBeads } from '../../../src/api/import/beads.ts'
import { openFolder, openPath } from '../../../src/api/import/node-folder.ts'
import { task } from '../../../src/model/kinds/task.ts'
import type { Project } from '../../../src/store/project.ts'
import { createTestClock } from '../../helpers/clock.ts'
import { alice, byAlice, createTestProject } from '../../helpers/project.ts'
import { createMemoryFolder } from '../../memory/folder.ts'

const fixtures = join(import.meta.dirname, '../../fixtures/import')
const origin = { source: 'import', actor: alice } as const
const progress = (): void => undefined

async function filesOf(format: ExportFormat, project: Project): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  const parts = { project, clock: createTestClock(), progress }
  for await (const { file, text } of format.write(parts, { kind: undefined, current: false })) {
    files[file] = (files[file] ?? '') + text
  }
  return files
}

type Issue = Readonly<Record<string, unknown>> & { readonly id: string }

const issuesOf = (text: string): ReadonlyMap<string, Issue> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as Issue)
      .map((issue) => [issue.id, issue]),
  )

describe('beads', () => {
  const path = join(fixtures, 'beads')

  test('what came from there goes back as it was, but for the zones of times', async () => {
    const { project } = createTestProject()
    const parts = { project, origin, progress, ...(await openPath(path)) }
    await importBeads(parts, { dryRun: false, withDeleted: true, name: path })
    const then = issuesOf(readFileSync(join(path, '.beads/issues.jsonl'), 'utf8'))
    const now = issuesOf((await filesOf(beadsFormat, project))[''] ?? '')
    expect([...now.keys()].sort()).toEqual([...then.keys()].sort())
    for (const [id, issue] of then) expect(plain(now.get(id))).toEqual(plain(issue))
  })

  test('what was made or changed here is there, and an import of it finds nothing new', async () => {
    const { project } = createTestProject()
    await importBeads(
      { project, origin, progress, ...(await openPath(path)) },
      { dryRun: false, withDeleted: false, name: path },
    )
    const { id: goods } = project.resolve('shop-1', task)
    const made = await project.transact(byAlice, (tx) =>
      tx.create(task, {
        title: 'Fresh',
        dependencies: [goods],
        status: 'review',
        priority: 'low',
        body: '## Design\n\nx',
      }),
    )
    await project.transact(byAlice, (tx) =>
      tx.update(task, goods, { set: { status: 'blocked' }, append: { comments: [{ text: 'why' }] } }),
    )
    const text = (await filesOf(beadsFormat, project))[''] ?? ''
    const now = issuesOf(text)
    expect(now.get(made)).toMatchObject({
      title: 'Fresh',
      description: '## Design\n\nx',
      status: 'in_progress',
      priority: 3,
      dependencies: [{ issue_id: made, depends_on_id: 'shop-1', type: 'blocks', created_by: 'alice' }],
    })
    expect(now.get('shop-1')).toMatchObject({
      status: 'blocked',
      comments: expect.arrayContaining([expect.objectContaining({ author: 'alice', text: 'why' })]),
    })
    const other = createTestProject({ seed: 5 })
    const again = await importBeads(
      {
        project: other.project,
        origin,
        progress,
        folder: createMemoryFolder({ 'issues.jsonl': text }),
        file: undefined,
      },
      { dryRun: false, withDeleted: false, name: 'x' },
    )
    expect(again).toMatchObject({ created: 8, skipped: [] })
  })
})

/** An issue without what says nothing, its times as the moments that they name. */
function plain(issue: Issue | undefined): unknown {
  const strip = (value: unknown): unknown => {
    if (typeof value === 'string') {
      if (/^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value).toISOString()
      return value.trim() === '' || value === '{}' ? undefined : value
    }
    if (Array.isArray(value)) {
      const list = value.every((one) => typeof one === 'string') ? value.toSorted() : value
      return list.length === 0 ? undefined : list.map(strip)
    }
    if (typeof value !== 'object' || value === null) return value ?? undefined
    const members = Object.entries(value).map(([key, member]) => [key, strip(member)] as const)
    return Object.fromEntries(
      members.filter(([, member]) => member !== undefined && member !== '0001-01-01T00:00:00.000Z'),
    )
  }
  return strip(issue)
}

describe('Backlog.md', () => {
  const path = join(fixtures, 'backlog')

  test('what came from there goes back to the same places, and reads there as it did', async () => {
    const { project } = createTestProject()
    await importBacklog({ project, origin, progress, folder: openFolder(path) }, { dryRun: false, name: path })
    const files = await filesOf(backlogFormat, project)
    const { project: second } = createTestProject({ seed: 5 })
    const report = await importBacklog(
      { project: second, origin, progress, folder: createMemoryFolder(files) },
      { dryRun: false, name: 'x' },
    )
    const shown = (one: Project): unknown =>
      one.kinds.records.flatMap((kind) =>
        one.ids(kind).flatMap((id) => {
          const record = one.read(kind, id)
          if (!record) return []
          const { dependencies, parent, ...values } = record.values
          const { imported: _, ...extra } = record.extra
          const names = (ids: unknown): unknown =>
            (Array.isArray(ids) ? ids : ids === null || ids === undefined ? [] : [ids]).map(
              (to) => one.read(task, to as typeof id)?.values.aliases,
            )
          return [{ values, extra, dependencies: names(dependencies), parent: names(parent) }]
        }),
      )
    const sorted = (of: unknown): unknown =>
      (of as object[]).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    expect(sorted(shown(second))).toEqual(sorted(shown(project)))
    expect(report.skipped.map(({ file }) => file)).toEqual(['config.yml'])
  })

  test('what was made here gets the next number, a folder by its status, and its comments below', async () => {
    const { project } = createTestProject({ name: 'my: shop' })
    const first = await project.transact(byAlice, (tx) =>
      tx.create(task, { title: 'Show: the goods', body: 'Text' }, { createdAt: '2026-11-01' }),
    )
    await project.transact(byAlice, (tx) => {
      tx.create(task, { title: 'Pay', dependencies: [first], status: 'completed', labels: ['a, b'], parent: first })
      tx.update(task, first, { append: { comments: [{ text: 'why' }] } })
    })
    const files = await filesOf(backlogFormat, project)
    expect(Object.keys(files)).toEqual(['config.yml', 'tasks/task-1 - Show-the-goods.md', 'completed/task-2 - Pay.md'])
    expect(files['config.yml']).toContain('project_name: "my: shop"')
    expect(files['tasks/task-1 - Show-the-goods.md']).toMatch(
      /^---\nid: TASK-1\ntitle: "Show: the goods"\nstatus: To Do\n/,
    )
    expect(files['tasks/task-1 - Show-the-goods.md']).toMatch(/\nText\n\n## Comments\n\n### alice, .*\n\nwhy\n$/)
    expect(files['completed/task-2 - Pay.md']).toContain('dependencies: [TASK-1]\nparent_task_id: TASK-1\n')
  })
})
