import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createTestRepo, must, openTestRepo, type TestRepo } from './harness.ts'

interface Status {
  readonly pid: number
  readonly project: { readonly id: string; readonly name: string }
  readonly replica: string
  readonly mirror: string
}

const repos: TestRepo[] = []
const track = (repo: TestRepo): TestRepo => {
  repos.push(repo)
  return repo
}
afterEach(async () => {
  await Promise.all(repos.splice(0).map((repo) => repo.remove()))
})
const status = (repo: TestRepo): Promise<Status> => repo.json<Status>('status')

test('stop, start and restart: what was written is there; edits made while it was down are merged', async () => {
  const repo = track(await createTestRepo())
  const { id, file } = await repo.json<{ id: string; file: string }>('task', 'create', 'Before', '--body', 'One.')
  await must(repo.run(['sync']))
  const first = await status(repo)
  await must(repo.run(['stop']))
  expect((await repo.run(['status'])).stdout).toMatch(/running +false|not running/)
  repo.write(`orch/${file}`, repo.read(`orch/${file}`).replace('One.', 'One and two.'))
  repo.write('orch/tasks/by-hand.md', '# Written while it was down\n\nWith a body.\n')
  await must(repo.run(['start']))
  await must(repo.run(['sync']))
  expect((await repo.json<{ body: string }>('task', 'show', id)).body).toBe('One and two.')
  const { items } = await repo.json<{ items: { title: string; file: string }[] }>('task', 'list')
  expect(items.find(({ title }) => title === 'Written while it was down')?.file).toBe('tasks/by-hand.md')
  await must(repo.run(['restart']))
  const second = await status(repo)
  expect(second.pid).not.toBe(first.pid)
  expect(second.replica).toBe(first.replica)
})

test('a clone whose remote has the history takes the project over, with all it holds', async () => {
  const repo = track(await createTestRepo({ name: 'shop' }))
  const { id } = await repo.json<{ id: string }>('task', 'create', 'From the first clone', '--body', 'Words.')
  await must(repo.run(['state', 'set', 'phase', 'beta']))
  await must(repo.run(['sync']))
  const cloneDir = join(repo.dir, '..', 'clone')
  execFileSync('git', ['clone', '--quiet', repo.dir, cloneDir], { env: repo.env })
  const clone = track(openTestRepo(cloneDir, repo.env))
  await must(clone.run(['init', '--yes']))
  const [ours, theirs] = [await status(repo), await status(clone)]
  expect(theirs.project).toEqual(ours.project)
  expect(theirs.replica).not.toBe(ours.replica)
  expect((await clone.json<{ body: string }>('task', 'show', id)).body).toBe('Words.')
  expect(await clone.json('state', 'get', 'phase')).toMatchObject({ value: 'beta' })
  await must(clone.run(['task', 'update', id, '--append', 'More.']))
  await must(clone.run(['sync']))
  expect(clone.git('merge-base', '--is-ancestor', 'origin/orch-history', 'orch-history')).toBe('')
})

test('uninstall removes every trace but the history branch; with --purge that, too', async () => {
  const repo = track(await createTestRepo({ init: false }))
  const exclude = existsSync(join(repo.dir, '.git/info/exclude')) ? repo.read('.git/info/exclude') : ''
  await must(repo.run(['init', '--yes']))
  const { id } = await repo.json<{ id: string }>('task', 'create', 'Kept in history')
  await must(repo.run(['uninstall', '--yes']))
  expect(existsSync(join(repo.dir, '.git', 'orch'))).toBe(false)
  expect(existsSync(repo.mirror)).toBe(false)
  expect(repo.read('.git/info/exclude')).toBe(exclude)
  expect(repo.git('show', '--stat', 'orch-history')).toContain(id)
  await must(repo.run(['init', '--yes']))
  expect((await repo.json<{ id: string }>('task', 'show', id)).id).toBe(id)
  await must(repo.run(['uninstall', '--yes', '--purge']))
  expect(repo.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
})

test('on a directory that cannot be written: a clear answer', async () => {
  const repo = track(await createTestRepo({ init: false }))
  // Root can write anywhere, so nobody is asked to.
  const uid = process.getuid?.() === 0 ? 65534 : undefined
  if (uid !== undefined) {
    chmodSync(join(repo.dir, '..'), 0o755)
    execFileSync('chown', ['-R', `${uid}:${uid}`, repo.dir, join(repo.dir, '..', 'home')])
  }
  chmodSync(join(repo.dir, '.git'), 0o555)
  try {
    const refused = await repo.run(['init', '--yes'], uid === undefined ? {} : { uid })
    expect(refused.stderr).toContain('cannot be written')
    expect(refused.code).toBe(6)
  } finally {
    chmodSync(join(repo.dir, '.git'), 0o755)
  }
})

test('a database of a newer orch is refused and left as it is', async () => {
  const repo = track(await createTestRepo())
  await must(repo.run(['task', 'create', 'One']))
  await must(repo.run(['stop']))
  const { DatabaseSync } = await import('@photostructure/sqlite')
  const file = join(repo.dir, '.git', 'orch', 'orch.db')
  const db = new DatabaseSync(file)
  db.exec('PRAGMA user_version = 99')
  db.close()
  const refused = await repo.run(['task', 'list'])
  expect(refused.code).toBe(6)
  expect(refused.stderr).toContain('format 99')
  const again = new DatabaseSync(file)
  expect(again.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 99 })
  expect(again.prepare('SELECT count(*) AS n FROM rows').get()).toMatchObject({ n: 1 })
  again.exec('PRAGMA user_version = 1')
  again.close()
  mkdirSync(join(repo.dir, 'sub'))
  await must(repo.run(['task', 'list'], { cwd: join(repo.dir, 'sub') }))
})
