import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestRepo, must, type TestRepo } from './harness.ts'
import { isInstalled, openTerminal, type TestTerminal } from './tmux.ts'

let repo: TestRepo
let id: string

beforeAll(async () => {
  repo = await createTestRepo()
  id = (
    await repo.json<{ id: string }>('task', 'create', 'Fix the login', '--label', 'needs review', '--label', 'area:api')
  ).id
  await must(repo.run(['page', 'write', 'guides/start.md', '# How to start']))
})
afterAll(() => repo.remove())

/** What bash would offer after a line. */
async function inBash(line: string, compType = 9): Promise<readonly string[]> {
  const { stdout: script } = await must(repo.run(['completion', 'bash']))
  const orch = `orch() { :; }; command() { shift; "${process.execPath}" "$ORCH" "$@"; }`
  const text = execFileSync(
    'bash',
    [
      '-c',
      `${orch}\n${script}\nCOMP_LINE=$LINE COMP_POINT=\${#LINE} COMP_TYPE=${compType}\n_orch\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
    {
      cwd: repo.dir,
      env: { ...repo.env, LINE: line, ORCH: new URL('../../dist/orch.js', import.meta.url).pathname },
      encoding: 'utf8',
    },
  )
  return text.split('\n').filter((one) => one !== '')
}

describe('bash', () => {
  test('completes commands, flags, choices, ids, labels and paths', async () => {
    expect(await inBash('orch ta')).toEqual(['task'])
    expect(await inBash('orch task list --lab')).toEqual(['--label'])
    expect(await inBash('orch task list --status=bl')).toEqual(['blocked'])
    expect(await inBash(`orch task show ${id.slice(0, 4)}`)).toEqual([id])
    expect(await inBash('orch task list --label n')).toEqual(['needs\\ review'])
    expect(await inBash("orch task list --label 'n")).toEqual(['needs review'])
    expect(await inBash('orch task list --label area:')).toEqual(['api'])
    expect(await inBash('orch page read g')).toEqual(['guides/start.md'])
  })

  test('shows what several candidates mean, and inserts them alone', async () => {
    expect(await inBash('orch task list --label ')).toEqual(['area:api       (1 task)', 'needs\\ review  (1 task)'])
    expect(await inBash('orch task list --label ', 37)).toEqual(['area:api', 'needs\\ review'])
  })
})

/** How each shell is started without anybody's settings, and how the script is loaded. */
const SHELLS = [
  { shell: 'bash', start: 'bash --norc -i', load: 'source <(orch completion bash)' },
  { shell: 'zsh', start: 'zsh -f -i', load: 'autoload -U compinit; compinit -u -D; source <(orch completion zsh)' },
  { shell: 'fish', start: 'fish --no-config -i', load: 'orch completion fish | source' },
] as const

const hasTmux = isInstalled('tmux')

describe.each(SHELLS)('$shell in a terminal', ({ shell, start, load }) => {
  let terminal: TestTerminal | undefined
  afterAll(() => terminal?.close())

  test.skipIf(!hasTmux || !isInstalled(shell))('Tab completes an id, a label with a blank, and a choice', async () => {
    terminal = openTerminal(repo, start)
    terminal.type(`${load}; echo loa''ded`)
    terminal.press('Enter')
    await terminal.shows('loaded')
    terminal.type(`orch task update ${id.slice(0, 4)}`)
    terminal.press('Tab')
    await terminal.shows(id)
    terminal.type(' --remove-label nee')
    terminal.press('Tab')
    await terminal.shows('needs\\ review')
    terminal.type(' --status=rev')
    terminal.press('Tab')
    await terminal.shows('--status=review')
    terminal.press('Enter')
    await terminal.shows(`Updated ${id}`)
    expect(await repo.json('task', 'show', id)).toMatchObject({ status: 'review', labels: ['area:api'] })
    await must(repo.run(['task', 'update', id, '--status', 'todo', '--add-label', 'needs review']))
  })
})

describe('without a daemon', () => {
  test('commands and choices are still there, nothing is started, nothing is said', async () => {
    await must(repo.run(['stop']))
    expect(await inBash('orch task list --status=bl')).toEqual(['blocked'])
    expect(await inBash('orch task show ')).toEqual([])
    expect(await must(repo.run(['__complete', 'zsh', 'task', 'show', '']))).toMatchObject({ stdout: '', stderr: '' })
    expect(await must(repo.run(['__complete', 'zsh', 'task', 'show', ''], { cwd: '/' }))).toMatchObject({ stderr: '' })
    expect((await repo.json<{ running: boolean }>('status')).running).toBe(false)
  })
})
