import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { splitJson } from '../../src/api/import/json-items.ts'
import { openPath } from '../../src/api/import/node-folder.ts'
import type { Report } from '../../src/api/import/report.ts'
import { type ImportOptions, importAny } from '../../src/api/import/run.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Project, StoredRecord } from '../../src/store/project.ts'
import { DECLARED, kindsOfText } from '../helpers/own-kinds.ts'
import { alice, createTestProject } from '../helpers/project.ts'
import { createMemoryFolder, type MemoryFiles } from '../memory/folder.ts'

const fixtures = join(import.meta.dirname, '../fixtures/import')
const DEFAULTS: ImportOptions = { format: undefined, dryRun: false, withDeleted: false, mapping: undefined, name: 'x' }

const run = (
  project: Project,
  files: MemoryFiles,
  file?: string,
  options: Partial<ImportOptions> = {},
): Promise<Report> =>
  importAny(
    {
      project,
      origin: { source: 'import', actor: alice },
      progress: () => undefined,
      folder: createMemoryFolder(files),
      file,
    },
    { ...DEFAULTS, ...options },
  )

const runAt = async (project: Project, path: string, options: Partial<ImportOptions> = {}): Promise<Report> =>
  importAny(
    { project, origin: { source: 'import', actor: alice }, progress: () => undefined, ...(await openPath(path)) },
    { ...DEFAULTS, ...options },
  )

const find = (project: Project, name: string): StoredRecord => {
  const record = project.read(task, project.resolve(name, task).id)
  if (!record) throw new Error(`no ${name}`)
  return record
}

const titles = (project: Project): readonly unknown[] =>
  project
    .ids(task)
    .map((id) => project.read(task, id)?.values.title)
    .sort()

describe('what is there is found out', () => {
  const gh = JSON.stringify([{ number: 1, title: 'a', state: 'OPEN' }])
  const tm = JSON.stringify({ tasks: [{ id: 1, title: 'a' }] })
  test.each<[string, MemoryFiles, string | undefined]>([
    ['beads', { '.beads/issues.jsonl': '{"id":"b-1","title":"a","issue_type":"task"}\n' }, undefined],
    ['beads', { 'issues.jsonl': '{"id":"b-1","title":"a","issue_type":"task"}\n' }, 'issues.jsonl'],
    ['backlog', { 'backlog/tasks/back-1.md': '---\nid: BACK-1\ntitle: a\n---\n' }, undefined],
    ['taskmaster', { '.taskmaster/tasks/tasks.json': tm }, undefined],
    ['taskmaster', { 'old.json': tm }, 'old.json'],
    ['github', { 'issues.json': gh }, 'issues.json'],
    ['github', { 'issues.json': gh }, undefined],
    ['json', { 'todo.json': '[{"name":"a"}]' }, undefined],
    ['markdown', { 'notes/a.md': '- [ ] a\n' }, undefined],
    ['markdown', { 'TODO.md': '- [ ] a\n' }, 'TODO.md'],
  ])('%s: %o', async (format, files, file) => {
    const { project } = createTestProject()
    const report = await run(project, files, file)
    expect(report.format).toBe(format)
    expect(titles(project)).toEqual(['a'])
    const have = project.have()
    expect(await run(project, files, file)).toMatchObject({ created: 0, differs: [] })
    expect(project.have()).toEqual(have)
  })

  test('several in one repository are named, not guessed', async () => {
    const { project } = createTestProject()
    const files = { '.beads/issues.jsonl': '', '.taskmaster/tasks/tasks.json': tm }
    await expect(run(project, files)).rejects.toMatchObject({
      code: 'import_failed',
      data: { reason: expect.stringContaining('beads and taskmaster') },
    })
    expect(await run(project, files, undefined, { format: 'taskmaster' })).toMatchObject({ created: 1 })
  })
})

test.each<[string, MemoryFiles, string]>([
  ['a repository without any', { '.git/HEAD': 'x', 'README.md': '# x' }, 'no files of a tool'],
  ['a folder of other things', { 'a/logo.png': 'x' }, 'no Markdown'],
  ['several files', { 'a.json': '[]', 'b.json': '[]' }, 'several files: a.json, b.json'],
])('what is no place of anything is refused: %s', async (_, files, reason) => {
  const { project } = createTestProject()
  await expect(run(project, files)).rejects.toMatchObject({
    code: 'import_failed',
    data: { reason: expect.stringContaining(reason) },
  })
  await expect(runAt(project, join(fixtures, 'nowhere'))).rejects.toMatchObject({ code: 'import_failed' })
  expect(project.have()).toEqual({})
})

describe('Task Master', () => {
  const path = join(fixtures, 'taskmaster')

  test('tags, subtasks and dotted ids come over, and links between them', async () => {
    const { project } = createTestProject()
    const report = await runAt(project, path)
    expect(report).toMatchObject({ created: 6, aliases: 6, skipped: [] })
    const [shop, page1, pay, cards, vouchers] = ['tm-1', 'tm-1.2', 'tm-2', 'tm-2.1', 'tm-feature-vouchers/1'].map(
      (name) => find(project, name),
    )
    expect(shop).toMatchObject({
      values: { status: 'completed', priority: 'high', closedAt: null },
      extra: { complexityScore: '4', metadata: '{githubIssue: 42, sprint: Q1}' },
    })
    expect(shop?.values.body).toBe(
      'A repository and a page.\n\n## Details\n\nUse SQLite.\n\n```sql\nCREATE TABLE goods (id);\n```\n\n## Test strategy\n\nOpen the page.',
    )
    expect(page1?.values).toMatchObject({
      parent: shop?.id,
      dependencies: [find(project, 'tm-1.1').id],
      status: 'in_progress',
    })
    expect(pay?.values.dependencies).toEqual([shop?.id, page1?.id].toSorted())
    expect(pay).toMatchObject({ values: { status: 'todo' }, extra: { tm_status: 'deferred' } })
    expect(cards?.values.dependencies).toEqual([page1?.id])
    expect(vouchers?.values).toMatchObject({ labels: ['feature-vouchers'], status: 'review' })
    expect(report.unresolved).toEqual([{ file: 'tm-2.1', id: 'tm-9', reason: 'is not here (dependencies)' }])
    expect(report.notKept).toMatchObject({ 'master: metadata.description': 1 })
  })

  test('one that was cut short is completed by the next run', async () => {
    const { project } = createTestProject()
    const text = JSON.stringify({
      tasks: Array.from({ length: 50 }, (_, n) => ({
        id: n + 1,
        title: `t${n}`,
        dependencies: n > 0 ? [n] : [2].slice(1),
      })),
    })
    let commits = 0
    const stop = project.onCommit(() => {
      if (++commits === 2) throw new Error('killed')
    })
    await run(project, { 'a.json': text }, 'a.json').catch(() => undefined)
    stop()
    await run(project, { 'a.json': text }, 'a.json')
    const { project: whole } = createTestProject()
    await run(whole, { 'a.json': text }, 'a.json')
    const shown = (one: Project): unknown =>
      one.ids(task).map((id) => [id, one.read(task, id)?.values.dependencies, one.read(task, id)?.values.title])
    expect(shown(project)).toEqual(shown(whole))
  })
})

describe('issues of GitHub', () => {
  const gh = {
    number: 12,
    title: 'Pay',
    body: 'Text\r\nmore',
    state: 'CLOSED',
    stateReason: 'NOT_PLANNED',
    labels: [{ id: 'x', name: 'shop', color: 'f00' }, { name: 'priority: high' }],
    assignees: [{ login: 'ann' }, { login: 'mia' }],
    author: { login: 'bob', is_bot: false },
    milestone: { title: 'v1', dueOn: '2026-12-01T00:00:00Z' },
    comments: [
      {
        id: 'c1',
        author: { login: 'mia' },
        body: 'why',
        createdAt: '2026-01-02T03:04:05Z',
        isMinimized: false,
        reactions: [{ content: 'HEART' }],
      },
    ],
    createdAt: '2026-01-01T00:00:00Z',
    updatedAt: '2026-01-03T00:00:00Z',
    closedAt: '2026-01-03T00:00:00Z',
    url: 'https://github.com/acme/shop/issues/12',
  }

  test('as gh writes them', async () => {
    const { project } = createTestProject()
    const files = {
      'i.json': JSON.stringify([
        gh,
        {
          ...gh,
          number: 13,
          url: gh.url.replace('12', '13'),
          state: 'OPEN',
          stateReason: '',
          closedAt: null,
          parent: { number: 12, url: gh.url },
        },
      ]),
    }
    expect(await run(project, files, 'i.json')).toMatchObject({
      created: 2,
      skipped: [],
      unresolved: [],
      notKept: { 'labels.color': 2, 'comments.reactions': 2 },
    })
    const pay = find(project, 'acme/shop#12')
    expect(pay.values).toMatchObject({
      title: 'Pay',
      body: 'Text\nmore',
      status: 'cancelled',
      priority: 'high',
      assignee: 'ann',
      labels: ['priority: high', 'shop'],
      createdAt: gh.createdAt,
      createdBy: 'bob',
      closedAt: gh.closedAt,
      due: '2026-12-01T00:00:00Z',
      comments: [{ text: 'why', by: 'mia', at: Date.parse('2026-01-02T03:04:05Z') }],
    })
    expect(pay.extra).toMatchObject({ milestone: 'v1', assignees: '[ann, mia]', url: gh.url })
    expect(find(project, 'acme/shop#13').values).toMatchObject({ status: 'todo', parent: pay.id, closedAt: null })
  })

  test('as the REST interface writes them; pull requests stay out, comments that are not there are told', async () => {
    const { project } = createTestProject()
    const rest = {
      number: 7,
      title: 'Rest',
      body: null,
      state: 'closed',
      state_reason: 'completed',
      user: { login: 'bob' },
      labels: ['a'],
      comments: 3,
      html_url: 'https://github.com/acme/shop/issues/7',
      events_url: 'https://api.github.com/x',
      created_at: '2026-01-01T00:00:00Z',
      closed_at: '2026-01-03T00:00:00Z',
    }
    const report = await run(
      project,
      { 'i.json': JSON.stringify([rest, { ...rest, number: 8, pull_request: {} }]) },
      'i.json',
    )
    expect(report).toMatchObject({ created: 1, skipped: [{ reason: 'it is a pull request' }] })
    expect(report.notes[0]?.reason).toContain('it has 3 comments')
    expect(find(project, 'acme/shop#7')).toMatchObject({ values: { status: 'completed', createdBy: 'bob' } })
    expect(find(project, 'acme/shop#7').extra.events_url).toBeUndefined()
  })
})

describe('a home-made system', () => {
  const json = JSON.stringify({
    project: 'shop',
    tickets: [
      {
        nr: 1,
        name: 'Show',
        state: 'fertig',
        prio: 'P1',
        tags: 'a,b',
        description: 'x',
        notes: 'y',
        mood: 'glad',
        steps: ['one', { name: 'two', state: 'offen' }],
      },
      { nr: 2, name: 'Pay', state: 'offen', depends_on: [1], deadline: '2026-12-01' },
    ],
  })

  test('JSON is mapped by a guess that is shown, and by a file that corrects it', async () => {
    const { project } = createTestProject()
    const dry = await run(project, { 'old.json': json }, 'old.json', { dryRun: true })
    expect(dry.summary).toContain('Would create 4 tasks')
    expect(dry.summary).toContain('items: tickets')
    expect(dry.summary).toContain('status "fertig" is not known here: taken as todo; kept as state')
    expect(dry.notKept).toEqual({ project: 1 })
    expect(dry.mapping).toMatchObject({
      fields: {
        id: 'nr',
        title: 'name',
        status: 'state',
        priority: 'prio',
        labels: 'tags',
        body: ['description', 'notes'],
        children: 'steps',
        due: 'deadline',
        dependencies: 'depends_on',
      },
    })
    expect(project.have()).toEqual({})
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    const dir = await mkdtemp(join(tmpdir(), 'orch-map-'))
    const fields = JSON.stringify((dry.mapping as { fields: object }).fields)
    await writeFile(
      join(dir, 'map.yml'),
      `items: tickets\nfields: ${fields}\nstatus:\n  fertig: completed\n  offen: todo\n`,
    )
    const report = await run(project, { 'old.json': json }, 'old.json', { mapping: join(dir, 'map.yml') })
    await writeFile(join(dir, 'bad.yml'), 'fields: { titel: name }\n')
    await expect(
      run(project, { 'old.json': json }, 'old.json', { mapping: join(dir, 'bad.yml') }),
    ).rejects.toMatchObject({ code: 'import_failed' })
    await rm(dir, { recursive: true })
    expect(report).toMatchObject({ created: 4, notes: [] })
    const show = find(project, 'old-1')
    expect(show).toMatchObject({
      values: { status: 'completed', priority: 'high', labels: ['a', 'b'], body: 'x\n\n## Notes\n\ny' },
      extra: { mood: 'glad' },
    })
    expect(find(project, 'old-2').values).toMatchObject({ dependencies: [show.id], due: '2026-12-01' })
    expect(find(project, 'old-1.2').values).toMatchObject({ title: 'two', parent: show.id })
  })

  test('Markdown: files with a status are tasks, others pages, and their checkboxes tasks', async () => {
    const { project } = createTestProject()
    const files = {
      'tasks/pay.md': '---\ntitle: Pay\nstatus: doing\nid: shop-1\ncolour: red\n---\n\nText\n',
      'TODO.md': '# Later\n\n- [x] Show\n- [ ] Ask\n  - [ ] Ann\n\n```\n- [ ] no\n```\n',
      'guide/start.md': '# Start\n\nText\n',
      'logo.png': 'x',
    }
    const report = await run(project, files)
    expect(report).toMatchObject({
      format: 'markdown',
      counts: { tasks: 4, pages: 2 },
      skipped: [{ file: 'logo.png' }],
    })
    expect(find(project, 'shop-1')).toMatchObject({
      values: { title: 'Pay', status: 'in_progress', body: 'Text' },
      extra: { colour: 'red', old_status: 'doing' },
    })
    expect(titles(project)).toEqual(['Ann', 'Ask', 'Pay', 'Show'])
    expect(project.read(page, project.resolve('pages/guide/start.md').id)?.values.body).toMatch(/^# Start\n\nText/)
    expect(await run(project, files)).toMatchObject({ created: 0, unchanged: 6 })
  })
})

describe('hostile files are refused with the reason', () => {
  const bomb = '['.repeat(200_000)
  test.each<[string, string | Uint8Array, string]>([
    ['a nested bomb', bomb, 'nested deeper'],
    ['a bomb in an item', `[{"title":"a","x":${'['.repeat(80)}${']'.repeat(80)}}]`, 'no items'],
    ['UTF-16', Buffer.from('[{"title":"a"}]', 'utf16le'), 'not UTF-8'],
    ['UTF-16 with its mark', Buffer.from('\ufeff[]', 'utf16le'), 'not UTF-8'],
    ['Latin-1', Buffer.from('[{"title":"caf\u00e9"}]', 'latin1'), 'not valid UTF-8'],
    ['cut off', '[{"title":"a"', 'cut off'],
    ['no JSON', '[{title: a}]', 'is no JSON'],
    ['a list of nothing', '[]', 'no items'],
    ['a huge text', `["${'x'.repeat(17 << 20)}"]`, 'larger than'],
  ])('%s', async (name, text, reason) => {
    const { project } = createTestProject()
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    const folder = {
      ...createMemoryFolder({}),
      async *streamFile() {
        for (let at = 0; at < bytes.length; at += 65_536) yield await Promise.resolve(bytes.subarray(at, at + 65_536))
      },
    }
    const result = importAny(
      { project, origin: { source: 'import', actor: alice }, progress: () => undefined, folder, file: 'a.json' },
      { ...DEFAULTS, format: 'json' },
    )
    if (name === 'a bomb in an item') expect((await result).skipped[0]?.reason).toContain('nested deeper')
    else
      await expect(result).rejects.toMatchObject({
        code: 'import_failed',
        data: { reason: expect.stringContaining(reason) },
      })
    expect(project.have()).toEqual({})
  })

  test('an item that no file could hold is passed over and told, the others come', async () => {
    const { project } = createTestProject()
    const items = [
      { name: 'a\0' },
      { name: 'b', note: '\ud800' },
      { name: 'c', big: 'x'.repeat(300_000) },
      { name: 'd' },
      7,
    ]
    const report = await run(project, { 'a.json': JSON.stringify(items) }, 'a.json')
    expect(titles(project)).toEqual(['d'])
    expect(report.skipped).toHaveLength(4)
  })

  test('circles are left out and told', async () => {
    const { project } = createTestProject()
    const tasks = [
      { id: 1, title: 'a', dependencies: [2] },
      { id: 2, title: 'b', dependencies: [1] },
    ]
    const report = await run(project, { 'a.json': JSON.stringify({ tasks }) }, 'a.json')
    expect(report.unresolved).toEqual([{ file: 'tm-2', id: 'tm-1', reason: 'would close a circle (dependencies)' }])
  })

  test('[P8] a list of any size is read item by item, wherever its pieces are cut', async () => {
    const text = '\ufeff [ {"a":"]\\"}"} , 2,"x,y" ,[3]] \n{"b":1}\n{"c":[2]}'
    const bytes = Buffer.from(text)
    for (const size of [1, 2, 3, 7, 1000]) {
      const pieces = async function* () {
        for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
      }
      const found: unknown[] = []
      for await (const item of splitJson(pieces()))
        found.push(JSON.parse(Buffer.from(item).toString().replace('\ufeff', '')))
      expect(found).toEqual([{ a: ']"}' }, 2, 'x,y', [3], { b: 1 }, { c: [2] }])
    }
  })
})

describe('statuses that a project declares', () => {
  const kinds = kindsOfText(DECLARED)
  const status = { customStatus: 'Testing', closed: 'WontFix', none: 'somewhere' }
  const json = Object.values(status).map((word, id) => ({ id, title: word, status: word }))
  test.each<[string, MemoryFiles, string | undefined]>([
    ['JSON', { 'a.json': JSON.stringify(json) }, 'a.json'],
    [
      'Task Master',
      { 'tasks.json': JSON.stringify({ tasks: json.map((one) => ({ ...one, status: one.status.toLowerCase() })) }) },
      'tasks.json',
    ],
    [
      'beads',
      {
        'issues.jsonl': json
          .map((one) =>
            JSON.stringify({ ...one, id: `b-${one.id}`, issue_type: 'task', status: one.status.toLowerCase() }),
          )
          .join('\n'),
      },
      'issues.jsonl',
    ],
    [
      'Backlog.md',
      Object.fromEntries(
        json.map(({ id, title, status: word }) => [
          `backlog/tasks/back-${id}.md`,
          `---\nid: BACK-${id}\ntitle: ${title}\nstatus: ${word}\n---\n`,
        ]),
      ),
      undefined,
    ],
    [
      'Markdown',
      Object.fromEntries(
        json.map(({ title, status: word }) => [`${title}.md`, `---\nstatus: ${word}\n---\n# ${title}\n`]),
      ),
      undefined,
    ],
  ])('come over from %s', async (_, files, file) => {
    const { project } = createTestProject({ kinds })
    await run(project, files, file)
    const found = project.list(task, { deleted: 'all', limit: 9 }).items
    expect(Object.fromEntries(found.map(({ values }) => [values.title, values.status]))).toEqual({
      Testing: 'testing',
      WontFix: 'wontfix',
      somewhere: 'todo',
    })
    const closed = found.find(({ values }) => values.status === 'wontfix')
    expect(closed?.issues).toEqual([])
  })
})
