import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { NewCommit } from '../../src/git/git-repo.ts'
import { gitError } from '../../src/git/run-git.ts'
import { gitRepoContract } from '../contract/git-repo.ts'
import { createTestClock } from '../helpers/clock.ts'
import { createMemoryGitRepo } from '../memory/git-repo.ts'
import { createGitSandbox, type GitSandbox } from './git-sandbox.ts'

const sandboxes: GitSandbox[] = []
const sandbox = (...init: string[]): GitSandbox => {
  const made = createGitSandbox(init)
  sandboxes.push(made)
  return made
}
afterEach(() => {
  for (const made of sandboxes.splice(0)) made.remove()
})

gitRepoContract('in memory', async () => createMemoryGitRepo())
gitRepoContract('git', async () => sandbox().open())

const REF = 'refs/heads/orch-history'
const signature = { name: 'orch', email: 'orch@orch.invalid', at: 1_700_000_000_000 }
const commitOf = (text: string, parent?: string): NewCommit => ({
  ref: REF,
  parent,
  changes: [{ path: 'a', bytes: Buffer.from(text) }],
  message: text,
  author: signature,
  committer: signature,
})

test('a branch that is checked out somewhere says where', async () => {
  const { git, open, folder } = sandbox()
  const repo = open()
  await repo.commit(commitOf('one'))
  git('worktree', 'add', '--quiet', '../look', 'orch-history')
  expect((await repo.head(REF))?.checkedOutIn).toBe(join(folder, '../look'))
})

test('a lock that goes away is waited for, one that stays is a refusal that names it and nothing is left behind', async () => {
  const { commonDir, open } = sandbox()
  const clock = createTestClock()
  const repo = open({ clock })
  const first = await repo.commit(commitOf('one'))
  const lock = join(commonDir, `${REF}.lock`)
  writeFileSync(lock, '')

  const passing = repo.commit(commitOf('two', first))
  await advanceUntil(clock, passing, () => rmSync(lock, { force: true }))
  const second = await passing

  writeFileSync(lock, '')
  const refused = repo.commit(commitOf('three', second)).catch((error: unknown) => error)
  await advanceUntil(clock, refused)
  expect(await refused).toMatchObject({ code: 'git_refused', message: expect.stringContaining(lock) })
  expect(existsSync(lock)).toBe(true)
  rmSync(lock)
  expect((await repo.head(REF))?.oid).toBe(second)
})

/** Moves the clock on while real processes run, until the promise has settled. */
async function advanceUntil(
  clock: { advance(ms: number): Promise<void> },
  done: Promise<unknown>,
  once?: () => void,
): Promise<void> {
  let settled = false
  done.then(
    () => (settled = true),
    () => (settled = true),
  )
  for (let turn = 0; !settled; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    await clock.advance(100)
    if (turn === 20) once?.()
  }
}

test('a refused commit leaves no crash report in the repository', async () => {
  const { commonDir, open } = sandbox()
  await expect(open().commit(commitOf('one', 'deadbeef'.repeat(5)))).rejects.toMatchObject({ code: 'git_refused' })
  expect(readdirSync(commonDir).filter((name) => name.startsWith('fast_import'))).toEqual([])
})

test.each(['150', '-5'])('[P1] a commit cut at byte %s of its stream leaves the ref as it was', async (bytes) => {
  const { open, commonDir } = sandbox()
  const first = await open().commit(commitOf('one'))
  // Stands for git and reads only a part of the stream, as when orch is killed while it writes.
  const cut = join(commonDir, 'half-git')
  const script = `#!/bin/sh\nfor a; do [ "$a" = fast-import ] && { head -c ${bytes} | git "$@"; exit $?; }; done\nexec git "$@"\n`
  writeFileSync(cut, script, { mode: 0o755 })
  await expect(open({ git: cut }).commit(commitOf('two', first))).rejects.toMatchObject({
    code: 'git_refused',
    message: expect.stringMatching(/stream ends early|Expected 'data/),
  })
  expect((await open().head(REF))?.oid).toBe(first)
})

test('a git that hangs is stopped when its time is up', async () => {
  const { open, commonDir } = sandbox()
  const hangs = join(commonDir, 'hanging-git')
  writeFileSync(hangs, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 })
  await expect(open({ git: hangs, timeoutMs: 200 }).commit(commitOf('one'))).rejects.toMatchObject({
    code: 'git_refused',
    message: expect.stringContaining('no answer within 0.2 s'),
  })
})

test('no git on the PATH is said plainly, by reads and by commits', async () => {
  const repo = sandbox().open({ git: '/nowhere/git' })
  await expect(repo.head(REF)).rejects.toMatchObject({ code: 'git_missing' })
  await expect(repo.commit(commitOf('one'))).rejects.toMatchObject({ code: 'git_missing' })
})

test('a repository of another user is told with the folder to trust', () => {
  const said = `fatal: detected dubious ownership in repository at '/srv/r'
To add an exception for this directory, call:

	git config --global --add safe.directory /srv/r
`
  const error = gitError(said, '/srv/r/.git')
  expect(error.code).toBe('git_unsafe')
  expect(error.hint).toContain('safe.directory /srv/r')
})

test('[P4] variables that a hook hands down do not lead to another repository', async () => {
  const [ours, other] = [sandbox(), sandbox()]
  const inherited = {
    GIT_DIR: other.commonDir,
    GIT_INDEX_FILE: join(other.folder, 'x'),
    GIT_OBJECT_DIRECTORY: '/nowhere',
    EDITOR: 'vi',
  }
  const repo = ours.open({ env: inherited })
  const oid = await repo.commit(commitOf('one'))
  expect((await repo.head(REF))?.oid).toBe(oid)
  expect(ours.git('rev-parse', REF)).toBe(oid)
  expect(other.git('for-each-ref')).toBe('')
})

test('settings of a person that change what git prints do not reach us', async () => {
  const { git, open } = sandbox()
  for (const [key, value] of [
    ['log.showSignature', 'true'],
    ['color.ui', 'always'],
    ['i18n.logOutputEncoding', 'ISO-8859-1'],
    ['log.date', 'relative'],
    ['core.quotePath', 'true'],
  ] as const)
    git('config', key, value)
  const repo = open()
  await repo.commit({ ...commitOf('grün'), changes: [{ path: 'ä', bytes: Buffer.from('x') }] })
  expect((await repo.log(REF, { limit: 1 }))[0]?.message).toBe('grün')
  expect([...(await repo.readTree(REF)).keys()]).toEqual(['ä'])
})

test('a submodule that somebody put on the branch is no file of it', async () => {
  const { git, open } = sandbox()
  const repo = open()
  const oid = await repo.commit({ ...commitOf('one'), changes: [{ path: 'a', bytes: Buffer.from('x') }] })
  git('read-tree', oid)
  git('update-index', '--add', '--cacheinfo', `160000,${oid},tasks/part.md`)
  const tree = git('write-tree')
  expect([...(await repo.readTree(tree)).keys()]).toEqual(['a'])
})

test('a path that is not one below the root is never written', async () => {
  const repo = sandbox().open()
  for (const path of ['../x', 'a//b', '/x', '.git/config', 'a/.GIT/x', ''])
    await expect(repo.commit({ ...commitOf('one'), changes: [{ path, bytes: Buffer.from('x') }] })).rejects.toThrow(
      'not a path for a tree',
    )
  expect(await repo.head(REF)).toBeUndefined()
})

test('what git printed is what git fsck accepts', async () => {
  const { open, folder, env } = sandbox()
  const repo = open()
  await repo.commit({ ...commitOf('one'), author: { name: 'A <b>\n', email: '<x>', at: -5 } })
  expect(() => execFileSync('git', ['fsck', '--strict'], { cwd: folder, env, stdio: 'pipe' })).not.toThrow()
})
