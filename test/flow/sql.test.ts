import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestRepo, must, type TestRepo } from './harness.ts'

interface Answer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  readonly more: boolean
}

let repo: TestRepo
beforeAll(async () => {
  repo = await createTestRepo()
  const first = await repo.json<{ id: string }>('task', 'create', 'First', '--label', 'api', '--estimate', '2')
  await must(repo.run(['task', 'create', 'Second', '--dependency', first.id, '--body', 'Line\tone']))
  await must(repo.run(['state', 'set', 'currentPhase', 'beta']))
  await must(repo.run(['log', 'append', 'tried it', '--task', first.id]))
  await must(repo.run(['token', 'show']))
})
afterAll(() => repo.remove())

const ask = (sql: string, ...flags: string[]): Promise<Answer> => repo.json<Answer>('sql', sql, ...flags)

test('tables and views that a person would guess answer', async () => {
  expect(await ask('SELECT title, estimatedHours FROM tasks ORDER BY title')).toMatchObject({
    columns: ['title', 'estimatedHours'],
    rows: [
      ['First', 2],
      ['Second', null],
    ],
    more: false,
  })
  const joined = `SELECT w.title AS waits, t.title, l.action FROM dependencies AS d JOIN tasks AS w ON w.id = d.task
    JOIN tasks AS t ON t.id = d.dependsOn LEFT JOIN work_logs AS l ON l.task = t.id`
  expect((await ask(joined)).rows).toEqual([['Second', 'First', 'tried it']])
  expect((await ask('SELECT key, value FROM project_state')).rows).toEqual([['currentPhase', '"beta"']])
  for (const table of ['sessions', 'contexts', 'pages', 'task_labels', 'task_comments']) {
    expect((await ask(`SELECT count(*) FROM ${table}`)).rows).toHaveLength(1)
  }
  expect(await ask('SELECT id FROM tasks', '--limit', '1')).toMatchObject({ more: true })
  expect((await ask("SELECT ';' AS a; -- one")).rows).toEqual([[';']])
  const { stdout } = await must(repo.run(['sql', "SELECT title, body FROM tasks WHERE title = 'Second'"]))
  expect(stdout).toBe('title\tbody\nSecond\tLine one\n')
  expect((await must(repo.run(['sql'], { input: 'SELECT 1 AS one' }))).stdout).toBe('one\n1\n')
})

test.each([
  ["INSERT INTO tasks (id) VALUES ('t-x')"],
  ["UPDATE tasks SET title = 'mine'"],
  ['DELETE FROM tasks'],
  ['DROP TABLE tasks'],
  ['CREATE TABLE mine (a)'],
  ['CREATE TEMP TABLE mine (a)'],
  ['PRAGMA journal_mode=DELETE'],
  ["ATTACH DATABASE '/tmp/other.db' AS other"],
  ["VACUUM INTO '/tmp/copy.db'"],
  ["SELECT load_extension('x')"],
  ['SELECT * FROM rows'],
  ['SELECT * FROM meta'],
  ['SELECT * FROM pragma_database_list'],
  ['SELECT 1; DELETE FROM tasks'],
  ['BEGIN'],
  ['SELECT hex(zeroblob(1000000000))'],
  ['SELECT group_concat(hex(randomblob(1000000))) FROM tasks, tasks AS a, tasks AS b, tasks AS c'],
  ['nonsense'],
])('%s is refused, and changes nothing', async (sql) => {
  const result = await repo.run(['sql', sql, '--json'])
  const { error } = JSON.parse(result.stdout) as { error?: { code: string } }
  expect({ exit: result.code, code: error?.code }).toEqual({ exit: 2, code: 'sql_failed' })
  expect((await ask('SELECT count(*) FROM tasks')).rows).toEqual([[2]])
})

test('the index is made anew, and answers as before', async () => {
  const before = await ask('SELECT id, title, path FROM tasks ORDER BY id')
  const { stdout } = await must(repo.run(['rebuild']))
  expect(stdout).toMatch(/^The index is made anew: \d+ records from \d+ rows\.\n$/)
  expect(await ask('SELECT id, title, path FROM tasks ORDER BY id')).toEqual(before)
  const findings = await repo.json<readonly { ok: boolean }[] | { items: readonly { ok: boolean }[] }>('doctor')
  expect(JSON.stringify(findings)).not.toContain('"ok":false')
})

test('a query without an end is ended, and nobody waits for it', async () => {
  const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  const running = repo.run(['sql', endless, '--timeout', '0.5', '--json'])
  await must(repo.run(['task', 'list']))
  const { code, stdout } = await running
  expect(code).toBe(2)
  expect(stdout).toContain('was not done after 0.5 seconds')
})
