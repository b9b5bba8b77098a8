import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { GitRemotes, NewCommit, Oid } from '../../src/git/git-repo.ts'
import { openGitRemotes } from '../../src/git/real-git-remotes.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { remoteFailure } from '../../src/git/remote-failure.ts'
import { createGitSandbox, type GitSandbox } from './git-sandbox.ts'

const sandboxes: GitSandbox[] = []
afterEach(() => {
  for (const sandbox of sandboxes.splice(0)) sandbox.remove()
})

const REF = 'refs/heads/orch-history'
const BRANCH = { remote: 'origin', ref: REF }
const AT = Date.UTC(2026, 10, 23, 8, 0, 0)
const commitOf = (text: string, parent?: Oid): NewCommit => ({
  ref: REF,
  parent,
  changes: [{ path: 'a', bytes: Buffer.from(text) }],
  message: text,
  author: { name: 'orch', email: 'orch@orch.invalid', at: AT },
  committer: { name: 'orch', email: 'orch@orch.invalid', at: AT },
})

/** A repository with a bare one beside it as `origin`. */
function withOrigin(): { sandbox: GitSandbox; remotes: GitRemotes; origin: string } {
  const sandbox = createGitSandbox()
  sandboxes.push(sandbox)
  const origin = join(sandbox.folder, '../origin.git')
  sandbox.git('init', '--quiet', '--bare', '--initial-branch=main', origin)
  // As people write it: relative to their work tree, wherever a daemon was started.
  sandbox.git('remote', 'add', 'origin', '../origin.git')
  return { sandbox, remotes: remotesOf(sandbox), origin }
}

const remotesOf = (
  { commonDir, folder, env }: GitSandbox,
  more: Record<string, string> = {},
  timeoutMs?: number,
): GitRemotes =>
  openGitRemotes({ commonDir, folder, env: { ...env, ...more }, clock: systemClock, ...(timeoutMs && { timeoutMs }) })

/** Another clone of the same remote. */
function cloneOf(
  sandbox: GitSandbox,
  origin: string,
  ...args: string[]
): Pick<GitSandbox, 'commonDir' | 'folder' | 'env'> {
  const folder = join(origin, '../other')
  sandbox.git('clone', '--quiet', ...args, origin, folder)
  return { folder, commonDir: join(folder, '.git'), env: sandbox.env }
}

test('a branch goes there and comes back; one that is not there is undefined', async () => {
  const { sandbox, remotes, origin } = withOrigin()
  expect(await remotes.fetch(BRANCH)).toBeUndefined()
  const one = await sandbox.open().commit(commitOf('one'))
  expect(await remotes.push(BRANCH, one)).toBe('pushed')
  expect(await remotes.push(BRANCH, one)).toBe('pushed')
  const other = cloneOf(sandbox, origin)
  expect(await remotesOf(other as GitSandbox).fetch(BRANCH)).toBe(one)
})

test('who is slower is told that the branch has moved on, and nothing of others is lost', async () => {
  const { sandbox, remotes, origin } = withOrigin()
  const repo = sandbox.open()
  const one = await repo.commit(commitOf('one'))
  await remotes.push(BRANCH, one)
  const theirs = await repo.commit({ ...commitOf('theirs', one), ref: 'refs/heads/theirs' })
  await remotes.push(BRANCH, theirs)
  const ours = await repo.commit(commitOf('ours', one))
  expect(await remotes.push(BRANCH, ours)).toBe('behind')
  expect(sandbox.git('--git-dir', origin, 'rev-parse', REF)).toBe(theirs)
  expect(await remotes.fetch(BRANCH)).toBe(theirs)
})

test('[P4] fetching and pushing write our tracking ref alone: no FETCH_HEAD, no tags, no other branch, nothing pruned', async () => {
  const { sandbox, remotes, origin } = withOrigin()
  sandbox.git('commit', '--quiet', '--allow-empty', '-m', 'mine')
  sandbox.git('push', '--quiet', 'origin', 'main')
  sandbox.git('update-ref', 'refs/remotes/origin/gone', 'main')
  sandbox.git('--git-dir', origin, 'tag', 'v1', 'main')
  sandbox.git('--git-dir', origin, 'branch', 'unseen', 'main')
  for (const [key, value] of [
    ['fetch.prune', 'true'],
    ['push.followTags', 'true'],
    ['remote.origin.mirror', 'true'],
    ['push.gpgSign', 'true'],
    ['remote.origin.tagOpt', '--tags'],
  ] as const)
    sandbox.git('config', key, value)
  sandbox.git('tag', '-a', 'unpushed', '-m', 'x', 'main')
  const before = sandbox.git('for-each-ref', '--format=%(refname) %(objectname)')
  const one = await sandbox.open().commit(commitOf('one'))
  await remotes.push(BRANCH, one)
  expect(await remotes.fetch(BRANCH)).toBe(one)
  const after = sandbox.git('for-each-ref', '--format=%(refname) %(objectname)')
  expect(after.split('\n').filter((line) => !before.includes(line))).toEqual([
    `${REF} ${one}`,
    `refs/remotes/origin/orch-history ${one}`,
  ])
  expect(existsSync(join(sandbox.commonDir, 'FETCH_HEAD'))).toBe(false)
  expect(sandbox.git('--git-dir', origin, 'tag')).toBe('v1')
})

test('[P4] hooks of the person are not run, and a failing one keeps nothing back', async () => {
  const { sandbox, remotes } = withOrigin()
  const hooks = join(sandbox.commonDir, 'hooks')
  mkdirSync(hooks, { recursive: true })
  for (const hook of ['pre-push', 'reference-transaction', 'post-merge'])
    writeFileSync(join(hooks, hook), `#!/bin/sh\ntouch "${sandbox.folder}/ran"\nexit 1\n`, { mode: 0o755 })
  const one = await sandbox.open().commit(commitOf('one'))
  expect(await remotes.push(BRANCH, one)).toBe('pushed')
  expect(await remotes.fetch(BRANCH)).toBe(one)
  expect(existsSync(join(sandbox.folder, 'ran'))).toBe(false)
})

describe('[P6] what goes wrong is said with what to do about it', () => {
  const cases: Readonly<
    Record<string, { prepare: (of: ReturnType<typeof withOrigin>) => void; says: RegExp; fix: RegExp }>
  > = {
    'no such remote': {
      prepare: ({ sandbox }) => void sandbox.git('remote', 'remove', 'origin'),
      says: /no such remote/,
      fix: /orch remote set/,
    },
    'the repository is gone': {
      prepare: ({ origin }) => rmSync(origin, { recursive: true }),
      says: /no such remote|no such repository/,
      fix: /git remote/,
    },
    'a branch rule': {
      prepare({ origin }) {
        const text = '#!/bin/sh\necho "error: GH006: Protected branch update failed" >&2\nexit 1\n'
        writeFileSync(join(origin, 'hooks/pre-receive'), text, { mode: 0o755 })
      },
      says: /does not let this branch be pushed to.*GH006/,
      fix: /branch rules/,
    },
    'the branch is checked out there': {
      prepare({ sandbox, origin }) {
        sandbox.git('--git-dir', origin, 'config', 'core.bare', 'false')
        sandbox.git('--git-dir', origin, 'symbolic-ref', 'HEAD', REF)
      },
      says: /checked out there/,
      fix: /another branch/,
    },
    'a host that does not answer': {
      prepare: ({ sandbox }) => void sandbox.git('remote', 'set-url', 'origin', 'http://127.0.0.1:1/r.git'),
      says: /it is not reached/,
      fix: /tried again/,
    },
  }
  test.each(Object.entries(cases))('%s', async (_name, { prepare, says, fix }) => {
    const made = withOrigin()
    const one = await made.sandbox.open().commit(commitOf('one'))
    if (_name === 'the branch is checked out there') {
      const two = await made.sandbox.open().commit(commitOf('two', one))
      await made.remotes.push(BRANCH, one)
      prepare(made)
      await expect(made.remotes.push(BRANCH, two)).rejects.toMatchObject(failing(says, fix))
      return
    }
    prepare(made)
    const attempt = made.remotes.fetch(BRANCH).then(() => made.remotes.push(BRANCH, one))
    await expect(attempt).rejects.toMatchObject(failing(says, fix))
  })

  test('credentials that are asked for: nobody is, and it does not wait', async () => {
    const { sandbox } = withOrigin()
    const asked = join(sandbox.folder, 'asked')
    const ask = join(sandbox.folder, 'ask.sh')
    writeFileSync(ask, `#!/bin/sh\ntouch "${asked}"\necho secret\n`)
    chmodSync(ask, 0o755)
    // Stands for ssh: a host that takes no key, after it has asked wherever it may.
    const ssh = join(sandbox.folder, 'ssh.sh')
    writeFileSync(
      ssh,
      `#!/bin/sh\n[ -n "$SSH_ASKPASS" ] && "$SSH_ASKPASS"\n(: </dev/tty) 2>/dev/null && touch "${asked}"\necho "me@host: Permission denied (publickey)." >&2\nexit 255\n`,
      { mode: 0o755 },
    )
    sandbox.git('remote', 'set-url', 'origin', 'ssh://host.invalid/r.git')
    const env = { GIT_SSH: ssh, SSH_ASKPASS: ask, GIT_ASKPASS: ask, DISPLAY: ':0', GIT_DIR: '/nowhere' }
    await expect(remotesOf(sandbox, env).fetch(BRANCH)).rejects.toMatchObject(
      failing(/credentials.*Permission denied/, /ssh key|credential helper/),
    )
    expect(existsSync(asked)).toBe(false)
  })

  test('a remote that hangs is given up when its time is over, with all that was started', async () => {
    const { sandbox } = withOrigin()
    const ssh = join(sandbox.folder, 'ssh.sh')
    const pid = join(sandbox.folder, 'pid')
    writeFileSync(ssh, `#!/bin/sh\necho $$ > "${pid}"\nexec sleep 1000\n`, { mode: 0o755 })
    sandbox.git('remote', 'set-url', 'origin', 'ssh://host.invalid/r.git')
    await expect(remotesOf(sandbox, { GIT_SSH: ssh }, 1000).fetch(BRANCH)).rejects.toMatchObject(
      failing(/not reached/, /network/),
    )
    const started = execFileSync('cat', [pid], { encoding: 'utf8' }).trim()
    await expect.poll(() => isRunning(started)).toBe(false)
  })
})

test('a password in an address is not shown', () => {
  const said = "fatal: unable to access 'https://me:hunter2@host/r.git/': Could not resolve host: host"
  const { reason } = remoteFailure(said, BRANCH)
  expect(reason).toContain('https://host/r.git')
  expect(reason).not.toContain('hunter2')
})

describe('clones that have less', () => {
  test.each([['--depth=1'], ['--single-branch'], ['--depth=1', '--no-single-branch'], ['--filter=blob:none']])(
    'cloned with %s: the branch comes whole enough, and goes on',
    async (...args) => {
      const { sandbox, remotes, origin } = withOrigin()
      sandbox.git('commit', '--quiet', '--allow-empty', '-m', 'mine')
      sandbox.git('commit', '--quiet', '--allow-empty', '-m', 'mine too')
      sandbox.git('push', '--quiet', 'origin', 'main')
      const repo = sandbox.open()
      const one = await repo.commit(commitOf('one'))
      const two = await repo.commit(commitOf('two', one))
      await remotes.push(BRANCH, two)
      const config = sandbox.git('--git-dir', origin, 'config', 'uploadpack.allowFilter', 'true')
      expect(config).toBe('')
      const folder = join(origin, '../other')
      sandbox.git('clone', '--quiet', ...args.filter((arg) => arg !== undefined), `file://${origin}`, folder)
      const other = { ...sandbox, folder, commonDir: join(folder, '.git') }
      const there = remotesOf(other)
      expect(await there.fetch(BRANCH)).toBe(two)
      const theirs = createGitRepoOf(other)
      const tree = await theirs.readTree(two)
      expect((await theirs.readBlobs([...tree.values()])).size).toBe(1)
      const three = await theirs.commit(commitOf('three', two))
      expect(await there.push(BRANCH, three)).toBe('pushed')
      expect(await remotes.fetch(BRANCH)).toBe(three)
    },
  )
})

/** Whether a process runs; one that has ended and that nobody has asked about does not. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const failing = (says: RegExp, fix: RegExp) => ({
  code: 'remote_failed',
  message: expect.stringMatching(says),
  hint: expect.stringMatching(fix),
})

const createGitRepoOf = ({ commonDir, env }: Pick<GitSandbox, 'commonDir' | 'env'>) =>
  openGitRepo({ commonDir, env, clock: systemClock, random: (n) => randomBytes(n) })
