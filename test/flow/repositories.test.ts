import { createHash } from 'node:crypto'
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, relative } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createTestRepo, must, openTestRepo, type TestRepo } from './harness.ts'

const repos: TestRepo[] = []
afterEach(async () => {
  // The last made removes the folder that all of them lie in.
  for (const repo of repos.splice(0).reverse()) await repo.remove()
})

interface Shape {
  /** Gives the repository to use, and every folder in which nothing of the user's may change. */
  readonly make: (repo: TestRepo) => { readonly used: TestRepo; readonly watched: readonly string[] }
  /** What the first command is refused with, and a part of what it says to do. */
  readonly refused?: readonly [code: string, remedy: string]
}

const at = (repo: TestRepo, dir: string): TestRepo => {
  const found = openTestRepo(dir, repo.env, dir)
  repos.push(found)
  return found
}
const conflict = (repo: TestRepo): void => {
  for (const [branch, text] of [
    ['main', 'ours\n'],
    ['side', 'theirs\n'],
  ] as const) {
    if (branch === 'side') repo.git('checkout', '--quiet', '-b', 'side', 'HEAD~1')
    repo.write('README.md', text)
    repo.git('commit', '--quiet', '-am', text.trim())
  }
}

const shapes: Readonly<Record<string, Shape>> = {
  'a bare repository': {
    make(repo) {
      const bare = `${repo.dir}.git`
      repo.git('clone', '--quiet', '--bare', repo.dir, bare)
      return { used: at(repo, bare), watched: [bare] }
    },
    refused: ['bare_repository', 'clone'],
  },
  'a linked worktree': {
    make(repo) {
      const linked = `${repo.dir}-linked`
      repo.git('worktree', 'add', '--quiet', linked)
      writeFileSync(join(linked, 'README.md'), 'changed there\n')
      return { used: at(repo, linked), watched: [repo.dir, linked] }
    },
  },
  'a submodule': {
    make(repo) {
      const part = `${repo.dir}-part`
      repo.git('clone', '--quiet', repo.dir, part)
      repo.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', part, 'part')
      return { used: at(repo, join(repo.dir, 'part')), watched: [repo.dir, part] }
    },
  },
  'no commit, no identity, and SHA-256': {
    make(repo) {
      const empty = `${repo.dir}-empty`
      repo.git('init', '--quiet', '--object-format=sha256', empty)
      return { used: at(repo, empty), watched: [empty] }
    },
  },
  'a rebase under way, files staged and put away, broken hooks and signing, and every name taken': {
    make(repo) {
      repo.git('branch', 'orch')
      repo.git('tag', 'orch-history')
      repo.write('put-away.txt', 'put away\n')
      repo.git('stash', '--quiet', '--include-untracked')
      conflict(repo)
      expect(() => repo.git('rebase', '--quiet', 'main')).toThrow()
      repo.write('staged.txt', 'staged\n')
      repo.git('add', 'staged.txt')
      repo.git('config', 'commit.gpgSign', 'true')
      repo.git('config', 'gpg.program', '/nowhere/gpg')
      for (const hook of ['reference-transaction', 'pre-commit', 'commit-msg', 'pre-push', 'post-checkout'])
        writeFileSync(join(repo.dir, '.git/hooks', hook), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
      return { used: repo, watched: [repo.dir] }
    },
  },
}

describe('[P4] the built command leaves what is the user’s as it is', () => {
  test.each(Object.entries(shapes))('in %s', { timeout: 60_000 }, async (_name, { make, refused }) => {
    const repo = await createTestRepo({ init: false })
    repos.push(repo)
    const { used, watched } = make(repo)
    const before = watched.map(fingerprint)
    if (refused) {
      const [code, remedy] = refused
      for (const args of [
        ['init', '--yes'],
        ['task', 'list'],
      ]) {
        const said = await used.run([...args, '--json'])
        expect(said.code).not.toBe(0)
        expect(JSON.parse(said.stdout)).toMatchObject({ error: { code, hint: expect.stringContaining(remedy) } })
      }
    } else {
      await must(used.run(['init', '--yes', '--name', 'demo']))
      const { id } = await used.json<{ id: string }>('task', 'create', 'Seen in git')
      await must(used.run(['snapshot', '--message', 'By hand']))
      const { branch } = await used.json<{ branch: string }>('status')
      expect(used.git('show', `refs/heads/${branch}:tasks/${id}-seen-in-git.md`)).toContain('title: Seen in git')
      expect(used.git('log', '-1', '--format=%s', `refs/heads/${branch}`)).toBe('By hand')
      await must(used.run(['doctor']))
      await must(used.run(['stop']))
    }
    expect(watched.map(fingerprint)).toEqual(before)
  })

  test('[P1] moved while its daemon runs, and again while none does: the next command goes on there, and all is well', {
    timeout: 60_000,
  }, async () => {
    const repo = await createTestRepo()
    repos.push(repo)
    const origin = `${repo.dir}-origin.git`
    repo.git('init', '--quiet', '--bare', origin)
    repo.git('remote', 'add', 'origin', origin)
    await must(repo.run(['remote', 'set', 'origin']))
    const { id } = await repo.json<{ id: string }>('task', 'create', 'Before')
    await must(repo.run(['claim', id]))
    const { replica } = await repo.json<{ replica: string }>('status')
    const [second, third] = [`${repo.dir}-second`, `${repo.dir}-third`]
    renameSync(repo.dir, second)
    const moved = at(repo, second)
    await must(moved.run(['task', 'update', id, '--append', 'After.']))
    await must(moved.run(['doctor']))
    expect(readdirSync(join(repo.dir, '..'))).not.toContain(basename(repo.dir))
    await must(moved.run(['stop']))
    renameSync(second, third)
    const last = at(repo, third)
    await must(last.run(['doctor']))
    expect(await last.json('status')).toMatchObject({ replica, counts: { tasks: 1 } })
    // Who grants claims is the same one: its numbers go on.
    expect((await must(last.run(['claim', id]))).stdout).toMatch(/\(fence \d{1,3}\)/)
    await must(last.run(['stop']))
    // For whoever clears up afterwards.
    for (const dir of [repo.dir, second]) mkdirSync(dir)
  })

  test('[P1] [P2] copied and moved with its private state: both go on, and meet in a remote with everything once', {
    timeout: 60_000,
  }, async () => {
    const repo = await createTestRepo()
    repos.push(repo)
    const origin = `${repo.dir}-origin.git`
    repo.git('init', '--quiet', '--bare', origin)
    repo.git('remote', 'add', 'origin', origin)
    await must(repo.run(['task', 'create', 'In both', '--body', 'alpha omega']))
    await must(repo.run(['remote', 'set', 'origin']))
    await must(repo.run(['sync', '--git']))
    await must(repo.run(['stop']))
    const [copied, moved] = [`${repo.dir}-copied`, `${repo.dir}-moved`]
    cpSync(repo.dir, copied, { recursive: true, preserveTimestamps: true })
    renameSync(repo.dir, moved)
    // For whoever clears up afterwards.
    mkdirSync(repo.dir)
    const both = [at(repo, copied), at(repo, moved)]
    const before = both.map(({ dir }) => fingerprint(dir))
    const made = await (both[0] as TestRepo).json<{ items: readonly { id: string }[] }>('task', 'list')
    const id = made.items[0]?.id ?? ''
    for (const [i, one] of both.entries()) {
      await must(one.run(['task', 'create', `Only in ${i}`]))
      await must(one.run(['task', 'update', id, '--append', `word${i}`]))
    }
    // There and back: what the first has sent, and what the second has merged.
    for (const one of [...both, ...both]) await must(one.run(['sync', '--git']))
    const shown: unknown[] = []
    for (const one of both) {
      const { body } = await one.json<{ body: string }>('task', 'show', id)
      for (const word of ['alpha', 'omega', 'word0', 'word1']) expect(body.split(word)).toHaveLength(2)
      const list = await one.json<{ items: readonly { title: string }[] }>('task', 'list')
      expect(list.items.map(({ title }) => title).sort()).toEqual(['In both', 'Only in 0', 'Only in 1'])
      // Who grants claims is asked of a person now; all else is well.
      const wrong = (await one.run(['doctor'])).stdout.split('\n').filter((line) => line.startsWith('no'))
      expect(wrong.filter((line) => !line.includes('claims:'))).toEqual([])
      shown.push(body)
      await must(one.run(['stop']))
    }
    expect(shown[0]).toBe(shown[1])
    expect(both.map(({ dir }) => fingerprint(dir))).toEqual(before)
  })
})

/** The mirror, and the file that lets search tools look into it. */
const OUR_LINES = ['/orch/', '/.ignore']
const withoutOurs = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !OUR_LINES.includes(line.trim()))
    .join('\n')

/** Every file of a repository but what is orch's: its mirror, its private folder, its ref, and objects; and one line of `info/exclude`. */
function fingerprint(dir: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const isOurs = (path: string): boolean =>
    /(^|\/)(orch|objects)$/.test(path) && !path.includes('refs/') && !path.includes('logs/')
      ? true
      : /(^|\/)(refs|logs\/refs)\/(heads|remotes\/origin)\/orch-history(-\d+)?$/.test(path) ||
        /(^|\/)\.ignore$/.test(path)
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name)
      const shown = relative(dir, path)
      const stat = lstatSync(path)
      if (isOurs(shown)) continue
      if (stat.isDirectory()) walk(path)
      else if (stat.isSymbolicLink()) found.set(shown, readlinkSync(path))
      else {
        const text = readFileSync(path)
        const kept = shown.endsWith('info/exclude') ? withoutOurs(text.toString()) : text
        found.set(shown, `${stat.mode.toString(8)} ${createHash('sha256').update(kept).digest('hex')}`)
      }
    }
  }
  walk(dir)
  return found
}
