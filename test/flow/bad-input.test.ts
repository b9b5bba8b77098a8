import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestRepo, must, type TestRepo, until } from './harness.ts'

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string }
}
interface Problem {
  readonly what: string
  readonly where: string
  readonly line?: number
  readonly column?: number
}

let repo: TestRepo
let task: { readonly id: string; readonly file: string }
beforeAll(async () => {
  repo = await createTestRepo()
  task = await repo.json('task', 'create', 'Only one', '--body', 'Text.')
  await must(repo.run(['sync']))
})
afterAll(() => repo.remove())

const refusal = async (...args: string[]): Promise<{ code: number } & Refusal['error']> => {
  const result = await repo.run([...args, '--json'])
  const { error } = JSON.parse(result.stdout || result.stderr) as Refusal
  return { ...error, code: error.code, exit: result.code } as never
}
const problems = async (): Promise<readonly Problem[]> => (await repo.json<{ problems: Problem[] }>('status')).problems
const state = async (): Promise<string> =>
  JSON.stringify([await repo.json('task', 'list', '--full', '--all'), await repo.json('state', 'get')])

test('what does not fit is refused with its code, and nothing changes', async () => {
  const other = await repo.json<{ id: string }>('task', 'create', 'Other')
  await must(repo.run(['task', 'update', other.id, '--add-dependency', task.id]))
  const before = await state()
  const cases: readonly (readonly [string[], string, number])[] = [
    [['task', 'show', 't-zzzzzzzz'], 'record_not_found', 3],
    [['task', 'show', 't-'], 'ambiguous_id', 3],
    [['task', 'update', task.id, '--status', 'finished'], 'invalid_status', 2],
    [['task', 'update', task.id, '--add-dependency', other.id], 'dependency_cycle', 2],
    [['task', 'update', task.id, '--add-dependency', 't-zzzzzzzz'], 'record_not_found', 3],
    [['task', 'update', task.id, '--title', 'New', '--find', 'nowhere', '--replace', 'x'], 'text_not_found', 2],
    [['task', 'update', task.id, '--title', 'New', '--base', '000000000000'], 'stale_base', 4],
    [['task', 'create', ''], 'invalid_input', 2],
    [['task', 'nope'], 'usage', 2],
    [['task', 'list', '--lable', 'x'], 'usage', 2],
    [['page', 'write', '../outside', 'text'], 'invalid_input', 2],
    [['state', 'set', 'bad key', '1'], 'invalid_input', 2],
    [['state', 'patch', '{"a":1,'], 'invalid_input', 2],
    [['peer', 'remove', 'nobody'], 'peer_not_found', 3],
    [['import', 'backlog', join(repo.dir, 'nowhere')], 'import_failed', 2],
  ]
  for (const [args, code, exit] of cases) {
    const refused = await refusal(...args)
    expect({ args, code: refused.code, exit: (refused as unknown as { exit: number }).exit }).toEqual({
      args,
      code,
      exit,
    })
    expect(refused.message).not.toMatch(/\{\w+\}/)
    expect(refused.hint).not.toMatch(/\{\w+\}/)
  }
  expect(await state()).toBe(before)
})

test('[M7] broken front matter is left alone and named with line and column; its body still merges; mended, it is taken', async () => {
  const path = `orch/${task.file}`
  const good = repo.read(path)
  const broken = good.replace(/^priority: .*$/m, 'priority: [high').replace('Text.', 'Text, edited.')
  repo.write(path, broken)
  await must(repo.run(['sync']))
  const found = (await problems()).find(({ where }) => where.includes(task.id))
  expect(found).toMatchObject({ line: expect.any(Number), column: expect.any(Number) })
  expect(repo.read(path)).toBe(broken)
  expect(repo.read('orch/LOCAL.md')).toContain(task.id)
  expect((await repo.json<{ body: string; priority: string }>('task', 'show', task.id)).priority).toBe('medium')
  expect((await repo.json<{ body: string }>('task', 'show', task.id)).body).toBe('Text, edited.')
  repo.write(path, good.replace(/^priority: .*$/m, 'priority: high').replace('Text.', 'Text, edited.'))
  await must(repo.run(['sync']))
  expect((await repo.json<{ priority: string }>('task', 'show', task.id)).priority).toBe('high')
  expect((await problems()).filter(({ where }) => where.includes(task.id))).toEqual([])
})

test('[M7] broken JSON in state.json changes nothing until it is mended', async () => {
  await must(repo.run(['state', 'set', 'phase', 'one']))
  await must(repo.run(['sync']))
  repo.write('orch/state.json', '{"phase": "two",,}')
  await must(repo.run(['sync']))
  expect((await problems()).some(({ where }) => where.includes('state.json'))).toBe(true)
  expect(await repo.json('state', 'get', 'phase')).toMatchObject({ value: 'one' })
  repo.write('orch/state.json', '{\n  "phase": "two"\n}\n')
  await must(repo.run(['sync']))
  expect(await repo.json('state', 'get', 'phase')).toMatchObject({ value: 'two' })
})

test('[M12] a 10 MB file, a link out of the directory and an unreadable file are named and left alone', async () => {
  const tasks = join(repo.mirror, 'tasks')
  mkdirSync(tasks, { recursive: true })
  writeFileSync(join(tasks, 'huge.md'), 'x'.repeat(10 * 1024 * 1024))
  symlinkSync('/etc/hostname', join(tasks, 'link.md'))
  writeFileSync(join(tasks, 'secret.md'), '# secret\n')
  chmodSync(join(tasks, 'secret.md'), 0)
  await must(repo.run(['sync']))
  const wheres = async (): Promise<string> => JSON.stringify(await problems())
  await until(async () => (await wheres()).includes('huge.md'), 'the huge file is named')
  await until(async () => (await wheres()).includes('link.md'), 'the link is named')
  // Root reads everything.
  if (process.getuid?.() !== 0)
    await until(async () => (await wheres()).includes('secret.md'), 'the unreadable file is named')
  const titles = JSON.stringify(await repo.json('task', 'list'))
  expect(titles).not.toContain('huge')
  expect(titles).not.toContain('link')
})

test('a broken .orchrc names the nearest known key', async () => {
  await must(repo.run(['stop']))
  repo.write('.orchrc', 'git:\n  quietMss: 10\n')
  const refused = await refusal('task', 'list')
  expect(refused.code).toBe('invalid_config')
  expect(`${refused.message} ${refused.hint}`).toContain('git.quietMs')
  repo.write('.orchrc', 'git:\n  quietMs: 10\n')
  await must(repo.run(['task', 'list']))
})
