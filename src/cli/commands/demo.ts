import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drain, request } from '../client.ts'
import type { CliContext, Environment, RepositoryContext } from '../context.ts'
import { inRepository } from '../run.ts'
import { initProject } from './init.ts'

/** A task of the demonstration, by whom. */
const TASKS: readonly (readonly [actor: string, task: Readonly<Record<string, unknown>>])[] = [
  [
    'ada',
    {
      title: 'Let people sign in by e-mail',
      status: 'in_progress',
      priority: 'high',
      assignee: 'ada',
      labels: ['auth'],
    },
  ],
  ['claude', { title: 'Describe the login flow', assignee: 'claude', labels: ['auth', 'docs'] }],
  ['ada', { title: '日本語の案内を書く', priority: 'low', labels: ['docs'] }],
]

/** Makes a repository in a temporary directory, sets orch up in it with a few tasks, and says where it is. */
export async function makeDemo(cli: CliContext): Promise<RepositoryContext> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'orch-demo-')))
  execFileSync('git', ['init', '--quiet', dir], { env: withoutGit(cli.env) })
  writeFileSync(join(dir, 'README.md'), '# A repository to try orch on\n')
  cli.terminal.err(`There is no repository of yours here, so this is one to try it on: ${dir}\n\n`)
  const context = inRepository({ ...cli, dir })
  await initProject(context, { set: [], yes: true, name: 'demo' })
  for (const [name, input] of TASKS) {
    await request(context, { op: 'task.create', input, actor: { name, type: 'agent' } })
  }
  // The one that follows runs in the foreground.
  await drain(context)
  return context
}

/** Without what would lead git to another repository. */
function withoutGit(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GIT_')))
}
