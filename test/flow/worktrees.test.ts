import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MirrorInfo, Status } from '../../src/api/operation.ts'
import { createTestRepo, must, type TestRepo } from './harness.ts'

let repo: TestRepo
let worktree: string
beforeAll(async () => {
  repo = await createTestRepo()
  worktree = join(dirname(repo.dir), 'feature')
})
afterAll(() => repo.remove())

const fileIn = (mirror: string, id: string): string =>
  join(mirror, 'tasks', readdirSync(join(mirror, 'tasks')).find((name) => name.startsWith(id)) ?? `no ${id}`)
const sync = (): Promise<unknown> => must(repo.run(['sync']))

test('[P2][P3] linked worktrees have folders of their own: edits in any of them merge, and a removed one costs nothing', async () => {
  const { id } = await repo.json<{ id: string }>('task', 'create', 'Fix the login', '--body', 'one')
  repo.git('worktree', 'add', '--quiet', worktree)
  expect((await repo.run(['init', '--yes'], { cwd: worktree })).code).toBe(0)
  const linked = join(worktree, 'orch')
  // It answered when the files were there.
  expect(readdirSync(linked)).toEqual(expect.arrayContaining(['BOARD.md', 'README.md', 'state.json']))
  expect(fileIn(linked, id)).toContain('fix-the-login')
  expect(repo.git('-C', worktree, 'status', '--porcelain')).toBe('')
  expect(readFileSync(join(worktree, '.ignore'), 'utf8')).toContain('!/orch/')
  expect((await repo.json<Status>('status')).linkedMirrors).toEqual([linked])

  const [here, there] = [fileIn(repo.mirror, id), fileIn(linked, id)]
  writeFileSync(here, readFileSync(here, 'utf8').replace('one', 'one, from here'))
  writeFileSync(there, readFileSync(there, 'utf8').replace('status: todo', 'status: review').concat('\nand there\n'))
  writeFileSync(join(linked, 'tasks', 'new.md'), '# From the worktree\n')
  await sync()
  const task = await repo.json<{ body: string; status: string }>('task', 'show', id)
  // Both were written after one word: which comes first is a matter of who wrote it.
  expect(task).toMatchObject({ status: 'review', body: expect.stringMatching(/^one.*, from here/s) })
  expect(task.body.match(/from here|and there/g)?.sort()).toEqual(['and there', 'from here'])
  for (const name of readdirSync(join(linked, 'tasks'))) {
    expect(readFileSync(join(linked, 'tasks', name), 'utf8')).toBe(
      readFileSync(join(repo.mirror, 'tasks', name), 'utf8'),
    )
  }
  expect((await repo.run(['doctor'])).code).toBe(0)

  // What is wrong in one of them is named with its worktree.
  symlinkSync('/etc/passwd', join(linked, 'tasks', 'link.md'))
  await sync()
  expect(JSON.stringify((await repo.json<Status>('status')).problems)).toContain('feature:tasks/link.md')
  rmSync(join(linked, 'tasks', 'link.md'))

  await must(repo.run(['stop']))
  writeFileSync(there, readFileSync(there, 'utf8').concat('while it was down\n'))
  await sync()
  expect((await repo.json<{ body: string }>('task', 'show', id)).body).toContain('while it was down')

  repo.git('worktree', 'remove', '--force', worktree)
  await sync()
  expect((await repo.json<{ items: MirrorInfo[] }>('mirror', 'list')).items).toHaveLength(1)
  expect(existsSync(worktree)).toBe(false)
  expect((await repo.json<{ total: number }>('task', 'list')).total).toBe(2)
  expect(JSON.stringify((await repo.json<Status>('status')).problems)).toContain('the worktree is gone')

  repo.git('worktree', 'prune')
  repo.git('worktree', 'add', '--quiet', '--force', worktree, 'feature')
  await must(repo.run(['mirror', 'add', worktree]))
  await sync()
  expect(readdirSync(join(linked, 'tasks'))).toHaveLength(2)
  writeFileSync(join(linked, 'mine.txt'), 'x')
  await must(repo.run(['uninstall', '--yes']))
  expect(readdirSync(linked)).toEqual(['mine.txt'])
  expect([repo.dir, worktree].map((dir) => existsSync(join(dir, '.ignore')))).toEqual([false, false])
  expect(existsSync(repo.mirror)).toBe(false)
  expect(repo.git('status', '--porcelain')).toBe('')
}, 60_000)

test('[P4] a repository is set up from a linked worktree: one project, and a folder of files in both', async () => {
  const fresh = await createTestRepo({ init: false })
  const tree = join(dirname(fresh.dir), 'first')
  try {
    fresh.git('worktree', 'add', '--quiet', tree)
    const made = await fresh.run(['init', '--yes', '--json'], { cwd: tree })
    expect(made.code, made.stderr).toBe(0)
    expect(readdirSync(join(tree, 'orch'))).toContain('README.md')
    await must(fresh.run(['task', 'create', 'Fix the login'], { cwd: tree }))
    await must(fresh.run(['sync'], { cwd: tree }))
    for (const dir of [fresh.dir, tree]) {
      expect(readdirSync(join(dir, 'orch', 'tasks'))).toHaveLength(1)
      expect(fresh.git('-C', dir, 'status', '--porcelain')).toBe('')
    }
    expect((await fresh.json<Status>('status')).linkedMirrors).toEqual([join(tree, 'orch')])
  } finally {
    await fresh.remove()
  }
}, 60_000)
