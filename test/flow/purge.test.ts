import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createTestRepo, must, type TestRepo, until } from './harness.ts'
import { isInstalled, openTerminal } from './tmux.ts'

const SECRET = 'sk-live-9f8e7d6c5b4a'
const repos: TestRepo[] = []
afterEach(async () => {
  for (const repo of repos.splice(0)) await repo.remove()
})

async function newRepo(): Promise<TestRepo> {
  const repo = await createTestRepo()
  repos.push(repo)
  return repo
}

/** Places of a repository that hold the secret: private files, the mirror, and every object that our branch reaches. */
function leaks(repo: TestRepo): readonly string[] {
  const folders = [join(repo.dir, '.git/orch'), repo.mirror]
  const files = folders
    .flatMap((dir) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name)))
    .filter((path) => path.includes(SECRET) || holds(path))
  const objects = repo
    .git('rev-list', '--objects', 'orch-history')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((oid) => {
      const type = repo.git('cat-file', '-t', oid)
      return execFileSync('git', ['cat-file', type, oid], { cwd: repo.dir, env: repo.env }).includes(SECRET)
    })
  return [...files, ...objects]
}

function holds(path: string): boolean {
  try {
    return readFileSync(path).includes(SECRET)
  } catch {
    return false
  }
}

test.skipIf(!isInstalled('tmux'))(
  '[P3] a secret that is purged at a terminal is gone from this repository and from a linked one',
  { timeout: 90_000 },
  async () => {
    const [a, b] = [await newRepo(), await createTestRepo({ init: false })]
    repos.push(b)
    const made = await a.json<{ id: string }>(
      'task',
      'create',
      `Use ${SECRET} here`,
      '--body',
      `It is ${SECRET}, really.`,
    )
    await must(a.run(['task', 'create', 'Another', '--label', SECRET]))
    await must(a.run(['log', 'append', `tried ${SECRET}`]))
    await must(a.run(['task', 'update', made.id, '--title', 'Use it']))
    await must(b.run(['init', '--yes']))
    const { websocket } = await a.json<{ websocket: string }>('status')
    const { token } = await a.json<{ token: string }>('token', 'show')
    await must(b.run(['peer', 'add', 'a', websocket, '--token', token]))
    await until(async () => (await b.run(['task', 'show', made.id])).code === 0, 'the task is at the other one')
    for (const repo of [a, b]) await must(repo.run(['snapshot']))
    await must(a.run(['sync']))
    expect(leaks(a).length).toBeGreaterThan(2)
    expect(leaks(b).length).toBeGreaterThan(2)

    const dry = await must(a.run(['purge', '--dry-run'], { input: SECRET }))
    expect(dry.stdout).not.toContain(SECRET)
    expect(dry.stdout).toContain(made.id)
    // Nobody who sits at no terminal can have it done.
    const refused = await a.run(['purge'], { input: SECRET })
    expect(refused.code).not.toBe(0)
    expect(leaks(a).length).toBeGreaterThan(2)

    const terminal = openTerminal(a, 'sh')
    try {
      terminal.type('clear; orch purge; echo "exit $?"')
      terminal.press('Enter')
      await terminal.shows('The secret:')
      terminal.type(SECRET)
      terminal.press('Enter')
      await terminal.shows('type "purge":')
      terminal.type('purge')
      terminal.press('Enter')
      const said = await terminal.shows('exit 0')
      expect(said).toContain('It is taken out.')
      expect(said).not.toContain(SECRET)
    } finally {
      terminal.close()
    }
    await until(() => leaks(b).length === 0, `the other one has taken it out, too: ${leaks(b).join(' ')}`, 40_000)
    // Both go on, and agree.
    await must(a.run(['task', 'update', made.id, '--priority', 'high']))
    await until(
      async () => (await b.json<{ priority: string }>('task', 'show', made.id)).priority === 'high',
      'the other one hears of later changes',
    )
    const shown = await a.json<{ body: string; file: string }>('task', 'show', made.id)
    expect(shown.body).toContain('really.')
    expect(await b.json('task', 'show', made.id)).toMatchObject({ body: shown.body, file: shown.file })
    for (const repo of [a, b]) {
      await must(repo.run(['doctor']))
      await must(repo.run(['stop']))
      expect(leaks(repo)).toEqual([])
    }
  },
)
