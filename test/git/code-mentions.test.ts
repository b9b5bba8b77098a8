import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { type CodeMentions, createCodeMentions } from '../../src/git/code-mentions.ts'
import { createTestClock } from '../helpers/clock.ts'
import { createGitSandbox, type GitSandbox } from './git-sandbox.ts'

let sandbox: GitSandbox
beforeAll(() => {
  sandbox = createGitSandbox()
})
afterAll(() => sandbox.remove())

/** A clock on which nobody loses patience. */
const mentions = (clock = createTestClock()): CodeMentions =>
  createCodeMentions({
    commonDir: sandbox.commonDir,
    env: sandbox.env,
    clock: { ...systemClock, ...clock },
    log: silentLogger,
    ref: 'refs/heads/orch-history',
  })

test('commits and branches that name a task are found on every branch but that of the snapshots', async () => {
  const commit = (message: string) => sandbox.git('commit', '--quiet', '--allow-empty', '-m', message)
  commit('Begin')
  commit('Fix the login\n\nCloses T-7F3K9Q2M.')
  sandbox.git('switch', '--quiet', '-c', 'feature/t-7f3k9q2m-login')
  commit('t-7f3k9q2m: try on Windows')
  sandbox.git('switch', '--quiet', '--orphan', 'orch-history')
  commit('t-7f3k9q2m: created "Fix login" (ada)')
  sandbox.git('switch', '--quiet', 'main')
  const clock = createTestClock()
  const code = mentions(clock)
  const found = await code.of('t-7f3k9q2m')
  expect(found?.commits.map(({ subject, author, branch }) => [subject, author, branch])).toEqual([
    ['t-7f3k9q2m: try on Windows', 'Person', 'feature/t-7f3k9q2m-login'],
    ['Fix the login', 'Person', expect.stringMatching(/main|feature/)],
  ])
  expect(found?.branches).toEqual(['feature/t-7f3k9q2m-login'])
  commit('More of t-7f3k9q2m')
  expect(await code.of('t-7f3k9q2m')).toBe(found)
  await clock.advance(5_000)
  expect((await code.of('t-7f3k9q2m'))?.commits).toHaveLength(3)
  expect(await code.of('t-00000000')).toEqual({ commits: [], branches: [] })
})

test('nobody waits long for git, and what it finds is there the next time', async () => {
  const impatient = {
    ...createTestClock(),
    after(_: number, run: () => void) {
      queueMicrotask(run)
      return () => undefined
    },
  }
  const code = mentions(impatient as ReturnType<typeof createTestClock>)
  expect(await code.of('t-7f3k9q2m')).toBeUndefined()
  while ((await code.of('t-7f3k9q2m')) === undefined) await new Promise((resolve) => setImmediate(resolve))
})

test('a repository that git cannot read is less to show, not a failure', async () => {
  const code = createCodeMentions({
    commonDir: '/nowhere/.git',
    env: sandbox.env,
    clock: systemClock,
    log: silentLogger,
    ref: 'refs/heads/orch-history',
  })
  expect(await code.of('t-7f3k9q2m')).toBeUndefined()
})
