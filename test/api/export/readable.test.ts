import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { alice } from '../../helpers/project.ts'
import { type Caller, createCaller } from '../operations-caller.ts'

const EVIL = `<script>alert(1)</script> & "x" 'y' <img src=x onerror=alert(1)>`

async function evil(): Promise<Caller> {
  const caller = createCaller().as(alice)
  const { id } = await caller.call('task.create', {
    title: EVIL,
    body: `# Top\n\n\`\`\`\n# code\n</pre>${EVIL}\n\`\`\`\n`,
    labels: ['=1+1', '<b>'],
  })
  await caller.call('task.comment', { id, text: EVIL })
  await caller.call('task.create', {
    title: '=HYPERLINK("http://x")',
    assignee: '-2+3',
    estimatedHours: 2,
    status: 'done',
  })
  await caller.call('state.set', { key: 'phase', value: EVIL })
  await caller.call('page.write', { path: 'a.md', text: EVIL })
  return caller
}

test('the HTML page holds no markup but its own, and loads and runs nothing', async () => {
  const { text } = await (await evil()).call('export.text', { format: 'html' })
  const tags = new Set([...String(text).matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name]) => name))
  expect([...tags].sort()).toEqual([
    'a',
    'body',
    'dd',
    'details',
    'div',
    'dl',
    'dt',
    'h1',
    'h2',
    'head',
    'html',
    'main',
    'meta',
    'nav',
    'p',
    'pre',
    'span',
    'style',
    'summary',
    'title',
  ])
  expect(text).toContain("default-src 'none'")
  expect(text).toContain('&#60;script&#62;alert(1)&#60;/script&#62; &#38; &#34;x&#34; &#39;y&#39;')
  expect([...String(text).matchAll(/<[a-z][^>]*\bon\w+=/gi)]).toEqual([])
})

test('what a record names is linked by title', async () => {
  const { call } = createCaller()
  const { id } = await call('task.create', { title: 'Design & draw' })
  await call('task.create', { title: 'Build', dependencies: [id], assignee: String(id) })
  const text = String((await call('export.text', { format: 'html' })).text)
  expect(text).toContain(`<dd><a href="#${id}">Design &#38; draw</a></dd>`)
  expect(text).toContain(`<details id="${id}">`)
  expect(text).toContain(`<dt>assignee</dt><dd>${id}</dd>`)
})

test('CSV is quoted, and no cell is a formula', async () => {
  const { text } = await (await evil()).call('export.text', { format: 'csv' })
  expect(text).toMatch(/^id,title,status,priority,assignee,/)
  expect(text).toContain(`"'=HYPERLINK(""http://x"")",completed`)
  expect(text).toContain(`,'-2+3,`)
  expect(text).toContain(`"<script>alert(1)</script> & ""x""`)
  expect((await (await evil()).refusal('export.text', { format: 'csv', kind: 'x' })).code).toBe('invalid_input')
})

test('the Markdown document keeps the headings of texts below their titles, and code as it is', async () => {
  const { text } = await (await evil()).call('export.text', { format: 'markdown' })
  expect(text).toContain('\n## Tasks: todo\n\n### <script>')
  expect(text).toContain('\n#### Top\n\n```\n# code\n')
  expect(text).toContain('## Pages')
})

test('a file is written whole, and takes the place of another only when that is said', async () => {
  const caller = await evil()
  const dir = await mkdtemp(join(tmpdir(), 'orch-export-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const to = join(dir, 'a.jsonl')
  const { text, bytes } = await caller.call('export', { format: 'jsonl', to })
  expect(text).toBe(`Wrote ${bytes} bytes to ${to}\n`)
  expect(await readFile(to, 'utf8')).toBe((await caller.call('export', { format: 'jsonl' })).text)
  await writeFile(to, 'mine')
  expect((await caller.refusal('export', { format: 'csv', to })).code).toBe('already_exists')
  expect(await readFile(to, 'utf8')).toBe('mine')
  await caller.call('export', { format: 'csv', to, replace: true })
  expect(await readFile(to, 'utf8')).toMatch(/^id,title/)
  expect(await caller.call('export', { format: 'backlog', to: join(dir, 'b') })).toMatchObject({ files: 4 })
  expect((await caller.refusal('export', { format: 'backlog', to: join(dir, 'b') })).code).toBe('already_exists')
  expect((await caller.refusal('export', { format: 'backlog' })).code).toBe('invalid_input')
  expect((await caller.refusal('export', { format: 'csv', to: join(dir, 'no/such/place') })).code).toBe('read_only')
  const { readdir } = await import('node:fs/promises')
  expect((await readdir(dir)).sort()).toEqual(['a.jsonl', 'b'])
})
