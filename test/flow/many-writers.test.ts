import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { countOf, createTestRepo, must, type TestRepo, until } from './harness.ts'

interface Task {
  readonly id: string
  readonly title: string
  readonly labels: readonly string[]
  readonly body: string
  readonly file: string
  readonly status: string
  readonly spentHours: number
}

let repo: TestRepo
afterEach(() => repo.remove())

const twenty = Array.from({ length: 20 }, (_, i) => i)

test('20 processes at once in a fresh repository: one daemon, 20 tasks, 20 ids', async () => {
  repo = await createTestRepo()
  await must(repo.run(['stop']))
  const results = await Promise.all(
    twenty.map((i) => repo.json<Task>('task', 'create', `Task ${i}`, '--as', `agent-${i}`)),
  )
  expect(new Set(results.map(({ id }) => id)).size).toBe(20)
  const { items } = await repo.json<{ items: Task[] }>('task', 'list')
  expect(items.map(({ title }) => title).sort()).toEqual(twenty.map((i) => `Task ${i}`).sort())
  const { pid } = await repo.json<{ pid: number }>('status')
  expect(pid).toBeGreaterThan(0)
  const log = repo.read('.git/orch/daemon.log')
  expect(countOf(log, '"message":"the daemon is ready"')).toBe(2)
  await must(repo.run(['sync']))
  expect(readdirSync(join(repo.mirror, 'tasks')).filter((name) => name.endsWith('.md'))).toHaveLength(20)
})

test('20 processes at once edit one task: 20 labels and 20 lines are all there, none refused', async () => {
  repo = await createTestRepo()
  const { id } = await repo.json<Task>('task', 'create', 'Shared', '--body', 'Beginning.')
  await Promise.all(
    twenty.map((i) =>
      must(
        repo.run([
          'task',
          'update',
          id,
          '--add-label',
          `l${i}`,
          '--append',
          `line-${i}-end`,
          '--spent',
          '+0.5',
          '--as',
          `agent-${i}`,
        ]),
      ),
    ),
  )
  const task = await repo.json<Task>('task', 'show', id)
  expect([...task.labels].sort()).toEqual(twenty.map((i) => `l${i}`).sort())
  expect(task.spentHours).toBe(10)
  for (const i of twenty) expect(countOf(task.body, `line-${i}-end`)).toBe(1)
})

test('[P2] a hand edit and commands at the same moment, 20 rounds: every word and every change is there once', async () => {
  repo = await createTestRepo()
  const { id } = await repo.json<Task>('task', 'create', 'Race', '--body', 'First line.\n\nLast line.')
  await must(repo.run(['sync']))
  const { file } = await repo.json<Task>('task', 'show', id)
  const path = `orch/${file}`
  for (const round of twenty) {
    const command = repo.run([
      'task',
      'update',
      id,
      '--add-label',
      `label${round}`,
      '--append',
      `command${round}word`,
      '--as',
      'claude',
    ])
    const text = repo.read(path)
    await new Promise((resolve) => setTimeout(resolve, (round % 5) * 15))
    repo.write(path, text.replace('First line.', `First line. hand${round}word`))
    await must(command)
  }
  await must(repo.run(['sync']))
  const task = await repo.json<Task>('task', 'show', id)
  for (const round of twenty) {
    expect(countOf(task.body, `hand${round}word`), `hand ${round}`).toBe(1)
    expect(countOf(task.body, `command${round}word`), `command ${round}`).toBe(1)
    expect(task.labels).toContain(`label${round}`)
  }
  await until(() => twenty.every((round) => countOf(repo.read(path), `hand${round}word`) === 1), 'the file shows all')
  const { ok, findings } = await repo.json<{ ok: boolean; findings: unknown[] }>('doctor')
  expect(ok, JSON.stringify(findings)).toBe(true)
})
