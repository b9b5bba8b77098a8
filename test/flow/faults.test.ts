import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createTestRepo, openTestRepo, type TestRepo, until } from './harness.ts'

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
    rmSync(ballast)
    await repo.json('task', 'create', 'after')
    expect(await titles(repo)).toEqual([...acknowledged, 'after'].sort())
    await repo.run(['sync'])
    expect(await findings(repo)).toEqual([])
  })
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
