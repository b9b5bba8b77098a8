import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { rowsFromTree } from '../../src/git/history-tree.ts'
import { openGitRemotes } from '../../src/git/real-git-remotes.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { createRemotePeer } from '../../src/git/remote.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice, byClaude } from '../helpers/project.ts'
import { createGitSandbox, type GitSandbox } from './git-sandbox.ts'
import { createSnapshotWorld, REF } from './snapshot-world.ts'

const sandboxes: GitSandbox[] = []
afterEach(() => {
  for (const sandbox of sandboxes.splice(0)) sandbox.remove()
})

const write = ({ folder }: GitSandbox, path: string, text: string): void => {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const commit = (sandbox: GitSandbox, path: string, text: string): void => {
  write(sandbox, path, text)
  sandbox.git('add', path)
  sandbox.git('commit', '--quiet', '-m', `${path} ${text.length}`)
}
/** A failing command that is meant to fail: a merge or a rebase that stops at a conflict. */
const stops = (run: () => unknown): void => expect(run).toThrow()
const conflict = (sandbox: GitSandbox): void => {
  commit(sandbox, 'a.txt', 'base\n')
  sandbox.git('checkout', '--quiet', '-b', 'side')
  commit(sandbox, 'a.txt', 'side\n')
  sandbox.git('checkout', '--quiet', 'main')
  commit(sandbox, 'a.txt', 'main, longer\n')
}
const HOOKS = [
  'reference-transaction',
  'pre-commit',
  'commit-msg',
  'prepare-commit-msg',
  'post-commit',
  'post-checkout',
  'post-index-change',
  'pre-auto-gc',
  'post-rewrite',
  'update',
]
const failingHooks = (sandbox: GitSandbox, folder: string): void => {
  mkdirSync(folder, { recursive: true })
  for (const hook of HOOKS)
    writeFileSync(join(folder, hook), `#!/bin/sh\necho ${hook} >> "${sandbox.folder}/hook-ran"\nexit 1\n`, {
      mode: 0o755,
    })
}

interface Cell {
  readonly init?: readonly string[]
  readonly prepare: (sandbox: GitSandbox) => void
  /** Where git keeps the repository, if not in the folder. */
  readonly commonDir?: (sandbox: GitSandbox) => string
  /** What it takes that is not everywhere. */
  readonly needs?: () => boolean
  /** What a sync is refused with. */
  readonly refused?: string
}

const cells: Readonly<Record<string, Cell>> = {
  'a normal repository': { prepare: (sandbox) => commit(sandbox, 'a.txt', 'a\n') },
  'no commit yet': { prepare: (sandbox) => write(sandbox, 'a.txt', 'a\n') },
  'a detached HEAD': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      sandbox.git('checkout', '--quiet', '--detach')
    },
  },
  'a merge stopped at a conflict': {
    prepare(sandbox) {
      conflict(sandbox)
      stops(() => sandbox.git('merge', 'side'))
      expect(existsSync(join(sandbox.commonDir, 'MERGE_HEAD'))).toBe(true)
    },
  },
  'a rebase stopped at a conflict': {
    prepare(sandbox) {
      conflict(sandbox)
      stops(() => sandbox.git('rebase', 'side'))
      expect(existsSync(join(sandbox.commonDir, 'rebase-merge'))).toBe(true)
    },
  },
  'a bisection under way': {
    prepare(sandbox) {
      for (const text of ['1\n', '22\n', '333\n']) commit(sandbox, 'a.txt', text)
      sandbox.git('bisect', 'start', 'HEAD', 'HEAD~2')
    },
  },
  'staged, changed and untracked files, and a stash': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      write(sandbox, 'a.txt', 'put away\n')
      sandbox.git('stash', '--quiet')
      write(sandbox, 'a.txt', 'staged\n')
      sandbox.git('add', 'a.txt')
      write(sandbox, 'a.txt', 'changed again\n')
      write(sandbox, 'tasks/new.txt', 'untracked\n')
    },
  },
  'an index that another git holds': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      writeFileSync(join(sandbox.commonDir, 'index.lock'), '')
    },
  },
  'a linked worktree with work in it': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      sandbox.git('worktree', 'add', '--quiet', '../linked')
      writeFileSync(join(sandbox.folder, '../linked/a.txt'), 'staged there\n')
      sandbox.git('-C', '../linked', 'add', 'a.txt')
    },
  },
  'hooks that fail': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      failingHooks(sandbox, join(sandbox.commonDir, 'hooks'))
    },
  },
  'hooks elsewhere that fail': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      failingHooks(sandbox, join(sandbox.folder, '.husky'))
      sandbox.git('config', 'core.hooksPath', join(sandbox.folder, '.husky'))
    },
  },
  'signing that cannot work': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      for (const key of ['commit.gpgSign', 'tag.gpgSign']) sandbox.git('config', key, 'true')
      sandbox.git('config', 'gpg.program', '/nowhere/gpg')
      sandbox.git('config', 'user.signingKey', 'none')
    },
  },
  'line ends and filters of another system': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      sandbox.git('config', 'core.autocrlf', 'true')
      sandbox.git('config', 'core.safecrlf', 'true')
      sandbox.git('config', 'filter.bad.clean', 'false')
      write(sandbox, '.gitattributes', '* text eol=crlf filter=bad\n')
    },
  },
  'settings that make git refuse or tidy up': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      for (const [key, value] of [
        ['user.useConfigOnly', 'true'],
        ['gc.auto', '1'],
        ['core.fsmonitor', '/nowhere/monitor'],
        ['core.logAllRefUpdates', 'always'],
        ['receive.denyCurrentBranch', 'refuse'],
        ['fastimport.unpackLimit', '1'],
      ] as const)
        sandbox.git('config', key, value)
    },
  },
  'packed refs': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      sandbox.git('branch', 'side')
      sandbox.git('pack-refs', '--all')
    },
  },
  'only a part of the files checked out': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      commit(sandbox, 'tasks/b.txt', 'b\n')
      sandbox.git('sparse-checkout', 'set', 'tasks')
    },
  },
  'a shallow past': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      for (const text of ['1\n', '22\n']) commit(sandbox, 'a.txt', text)
      sandbox.git('clone', '--quiet', '--bare', `file://${sandbox.folder}`, '../up.git')
      sandbox.git('checkout', '--quiet', '--orphan', 'none')
      sandbox.git('fetch', '--quiet', '--depth=1', `file://${join(sandbox.folder, '../up.git')}`, 'main')
      sandbox.git('reset', '--quiet', '--hard', 'FETCH_HEAD')
      expect(existsSync(join(sandbox.commonDir, 'shallow'))).toBe(true)
    },
  },
  'a branch and tags that are named like ours': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      sandbox.git('branch', 'orch')
      sandbox.git('tag', 'orch')
      sandbox.git('tag', '-a', 'orch-history', '-m', 'mine')
    },
  },
  "locks on what is the person's": {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      for (const lock of ['refs/heads/main.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock'])
        writeFileSync(join(sandbox.commonDir, lock), '')
    },
  },
  'a submodule, which this is': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      sandbox.git('clone', '--quiet', '--bare', sandbox.folder, '../part.git')
      sandbox.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../part.git', 'part')
    },
    commonDir: ({ commonDir }) => join(commonDir, 'modules/part'),
  },
  'files of another owner': {
    needs: () => process.getuid?.() === 0,
    refused: 'git_unsafe',
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      execFileSync('chown', ['-R', '12345', sandbox.folder])
    },
  },
  'alternates, a commit graph and replaced objects': {
    prepare(sandbox) {
      for (const text of ['1\n', '22\n']) commit(sandbox, 'a.txt', text)
      sandbox.git('clone', '--quiet', '--bare', sandbox.folder, '../store.git')
      writeFileSync(
        join(sandbox.commonDir, 'objects/info/alternates'),
        `${join(sandbox.folder, '../store.git/objects')}\n`,
      )
      sandbox.git('replace', 'HEAD', 'HEAD~1')
      sandbox.git('commit-graph', 'write', '--reachable')
    },
  },
  'no identity at all': {
    prepare(sandbox) {
      commit(sandbox, 'a.txt', 'a\n')
      for (const name of Object.keys(sandbox.env))
        if (/^GIT_(AUTHOR|COMMITTER)_/.test(name)) delete (sandbox.env as Record<string, string>)[name]
      sandbox.git('config', 'user.useConfigOnly', 'true')
    },
  },
  'a bare repository': {
    init: ['--bare'],
    commonDir: ({ folder }) => folder,
    prepare: () => undefined,
  },
  'SHA-256 objects': { init: ['--object-format=sha256'], prepare: (sandbox) => commit(sandbox, 'a.txt', 'a\n') },
}

describe('[P4] [I10] a snapshot, a fetch and a push change nothing but our own branch', () => {
  const runs = ([, { needs }]: readonly [string, Cell]): boolean => needs?.() !== false
  const all = Object.entries(cells)
  test.skip.each(all.filter((cell) => !runs(cell)))('with %s', () => undefined)
  test.each(all.filter(runs))('with %s', async (_name, { init = [], prepare, commonDir, refused }) => {
    const made = createGitSandbox(init)
    sandboxes.push(made)
    const origin = join(made.folder, '../origin.git')
    made.git('init', '--quiet', '--bare', ...init, origin)
    made.git('remote', 'add', 'origin', origin)
    prepare(made)
    const sandbox = commonDir ? within(made, commonDir(made), origin) : made
    const before = fingerprint(sandbox)

    const world = createSnapshotWorld(sandbox.open())
    const { project, snapshots } = world
    const [kept, gone] = await project.transact(byAlice, (tx) => [
      tx.create(task, { title: 'Grüße\r\n' }),
      tx.create(task, { title: 'gone' }),
    ])
    const path = project.pathOf(task, kept)
    await snapshots.take()
    const gonePath = project.pathOf(task, gone)
    await project.transact(byClaude, (tx) => {
      tx.update(task, kept, { set: { status: 'completed' } })
      tx.delete(task, gone)
    })
    const taken = await snapshots.take()

    expect(fingerprint(sandbox)).toEqual(before)
    const repo = sandbox.open()
    const tree = await repo.readTree(REF)
    const blobs = await repo.readBlobs([tree.get(path) ?? ''])
    expect(Buffer.from(blobs.get(tree.get(path) ?? '') ?? []).toString()).toBe(world.render(kept)?.text)
    expect([...tree.keys()]).not.toContain(gonePath)
    expect(await rowsFromTree(repo, REF)).toEqual(project.rowsSince({}, 100))
    const log = await repo.log(REF, { limit: 9 })
    expect(log.map(({ oid, author }) => [oid, author.name])).toEqual([
      [taken?.commit, 'claude'],
      [log[1]?.oid, 'alice'],
    ])
    if (!refused) sandbox.git('--git-dir', sandbox.commonDir, 'fsck', '--strict', REF)

    // And across a fetch, a merge and a push, with an edit that somebody made there by hand.
    const remote = createRemotePeer({
      repo,
      remotes: openGitRemotes({
        folder: sandbox.folder,
        commonDir: sandbox.commonDir,
        env: sandbox.env,
        clock: systemClock,
      }),
      snapshots,
      ref: REF,
      remote: () => 'origin',
      clock: systemClock,
      random: (n) => new Uint8Array(n),
      log: silentLogger,
    })
    if (refused) {
      await expect(remote.sync()).rejects.toMatchObject({ code: refused })
      expect(remote.problems()).toMatchObject([{ fix: expect.stringContaining('safe.directory') }])
      return expect(fingerprint(sandbox)).toEqual(before)
    }
    await remote.sync()
    const there = openGitRepo({
      commonDir: origin,
      env: sandbox.env,
      clock: systemClock,
      random: (n) => new Uint8Array(n),
    })
    const author = { name: 'Zoe', email: 'zoe@example.com', at: Date.UTC(2026, 10, 23, 9) }
    const parent = (await there.head(REF))?.oid
    const text = `${world.render(kept)?.text}by hand\n`
    await there.commit({
      ref: REF,
      parent,
      changes: [{ path, bytes: Buffer.from(text) }],
      message: 'Edit',
      author,
      committer: author,
    })
    await project.transact(byClaude, (tx) => tx.update(task, kept, { add: { labels: ['here'] } }))
    expect(await remote.sync()).toMatchObject({ received: true, sent: true })
    expect(project.read(task, kept)?.values.body).toMatch(/by hand$/)
    expect(project.read(task, kept)?.values.labels).toEqual(['here'])
    expect((await there.log(REF, { limit: 1 }))[0]?.parents).toHaveLength(2)
    expect(fingerprint(sandbox)).toEqual(before)
  })
})

test('[P1] two replicas that take snapshots onto one branch at the same moment lose nothing of each other', async () => {
  const sandbox = createGitSandbox()
  sandboxes.push(sandbox)
  const first = createSnapshotWorld(sandbox.open())
  await first.snapshots.take()
  const second = createSnapshotWorld(sandbox.open(), { project: { seed: 7 } })
  second.project.adopt({ id: first.project.id, name: 'demo' })
  const worlds = [first, second]
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      worlds.map(async ({ project, snapshots }, at) => {
        await project.transact(byAlice, (tx) => tx.create(task, { title: `${round} of ${at}` }))
        await snapshots.take()
      }),
    )
  }
  for (const { snapshots } of worlds) await snapshots.take()
  const rows = await rowsFromTree(sandbox.open(), REF)
  expect(rows).toHaveLength(10)
  expect(new Set(rows.map(({ replica }) => replica)).size).toBe(2)
  const files = [...(await sandbox.open().readTree(REF)).keys()].filter((path) => path.startsWith('tasks/'))
  expect(files).toHaveLength(10)
})

/** A repository that is not in `.git`: a bare one, or a submodule beside the one that it is a part of. */
function within(outer: GitSandbox, commonDir: string, origin: string): GitSandbox {
  outer.git('--git-dir', commonDir, 'remote', 'set-url', 'origin', origin)
  return {
    ...outer,
    folder: commonDir === outer.folder ? outer.folder : join(outer.folder, 'part'),
    commonDir,
    open: (options = {}) =>
      openGitRepo({ commonDir, env: outer.env, clock: systemClock, random: (n) => new Uint8Array(n), ...options }),
  }
}

/** Every file below the repository's folder and what lies beside it, but git's objects and our own branch: content, mode and time. */
function fingerprint({ env, commonDir }: GitSandbox): ReadonlyMap<string, string> {
  const home = env.HOME ?? ''
  const git = relative(home, commonDir)
  const refs = [REF, 'refs/remotes/origin/orch-history']
  const ours = new Set([...refs.flatMap((ref) => [`${git}/${ref}`, `${git}/logs/${ref}`]), 'origin.git'])
  const found = new Map<string, string>()
  const walk = (dir: string): void => {
    for (const name of readdirSync(dir).sort()) {
      const path = join(dir, name)
      const shown = relative(home, path)
      const stat = lstatSync(path)
      if (shown === `${git}/objects` || ours.has(shown)) continue
      if (stat.isDirectory()) walk(path)
      else {
        const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
        found.set(shown, `${stat.mode.toString(8)} ${stat.mtimeMs} ${digest}`)
      }
    }
  }
  walk(home)
  return found
}
