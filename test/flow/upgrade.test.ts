import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { buildOfVersion, type OtherBuild } from '../helpers/build.ts'
import { createCliSpace, daemonFile } from '../helpers/cli.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { countOf } from './harness.ts'

const space = createCliSpace()
const [newer, newest] = await Promise.all([buildOfVersion('0.2.0'), buildOfVersion('0.3.0', { databaseFormat: 2 })])
afterAll(() => {
  space.close()
  for (const build of [newer, newest] satisfies OtherBuild[]) build.remove()
})
const env = { ...process.env, XDG_STATE_HOME: join(space.root, 'state') } as Record<string, string>
const WRITERS = 6

interface Listed {
  readonly items: readonly { readonly title: string; readonly body: string }[]
}

test('[P1] a newer orch replaces the daemon while older ones write: nothing is lost, doubled or refused', async () => {
  const dir = await space.repository()
  const old = createDaemonClient(dir, env, packageJson.version)
  const { id } = await old.ask<{ id: string }>('task.create', { title: 'Shared', body: 'Start.' }, 'test')
  const acknowledged: string[] = []
  const refused: unknown[] = []
  let isOver = false
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; !isOver; n++) {
      const word = `w${writer}n${n}e`
      try {
        if (n % 5 === 0) await old.ask('task.create', { title: word }, `agent-${writer}`)
        else await old.ask('task.update', { id, append: word }, `agent-${writer}`)
        acknowledged.push(word)
      } catch (error) {
        refused.push(error)
        return
      }
    }
  })
  const written = async (more: number): Promise<void> => {
    const goal = acknowledged.length + more
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(goal)
  }
  onTestFinished(() => {
    isOver = true
  })
  await written(30)
  const pids = [daemonFile(dir).pid]
  for (const [version, build] of [
    ['0.2.0', newer],
    ['0.3.0', newest],
  ] as const) {
    expect(await space.orch(dir, ['task', 'list'], { dist: build.dir })).toMatchObject({ code: 0 })
    expect(daemonFile(dir).version).toBe(version)
    pids.push(daemonFile(dir).pid)
    await written(30)
  }
  isOver = true
  await Promise.all(writers)
  expect(refused).toEqual([])
  expect(new Set(pids).size).toBe(3)
  expect(space.daemonsOf(dir)).toEqual([daemonFile(dir).pid])
  const { items } = await old.ask<Listed>('task.list', { full: true, limit: 1000, all: true }, 'test')
  const text = items.map(({ title, body }) => `${title}\n${body}`).join('\n')
  expect(acknowledged.filter((word) => countOf(text, word) !== 1)).toEqual([])
  expect((await space.orch(dir, ['doctor'], { dist: newest.dir })).code).toBe(0)

  // The older one again, when no daemon runs: the database has a format that it does not know.
  await space.orch(dir, ['stop'], { dist: newest.dir })
  const before = fingerprint(dir)
  const run = await space.orch(dir, ['task', 'create', 'By the old one', '--json'])
  expect(run.code).toBe(6)
  expect(JSON.parse(run.stdout).error).toMatchObject({ code: 'database_newer', data: { found: 2, known: 1 } })
  await expect.poll(() => space.daemonsOf(dir)).toEqual([])
  expect(fingerprint(dir)).toEqual(before)
  expect((await space.json<Listed>(dir, ['task', 'list', '--all'], { dist: newest.dir })).items.length).toBeGreaterThan(
    1,
  )
})

test('[P7] a repository that holds the golden database of format 1 works, with all that was in it', async () => {
  const dir = await space.repository({ init: false })
  mkdirSync(join(dir, '.git/orch'), { mode: 0o700 })
  const file = join(dir, '.git/orch/orch.db')
  copyFileSync(join(import.meta.dirname, '../fixtures/formats/database-1.db'), file)
  chmodSync(file, 0o600)
  const { items } = await space.json<Listed>(dir, ['task', 'list', '--all', '--full'])
  expect(items).toMatchObject([{ title: 'Fix login 日本語 😀', body: 'one two\n' }])
  await space.json(dir, ['task', 'create', 'Written since'])
  expect(await space.orch(dir, ['doctor'])).toMatchObject({ code: 0 })
  expect(readdirSync(join(dir, 'orch/tasks'))).toHaveLength(2)
})

test('[P7] a history of format 1 is taken over, with all that was in it', async () => {
  const bundle = join(import.meta.dirname, '../fixtures/formats/history-1.bundle')
  if (process.env.ORCH_WRITE_FIXTURES === '1') await writeHistory(bundle)
  const dir = await space.repository({ init: false })
  space.git(dir, 'fetch', '--quiet', bundle, 'orch-history:orch-history')
  expect(await space.orch(dir, ['init', '--yes'])).toMatchObject({ code: 0 })
  const list = async (...args: readonly string[]) => (await space.json<{ items: unknown[] }>(dir, args)).items
  expect(await list('task', 'list', '--all', '--full')).toMatchObject([
    {
      title: 'Fix login 日本語',
      status: 'in_progress',
      labels: ['api', 'bug'],
      spentHours: 1.5,
      body: 'One.\n\nTwo.',
      comments: [{ by: 'claude', text: 'Seen.' }],
    },
  ])
  expect(await list('task', 'list', '--deleted')).toMatchObject([{ title: 'Gone' }])
  await space.orch(dir, ['sync'])
  expect(readFileSync(join(dir, 'orch/pages/work.md'), 'utf8')).toMatch(/How we work\n\nTogether\.\n$/)
  expect(await list('session', 'list')).toMatchObject([{ goal: 'Log in' }])
  expect(await list('log', 'list')).toMatchObject([{ action: 'ran the tests' }])
  expect(await list('context', 'query')).toHaveLength(1)
  expect(await space.json(dir, ['state', 'get', 'phase'])).toMatchObject({ value: 'beta' })
  expect(await space.orch(dir, ['doctor'])).toMatchObject({ code: 0 })
})

/** A small project of every kind, as this version writes it. */
async function writeHistory(bundle: string): Promise<void> {
  const dir = await space.repository({ name: 'golden' })
  const run = async (...args: readonly string[]) => space.json<{ id: string }>(dir, args)
  const { id } = await run('task', 'create', 'Fix login 日本語', '--body', 'One.', '--label', 'api', '--label', 'bug')
  const gone = await run('task', 'create', 'Gone')
  writeFileSync(join(dir, 'orch/pages/work.md'), '# How we work\n\nTogether.\n')
  await run('state', 'set', 'phase', '"beta"')
  const session = await run('session', 'start', 'Log in', '--as', 'claude')
  await run('log', 'append', 'ran the tests', '--as', 'claude')
  await run('context', 'publish', 'Look at the cookies', '--as', 'claude')
  await run('sync')
  await run('task', 'update', id, '--append', 'Two.', '--status', 'in_progress', '--spent', '1.5')
  await run('task', 'comment', id, 'Seen.', '--as', 'claude')
  await run('task', 'delete', gone.id)
  await run('session', 'end', session.id, '--summary', 'Done.')
  await run('sync')
  space.git(dir, 'bundle', 'create', bundle, 'orch-history')
}

/**
 * Every file of the repository that says anything: all but the log, the lock, what is there while a process runs, and
 * SQLite's map of its log, which whoever opens a database makes anew.
 */
function fingerprint(dir: string): Readonly<Record<string, string>> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/^(daemon\.|starting|lock)|-shm$/.test(entry.name),
  )
  return Object.fromEntries(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name)
      return [file.slice(dir.length), createHash('sha256').update(readFileSync(file)).digest('hex')]
    }),
  )
}
