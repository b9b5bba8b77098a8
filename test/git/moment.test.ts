import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { momentOfCommit } from '../../src/git/history.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { createTestClock } from '../helpers/clock.ts'
import { createGitSandbox } from './git-sandbox.ts'

const sandbox = createGitSandbox()
afterAll(() => sandbox.remove())

test('a moment may be named by any tag that leads to a commit: plain, annotated, a tag of a tag', async () => {
  const { folder, env, git } = sandbox
  git('commit', '--quiet', '--allow-empty', '--message', 'work')
  const commit = git('rev-parse', 'HEAD').trim()
  git('tag', 'plain')
  git('tag', '--annotate', '--message', 'one', 'annotated')
  git('-c', 'advice.nestedTag=false', 'tag', '--annotate', '--message', 'two', 'of-a-tag', 'annotated')
  git('tag', '--annotate', '--message', 'three', 'of-a-tree', 'HEAD^{tree}')
  const blob = execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: folder, env, input: 'text' })
  git('tag', '--annotate', '--message', 'four', 'of-a-blob', blob.toString().trim())
  const clock = createTestClock()
  const repo = openGitRepo({ commonDir: join(folder, '.git'), env, clock, random: (n) => randomBytes(n) })
  const found = (name: string) => momentOfCommit(repo, { id: 'j-1' }, name)
  for (const name of ['plain', 'annotated', 'of-a-tag', 'annotated~0', 'refs/tags/annotated']) {
    expect([name, await found(name)]).toMatchObject([name, { commit }])
  }
  for (const name of ['of-a-tree', 'of-a-blob', 'no-such-tag'])
    expect([name, await found(name)]).toEqual([name, undefined])
})
