import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { rowsFromTree } from '../../src/git/history-tree.ts'
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
  'SHA-256 objects': { init: ['--object-format=sha256'], prepare: (sandbox) => commit(sandbox, 'a.txt', 'a\n') },
}

describe('[P4] [I10] a snapshot changes nothing but its own branch', () => {
  test.each(Object.entries(cells))('with %s', async (_name, { init = [], prepare }) => {
    const sandbox = createGitSandbox(init)
    sandboxes.push(sandbox)
    prepare(sandbox)
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
    sandbox.git('fsck', '--strict', REF)
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

/** Every file below the repository's folder and what lies beside it, but git's objects and our own branch: content, mode and time. */
function fingerprint({ folder }: GitSandbox): ReadonlyMap<string, string> {
  const home = join(folder, '..')
  const ours = new Set(['', 'logs/'].map((dir) => `repo/.git/${dir}${REF}`))
  const found = new Map<string, string>()
  const walk = (dir: string): void => {
    for (const name of readdirSync(dir).sort()) {
      const path = join(dir, name)
      const shown = relative(home, path)
      const stat = lstatSync(path)
      if (shown === 'repo/.git/objects' || ours.has(shown)) continue
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
