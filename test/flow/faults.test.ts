import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { countOf, createTestRepo, must, openTestRepo, type TestRepo, until } from './harness.ts'

const cleanUp: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

async function repository(): Promise<TestRepo> {
  const repo = await createTestRepo()
  cleanUp.push(() => repo.remove())
  return repo
}

const pidOf = (repo: TestRepo): number => JSON.parse(repo.read('.git/orch/daemon.json')).pid
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A process that has ended stays a zombie where nobody reaps it.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function titles(repo: TestRepo): Promise<readonly string[]> {
  const { items } = await repo.json<{ items: readonly { title: string }[] }>('task', 'list')
  return items.map(({ title }) => title).sort()
}

/** What the doctor finds wrong. */
async function findings(repo: TestRepo): Promise<readonly object[]> {
  const { stdout } = await repo.run(['doctor', '--json'])
  const { result } = JSON.parse(stdout) as { result: { findings: readonly { ok: boolean }[] } }
  return result.findings.filter(({ ok }) => !ok)
}

describe('[P1] a database taken away under the daemon', () => {
  test('is noticed when it is removed: the daemon ends, and init brings back everything acknowledged', async () => {
    const repo = await repository()
    await repo.json('task', 'create', 'one')
    const pid = pidOf(repo)
    for (const end of ['', '-wal', '-shm']) rmSync(join(repo.dir, `.git/orch/orch.db${end}`), { force: true })
    await until(() => !isAlive(pid), 'the daemon ends')
    const refused = await repo.run(['task', 'create', 'two'])
    expect(refused.code).toBe(5)
    expect((await repo.run(['init', '--yes'])).code).toBe(0)
    expect(await titles(repo)).toEqual(['one'])
    await repo.json('task', 'create', 'three')
    expect(await titles(repo)).toEqual(['one', 'three'])
  })

  test('is noticed when an older copy takes its place: what was acknowledged since comes back from git', async () => {
    const repo = await repository()
    const file = join(repo.dir, '.git/orch/orch.db')
    await repo.json('task', 'create', 'one')
    await repo.run(['stop'])
    copyFileSync(file, `${file}.older`)
    await repo.json('task', 'create', 'two')
    const pid = pidOf(repo)
    renameSync(`${file}.older`, file)
    for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
    await until(() => !isAlive(pid), 'the daemon ends')
    await repo.json('task', 'create', 'three')
    await repo.run(['sync'])
    expect(await titles(repo)).toEqual(['one', 'three', 'two'])
    expect(await findings(repo)).toEqual([])
  })
})

describe.skipIf(!canMount())('[P1] a full disk (needs the right to mount a small one)', () => {
  test('refuses with the reason, keeps what was acknowledged, and goes on by itself when there is room', async () => {
    const root = mkdtempSync(join(tmpdir(), 'orch-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', root])
    cleanUp.push(() => {
      execFileSync('umount', ['-l', root])
      rmSync(root, { recursive: true })
    })
    const dir = join(root, 'demo')
    mkdirSync(join(root, 'home'))
    mkdirSync(dir)
    const env = { PATH: process.env.PATH ?? '', HOME: join(root, 'home'), LC_ALL: 'C.UTF-8', GIT_CONFIG_NOSYSTEM: '1' }
    const repo = openTestRepo(dir, env)
    cleanUp.push(async () => {
      await repo.run(['stop'])
    })
    repo.git('init', '--quiet')
    expect((await repo.run(['init', '--yes'])).code).toBe(0)
    const ballast = join(root, 'ballast')
    const acknowledged: string[] = []
    await repo.json('task', 'create', 'before')
    acknowledged.push('before')
    fill(ballast)
    let refused: { code: number; stdout: string } | undefined
    for (let i = 0; i < 50 && !refused; i++) {
      const run = await repo.run(['task', 'create', `t${i}`, '--body', 'x'.repeat(20_000), '--json'])
      if (run.code === 0) acknowledged.push(`t${i}`)
      else refused = run
    }
    expect(refused?.code).toBe(6)
    expect(JSON.parse(refused?.stdout ?? '').error).toMatchObject({ code: 'storage_failed' })
    expect(await titles(repo)).toEqual([...acknowledged].sort())
    // Its log is on the full disk, too, and each refusal is a line of it.
    const pid = pidOf(repo)
    for (let i = 0; i < 10; i++) {
      const { stdout } = await repo.run(['task', 'create', 'refused', '--body', 'x'.repeat(20_000), '--json'])
      expect(JSON.parse(stdout).error).toMatchObject({ code: 'storage_failed' })
    }
    expect(isAlive(pid)).toBe(true)
    // A start needs room; what it could not write is no obstacle to the next.
    process.kill(pid, 'SIGKILL')
    await until(() => !isAlive(pid), 'the daemon ends')
    const unstarted = await repo.run(['task', 'list', '--json'])
    expect(JSON.parse(unstarted.stdout).error).toMatchObject({
      code: 'read_only',
      message: expect.stringMatching('ENOSPC'),
    })
    rmSync(ballast)
    await repo.json('task', 'create', 'after')
    expect(await titles(repo)).toEqual([...acknowledged, 'after'].sort())
    await repo.run(['sync'])
    // So small a disk is told of, and nothing else.
    expect(await findings(repo)).toMatchObject([{ detail: expect.stringMatching(/The disk has \d MB left/) }])
  })
})

test('[P1] [P6] directories that become read-only under the daemon: told, nothing lost, and well again by itself', async () => {
  const repo = await createTestRepo({ init: false })
  cleanUp.push(() => repo.remove())
  // Root may write anywhere, so somebody else works here.
  const uid = process.getuid?.() === 0 ? 65534 : undefined
  if (uid !== undefined) {
    chmodSync(join(repo.dir, '..'), 0o755)
    execFileSync('chown', ['-R', `${uid}:${uid}`, repo.dir, join(repo.dir, '..', 'home')])
  }
  const orch = (...args: readonly string[]) => repo.run(args, uid === undefined ? {} : { uid })
  const folders = ['.git/orch', 'orch', 'orch/tasks'].map((folder) => join(repo.dir, folder))
  const setWritable = (all: readonly string[], mode: number): void => {
    for (const folder of all) chmodSync(folder, mode)
  }
  cleanUp.push(() => setWritable(folders, 0o700))
  const problems = async (): Promise<readonly { what: string; where: string }[]> =>
    JSON.parse((await orch('status', '--json')).stdout).result.problems
  const known = async (): Promise<readonly string[]> => {
    const { stdout } = await orch('task', 'list', '--json')
    return (JSON.parse(stdout).result.items as readonly { title: string }[]).map(({ title }) => title).sort()
  }
  await must(orch('init', '--yes'))
  await must(orch('task', 'create', 'one'))
  await must(orch('sync'))

  setWritable(folders, 0o500)
  const { stdout } = await must(orch('task', 'create', 'two', '--json'))
  const { id } = JSON.parse(stdout).result as { id: string }
  await until(
    async () => (await problems()).some(({ where, what }) => where.includes(id) && what.includes('EACCES')),
    'the file that cannot be written is a problem',
  )
  expect(await known()).toEqual(['one', 'two'])

  process.kill(pidOf(repo), 'SIGKILL')
  const refused = await orch('task', 'create', 'three')
  expect(refused.code).toBe(6)
  expect(refused.stderr).toContain('cannot be written')

  setWritable(folders.slice(0, 1), 0o700)
  expect(await known()).toEqual(['one', 'two'])
  setWritable(folders, 0o700)
  await until(() => readdirSync(join(repo.mirror, 'tasks')).some((name) => name.startsWith(id)), 'the file is written')
  await until(async () => (await problems()).length === 0, 'nothing is wrong any more')
  await must(orch('doctor'))
})

test('[P1] [P3] the clock an hour back, a year ahead and right again, while the daemon runs and between runs', async () => {
  const shift = join(mkdtempSync(join(tmpdir(), 'orch-clock-')), 'shift')
  cleanUp.push(() => rmSync(dirname(shift), { recursive: true }))
  writeFileSync(shift, '0')
  const preload = join(import.meta.dirname, 'shifted-clock.cjs')
  const repo = await createTestRepo({ env: { NODE_OPTIONS: `--require ${preload}`, ORCH_TEST_CLOCK: shift } })
  cleanUp.push(() => repo.remove())
  const HOUR = 3_600_000
  const made: string[] = []
  const work = async (): Promise<void> => {
    const name = `t${made.length}`
    made.push(name)
    const { id, file } = await repo.json<{ id: string; file: string }>('task', 'create', name, '--body', 'start')
    await must(repo.run(['claim', id]))
    await must(repo.run(['task', 'update', id, '--append', 'by command']))
    await must(repo.run(['log', 'append', `did ${name}`]))
    await must(repo.run(['sync']))
    repo.write(`orch/${file}`, repo.read(`orch/${file}`).replace('start', 'start by hand'))
    await must(repo.run(['sync']))
    const { body } = await repo.json<{ body: string }>('task', 'show', id)
    expect([countOf(body, 'by hand'), countOf(body, 'by command')]).toEqual([1, 1])
  }
  await work()
  const pid = pidOf(repo)
  for (const ms of [-HOUR, 365 * 24 * HOUR, 0]) {
    writeFileSync(shift, String(ms))
    await work()
  }
  expect(pidOf(repo)).toBe(pid)
  for (const ms of [-HOUR, 365 * 24 * HOUR, 0]) {
    await must(repo.run(['stop']))
    writeFileSync(shift, String(ms))
    await work()
  }
  expect(await titles(repo)).toEqual(made)
  const { items } = await repo.json<{ items: readonly { action: string }[] }>('log', 'list', '--limit', '100')
  for (const name of made) expect(items.filter(({ action }) => action === `did ${name}`)).toHaveLength(1)
  expect(await findings(repo)).toEqual([])
  // What is made in the right time is not behind what was made in a future that never came.
  const times = repo.git('log', '--first-parent', '--format=%ct', 'orch-history').split('\n').map(Number)
  expect(times).toEqual(times.toSorted((a, b) => b - a))
})

function fill(file: string): void {
  const block = Buffer.alloc(64 * 1024)
  try {
    for (;;) writeFileSync(file, block, { flag: 'a' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'orch-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' })
    execFileSync('umount', [at])
    return true
  } catch {
    return false
  } finally {
    if (existsSync(at)) rmSync(at, { recursive: true })
  }
}
