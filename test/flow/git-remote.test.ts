import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createTestRepo, must, type TestRepo } from './harness.ts'

const repos: TestRepo[] = []
afterEach(async () => {
  await Promise.all(repos.splice(0).map((repo) => repo.remove()))
})

test('[P3] [P7] two clones that only push and fetch: one state, edits in a web editor too, and a remote that is gone is told', async () => {
  const one = await createTestRepo({ name: 'one' })
  repos.push(one)
  const hub = join(one.dir, '../hub.git')
  one.git('init', '--quiet', '--bare', hub)
  one.git('remote', 'add', 'origin', hub)
  const { id, file } = await one.json<{ id: string; file: string }>('task', 'create', 'Fix login', '--body', 'One two.')
  expect((await one.run(['sync', '--git'])).stderr).toContain('orch remote set')
  await must(one.run(['remote', 'set', 'origin']))
  await must(one.run(['sync', '--git']))

  const two = await createTestRepo({ init: false, name: 'two' })
  repos.push(two)
  two.git('remote', 'add', 'origin', hub)
  two.git('fetch', '--quiet', 'origin')
  await must(two.run(['init', '--yes']))
  // Read from a file that a person has trusted.
  writeFileSync(join(two.dir, '.orchrc'), 'git:\n  remote: origin\n')
  await must(two.run(['trust', '--yes']))
  await must(two.run(['restart']))
  await must(two.run(['task', 'update', id, '--append', 'From two.', '--as', 'bob']))
  await must(two.run(['sync', '--git']))

  const web = join(two.dir, '../web')
  two.git('clone', '--quiet', '--branch', 'orch-history', hub, web)
  const shown = join(web, file)
  writeFileSync(shown, two.read(`orch/${file}`).replace('One two.', 'One two three.'))
  two.git(
    '-C',
    web,
    '-c',
    'user.name=Zoe',
    '-c',
    'user.email=zoe@example.com',
    'commit',
    '--quiet',
    '-am',
    'On the web',
  )
  two.git('-C', web, 'push', '--quiet')
  await must(one.run(['task', 'update', id, '--status', 'in_progress']))

  for (const repo of [one, two, one]) await must(repo.run(['sync', '--git']))
  for (const repo of [one, two]) {
    const text = repo.read(`orch/${file}`)
    expect(text).toContain('One two three.\n\nFrom two.')
    expect(text).toContain('status: in_progress')
  }
  expect(one.git('rev-parse', 'orch-history')).toBe(two.git('rev-parse', 'orch-history'))

  one.git('remote', 'set-url', 'origin', '/nowhere.git')
  expect((await one.run(['sync', '--git'])).code).not.toBe(0)
  const { problems, remote } = await one.json<{ problems: { where: string; fix: string }[]; remote: object }>('status')
  expect(remote).toMatchObject({ name: 'origin', state: 'failed' })
  expect(problems).toMatchObject([{ where: 'git remote origin', fix: expect.stringContaining('git remote') }])
}, 120_000)
