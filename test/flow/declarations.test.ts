import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DECLARED_COMMANDS, DECLARED_EXAMPLE } from '../../src/build/docs-kinds.ts'
import { shellWords } from '../../src/cli/shell-words.ts'
import { createTestRepo, must, type TestRepo, until } from './harness.ts'

interface Listed {
  readonly items: readonly { readonly id: string; readonly [field: string]: unknown }[]
}

const repos: TestRepo[] = []
afterAll(async () => {
  for (const repo of repos) await repo.remove()
})

interface Problem {
  readonly what: string
}
const problemsOf = async (repo: TestRepo): Promise<readonly string[]> =>
  (await repo.json<{ items: readonly Problem[] }>('attention', 'list')).items.map(({ what }) => what)

test('the example of docs/kinds.md works as it stands there, and what it made outlives its declaration', async () => {
  const repo = await createTestRepo()
  repos.push(repo)
  const commands = join(repo.dir, '.git/orch/commands.json')
  const [file = ''] = await Promise.all([repo.git('rev-parse', '--git-common-dir'), must(repo.run(['task', 'list']))])
  expect(file).toBe('.git')
  expect(existsSync(commands)).toBe(false)

  // A daemon that runs has not read it: the command is unknown, and says why.
  repo.write('.orchrc', DECLARED_EXAMPLE)
  const early = await repo.run(['risk', 'list'])
  expect(early.code).not.toBe(0)
  expect(early.stderr).toMatch(/There is no command "risk".*`orch restart`/s)
  expect((await problemsOf(repo)).join()).toMatch(/has not read the present \.orchrc: statuses, fields, kinds/)

  // The first command after a stop starts one that has.
  await must(repo.run(['stop']))
  let id = ''
  for (const line of DECLARED_COMMANDS) {
    const words = shellWords(line).slice(1)
    const said = await must(repo.run(words.map((word) => (word === 'k-7f3k' ? id : word))))
    if (id === '') id = /k-[0-9a-z]{8}/.exec(said.stdout)?.[0] ?? ''
  }
  expect(existsSync(commands)).toBe(true)
  const [made] = (await repo.json<Listed>('task', 'list', '--severity', 'high')).items
  expect(made).toMatchObject({ title: 'Delete old logs', status: 'testing', risk: id })
  const task = String(made?.id)

  const help = await must(repo.run(['risk', 'update', '--help']))
  expect(help.stdout).toMatch(/--likelihood.*how likely it is/)
  const completed = await must(repo.run(['__complete', 'zsh', 'risk', 'list', '--st']))
  expect(completed.stdout).toContain('--state')

  // Files in a folder of their own, edited like every file.
  await must(repo.run(['sync']))
  const [name = ''] = readdirSync(join(repo.mirror, 'risks'))
  const path = `orch/risks/${name}`
  repo.write(path, repo.read(path).replace('likelihood: 0.3', 'likelihood: 0.5'))
  await until(async () => (await repo.json<{ likelihood: number }>('risk', 'show', id)).likelihood === 0.5, 'the edit')
  expect(repo.read('orch/BOARD.md')).toMatch(/## [Tt]esting\n+- \[ \] Delete old logs/)
  await must(repo.run(['snapshot']))
  expect(repo.git('show', `orch-history:risks/${name}`)).toContain('likelihood: 0.5')
  await must(repo.run(['doctor']))

  // Without the declaration nothing is lost: not the files, not the history, not a value.
  repo.write('.orchrc', 'log: { level: info }\n')
  await must(repo.run(['restart']))
  expect(existsSync(commands)).toBe(false)
  expect((await repo.run(['risk', 'list'])).stderr).toContain('There is no command "risk"')
  const undeclared = (await problemsOf(repo)).join('\n')
  expect(undeclared).toMatch(/1 record of a kind that is not declared here, risks/)
  expect(undeclared).toMatch(/1 task record have a value of severity \(register\)|1 task record.*severity/)
  await must(repo.run(['task', 'update', task, '--title', 'Delete the logs']))
  expect((await repo.json<Listed>('task', 'list')).items).toMatchObject([
    { title: 'Delete the logs', status: 'testing' },
  ])
  await must(repo.run(['sync']))
  await must(repo.run(['snapshot']))
  expect(repo.read(path)).toContain('likelihood: 0.5')
  expect(repo.git('show', `orch-history:risks/${name}`)).toContain('likelihood: 0.5')

  repo.write('.orchrc', DECLARED_EXAMPLE)
  await must(repo.run(['restart']))
  expect(await repo.json('task', 'show', task)).toMatchObject({ title: 'Delete the logs', severity: 'high', risk: id })
  expect(await repo.json('risk', 'show', id)).toMatchObject({ likelihood: 0.5, owners: ['ann'] })
  await must(repo.run(['sync']))
  await must(repo.run(['doctor']))
}, 60_000)

test('a declaration that cannot be is refused when the daemon starts, and the one that runs goes on', async () => {
  const repo = await createTestRepo()
  repos.push(repo)
  repo.write('.orchrc', 'kinds: { risk: { letter: t } }\n')
  await must(repo.run(['task', 'list']))
  expect((await problemsOf(repo)).join()).toMatch(/\.orchrc/)
  await must(repo.run(['stop']))
  const refused = await repo.run(['task', 'list'])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toMatch(/kinds\.risk\.letter: "t" is the letter of task/)
})
