import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findRepository, identityOf, mainWorktreeOf, pathsOf, type SocketPlace } from '../../src/base/repository.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'orch-repository-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const place: SocketPlace = { platform: 'linux', runtimeDir: '/run/user/1000', temporaryDir: '/tmp', userId: 1000 }

function git(cwd: string, ...args: readonly string[]): void {
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'protocol.file.allow=always', ...args], {
    cwd,
    stdio: 'ignore',
  })
}

function repositoryWithCommit(name: string): string {
  const dir = join(root, name)
  mkdirSync(dir)
  git(dir, 'init')
  git(dir, 'commit', '--allow-empty', '-m', 'first')
  return dir
}

describe('findRepository', () => {
  test('finds an ordinary repository from its root and from below', () => {
    const dir = repositoryWithCommit('ordinary')
    mkdirSync(join(dir, 'a/b'), { recursive: true })
    const expected = {
      worktree: dir,
      mainWorktree: dir,
      commonDir: join(dir, '.git'),
      isBare: false,
      isLinked: false,
    }
    expect(findRepository(dir)).toEqual(expected)
    expect(findRepository(join(dir, 'a/b'))).toEqual(expected)
    expect(findRepository(join(dir, '.git/refs'))).toEqual(expected)
  })

  test('resolves symlinks on the way in', () => {
    const dir = repositoryWithCommit('behind-link')
    symlinkSync(dir, join(root, 'link'))
    expect(findRepository(join(root, 'link')).worktree).toBe(dir)
  })

  test('a linked worktree shares the common directory and knows the main worktree', () => {
    const dir = repositoryWithCommit('with-worktrees')
    const linked = join(root, 'linked')
    git(dir, 'worktree', 'add', linked, '-b', 'other')
    mkdirSync(join(linked, 'deep'))
    const expected = {
      worktree: linked,
      mainWorktree: dir,
      commonDir: join(dir, '.git'),
      isBare: false,
      isLinked: true,
    }
    expect(findRepository(join(linked, 'deep'))).toEqual(expected)
  })

  test('a submodule is a repository of its own', () => {
    const inner = repositoryWithCommit('inner')
    const outer = repositoryWithCommit('outer')
    git(outer, 'submodule', 'add', inner, 'sub')
    expect(findRepository(join(outer, 'sub'))).toEqual({
      worktree: join(outer, 'sub'),
      mainWorktree: join(outer, 'sub'),
      commonDir: join(outer, '.git/modules/sub'),
      isBare: false,
      isLinked: false,
    })
    expect(findRepository(join(outer, '.git/modules/sub')).mainWorktree).toBe(join(outer, 'sub'))
  })

  test('a repository with a separate git directory has its tree beside the .git file', () => {
    const dir = join(root, 'separate')
    git(root, 'init', '--separate-git-dir', join(root, 'elsewhere.git'), dir)
    expect(findRepository(dir)).toMatchObject({
      worktree: dir,
      commonDir: join(root, 'elsewhere.git'),
      isBare: false,
    })
  })

  test('a bare repository has no tree, and neither does it as the main of a linked one', () => {
    const bare = join(root, 'bare.git')
    git(root, 'init', '--bare', bare)
    expect(findRepository(bare)).toMatchObject({ worktree: undefined, commonDir: bare, isBare: true })
    expect(() => mainWorktreeOf(findRepository(bare))).toThrow(expect.objectContaining({ code: 'bare_repository' }))

    git(repositoryWithCommit('pusher'), 'push', bare, 'HEAD:refs/heads/main')
    git(bare, 'worktree', 'add', join(root, 'of-bare'), 'main')
    expect(findRepository(join(root, 'of-bare'))).toMatchObject({
      worktree: join(root, 'of-bare'),
      mainWorktree: undefined,
      isLinked: true,
    })
  })

  test('reads core.bare where extensions.worktreeConfig moved it', () => {
    const dir = repositoryWithCommit('worktree-config')
    git(dir, 'config', 'extensions.worktreeConfig', 'true')
    git(dir, 'config', '--unset', 'core.bare')
    git(dir, 'config', '--worktree', 'core.bare', 'true')
    expect(findRepository(dir).isBare).toBe(true)
  })

  test('outside of any repository, and at a .git file that leads nowhere, it says so', () => {
    const outside = join(root, 'outside')
    mkdirSync(outside)
    const refusal = expect.objectContaining({ code: 'not_a_repository' })
    expect(() => findRepository(outside)).toThrow(refusal)
    writeFileSync(join(outside, '.git'), 'gitdir: /nowhere/at/all\n')
    expect(() => findRepository(outside)).toThrow(refusal)
    writeFileSync(join(outside, '.git'), 'rubbish')
    expect(() => findRepository(outside)).toThrow(refusal)
  })

  test('ignores GIT_DIR', () => {
    const dir = repositoryWithCommit('with-environment')
    const before = process.env.GIT_DIR
    process.env.GIT_DIR = '/somewhere/else'
    try {
      expect(findRepository(dir).worktree).toBe(dir)
    } finally {
      if (before === undefined) delete process.env.GIT_DIR
      else process.env.GIT_DIR = before
    }
  })
})

describe('pathsOf', () => {
  const at = (commonDir: string, where: Partial<SocketPlace> = {}) =>
    pathsOf({ worktree: '/r', mainWorktree: '/r', commonDir, isBare: false, isLinked: false }, { ...place, ...where })

  test('keeps everything private in the git common directory', () => {
    expect(at('/r/.git')).toMatchObject({
      dir: '/r/.git/orch',
      database: '/r/.git/orch/orch.db',
      socket: '/r/.git/orch/daemon.sock',
      mirror: '/r/orch',
      exclude: '/r/.git/info/exclude',
    })
  })

  test('a path too long for a socket leads to the runtime directory, or the temporary one', () => {
    const long = `/${'x'.repeat(120)}/.git`
    expect(at(long).socket).toMatch(/^\/run\/user\/1000\/orch\/[0-9a-f]{12}\.sock$/)
    expect(at(long, { runtimeDir: undefined }).socket).toMatch(/^\/tmp\/orch-1000\/[0-9a-f]{12}\.sock$/)
    expect(at(long, { runtimeDir: undefined, temporaryDir: `/${'t'.repeat(100)}` }).socket).toMatch(
      /^\/tmp\/orch-1000\//,
    )
    expect(at(long).socket).not.toBe(at(`/${'y'.repeat(120)}/.git`).socket)
    expect(at(`/${'é'.repeat(45)}/.git`).socket).toMatch(/^\/run\//)
  })

  test('Windows gets a named pipe', () => {
    expect(at('/r/.git', { platform: 'win32' }).socket).toMatch(/^\\\\\.\\pipe\\orch-[0-9a-f]{12}$/)
  })
})

test('a copy of a directory has another identity, the same directory the same', () => {
  const [one, two] = [join(root, 'one'), join(root, 'two')]
  mkdirSync(one)
  mkdirSync(two)
  expect(identityOf(one)).toEqual(identityOf(one))
  expect(identityOf(one)).not.toEqual(identityOf(two))
})
