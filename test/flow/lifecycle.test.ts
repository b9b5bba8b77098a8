import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { buildOfVersion, type OtherBuild } from '../helpers/build.ts'
import { createCliSpace, DIST, daemonFile } from '../helpers/cli.ts'

const space = createCliSpace()
const builds: OtherBuild[] = []
afterAll(() => {
  space.close()
  for (const build of builds) build.remove()
})

describe('init', () => {
  test('touches exactly what it says, and says it first', async () => {
    const dir = await space.repository({ init: false })
    const exclude = join(dir, '.git/info/exclude')
    writeFileSync(exclude, '# mine\r\n*.tmp\xff', 'latin1')
    const before = { config: readFileSync(join(dir, '.git/config')), hooks: readdirSync(join(dir, '.git/hooks')) }
    const { code, stderr } = await space.orch(dir, ['init', '--yes', '--name', 'shop'])
    expect(code).toBe(0)
    for (const place of [join(dir, 'orch'), exclude, join(dir, '.git/orch'), 'orch-history', space.root]) {
      expect(stderr).toContain(place)
    }
    expect(readFileSync(exclude, 'latin1')).toBe('# mine\r\n*.tmp\xff\n/orch/\n/.ignore\n')
    expect({ config: readFileSync(join(dir, '.git/config')), hooks: readdirSync(join(dir, '.git/hooks')) }).toEqual(
      before,
    )
    expect(space.git(dir, 'status', '--porcelain')).toBe('')
    expect(await space.json(dir, ['status'])).toMatchObject({
      running: true,
      project: { name: 'shop' },
      mirror: join(dir, 'orch'),
    })
  })

  test('asks, and where nobody can answer does nothing without --yes', async () => {
    const dir = await space.repository({ init: false })
    const { code, stderr } = await space.orch(dir, ['init'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--yes') })
    expect(existsSync(join(dir, '.git/orch'))).toBe(false)
  })

  test('a second time changes nothing', async () => {
    const dir = await space.repository()
    const project = (await space.json(dir, ['status'])).project
    expect((await space.orch(dir, ['init', '--yes', '--name', 'other'])).code).toBe(0)
    expect((await space.json(dir, ['status'])).project).toEqual(project)
    expect(space.daemonsOf(dir)).toHaveLength(1)
  })

  test('never takes over a folder with files that git tracks', async () => {
    const dir = await space.repository({ init: false })
    mkdirSync(join(dir, 'orch'))
    writeFileSync(join(dir, 'orch/music.md'), 'mine\n')
    space.git(dir, 'add', '.')
    expect(await space.orch(dir, ['init', '--yes'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('git tracks'),
    })
    expect(existsSync(join(dir, '.git/orch/orch.db'))).toBe(false)
  })
})

describe('places', () => {
  test.each([
    ['outside of a repository', 'not_a_repository', []],
    ['in a bare repository', 'bare_repository', ['init', '--quiet', '--bare']],
    ['where orch is not set up', 'not_initialised', ['init', '--quiet']],
  ])('%s a command says so and what to do', async (_, code, make) => {
    const dir = mkdtempSync(join(space.root, 'place-'))
    if (make.length > 0) space.git(dir, ...make)
    for (const args of [
      ['task', 'list'],
      ['task', 'create', 'x'],
    ]) {
      const run = await space.orch(dir, [...args, '--json'])
      expect(run.code).toBe(5)
      expect(JSON.parse(run.stdout)).toMatchObject({
        orch: 1,
        error: { code, exit: 5, hint: expect.stringMatching(/\S/) },
      })
    }
  })

  test('set up from a linked worktree, the repository has one state and one daemon, with files in both', async () => {
    const dir = await space.repository({ init: false })
    space.git(dir, 'commit', '--allow-empty', '-m', 'first')
    const linked = join(space.root, 'linked')
    space.git(dir, 'worktree', 'add', linked)
    expect((await space.orch(linked, ['init', '--yes'])).code).toBe(0)
    await space.orch(linked, ['task', 'create', 'From the worktree'])
    await space.orch(linked, ['sync'])
    for (const place of [dir, linked]) expect(existsSync(join(place, 'orch/README.md'))).toBe(true)
    expect((await space.orch(dir, ['task', 'list'])).stdout).toContain('From the worktree')
    expect(space.daemonsOf(dir)).toHaveLength(1)
  })

  test('a path too long for a socket works, whatever the environment says', async () => {
    const dir = await space.repository({ name: 'x'.repeat(120) })
    expect(daemonFile(dir).socket.startsWith(dir)).toBe(false)
    const env = { XDG_RUNTIME_DIR: mkdtempSync(join(space.root, 'run-')) }
    expect((await space.orch(dir, ['task', 'create', 'one'], { env })).code).toBe(0)
    expect(space.daemonsOf(dir)).toHaveLength(1)
    await space.orch(dir, ['stop'])
    expect((await space.orch(dir, ['task', 'create', 'two'], { env })).code).toBe(0)
    expect((await space.orch(dir, ['task', 'list'])).stdout).toMatch(/one[\s\S]*two/)
    expect(space.daemonsOf(dir)).toHaveLength(1)
  })

  test('a private directory that cannot be had is named, and nothing else is made', async () => {
    const dir = await space.repository({ init: false })
    writeFileSync(join(dir, '.git/orch'), 'in the way')
    const run = await space.orch(dir, ['init', '--yes'])
    expect(run).toMatchObject({ code: 6, stderr: expect.stringContaining(join(dir, '.git/orch')) })
    expect(existsSync(join(dir, 'orch'))).toBe(false)
    expect(readFileSync(join(dir, '.git/info/exclude'), 'utf8')).not.toContain('orch')
  })
})

describe('start and stop', () => {
  test('any command starts the daemon, stop ends it, and status tells both', async () => {
    const dir = await space.repository()
    expect((await space.orch(dir, ['stop'])).stdout).toBe('Stopped\n')
    expect(space.daemonsOf(dir)).toEqual([])
    expect(await space.orch(dir, ['stop'])).toMatchObject({ code: 0, stdout: 'It was not running\n' })
    expect(await space.json(dir, ['status'])).toMatchObject({ running: false })
    expect(space.daemonsOf(dir)).toEqual([])
    await space.orch(dir, ['task', 'list'])
    expect(await space.json(dir, ['status'])).toMatchObject({ running: true, pid: space.daemonsOf(dir)[0] })
  })

  test('after kill -9 the next command starts another, and everything acknowledged is there [P1]', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['task', 'create', 'Survives'])
    const { pid } = daemonFile(dir)
    process.kill(pid, 'SIGKILL')
    expect((await space.orch(dir, ['task', 'list'])).stdout).toContain('Survives')
    expect(daemonFile(dir).pid).not.toBe(pid)
  })

  test('a daemon that hangs is reported, and restart replaces it', async () => {
    const dir = await space.repository()
    const { pid } = daemonFile(dir)
    process.kill(pid, 'SIGSTOP')
    const run = await space.orch(dir, ['task', 'list'])
    expect(run).toMatchObject({ code: 7, stderr: expect.stringContaining('orch restart') })
    expect((await space.orch(dir, ['restart'])).code).toBe(0)
    expect(space.daemonsOf(dir)).not.toContain(pid)
    expect((await space.orch(dir, ['task', 'list'])).code).toBe(0)
  })

  test('a daemon whose private directory is taken away ends by itself and leaves the files alone', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['task', 'create', 'Kept'])
    await space.orch(dir, ['sync'])
    const files = readdirSync(join(dir, 'orch/tasks'))
    rmSync(join(dir, '.git/orch'), { recursive: true })
    await expect.poll(() => space.daemonsOf(dir), { timeout: 15_000 }).toEqual([])
    expect(readdirSync(join(dir, 'orch/tasks'))).toEqual(files)
  })

  test('a start that fails tells why, and the next attempt works once it is mended', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['stop'])
    writeFileSync(join(dir, '.orchrc'), 'mirror:\n  dri: notes\n')
    const run = await space.orch(dir, ['task', 'list', '--json'])
    expect(run.code).toBe(2)
    expect(JSON.parse(run.stdout).error).toMatchObject({
      code: 'invalid_config',
      hint: expect.stringContaining('mirror.dir'),
    })
    rmSync(join(dir, '.orchrc'))
    expect((await space.orch(dir, ['task', 'list'])).code).toBe(0)
  })
})

describe('other daemons', () => {
  test('a newer orch replaces an older daemon; an older one is served by a newer daemon', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['task', 'create', 'By the old one'])
    const build = await buildOfVersion('0.2.0')
    builds.push(build)
    const newer = build.dir
    const old = daemonFile(dir).pid
    expect((await space.orch(dir, ['task', 'list'], { dist: newer })).stdout).toContain('By the old one')
    expect(daemonFile(dir)).toMatchObject({ version: '0.2.0' })
    expect(space.daemonsOf(dir)).toEqual([daemonFile(dir).pid])
    expect(daemonFile(dir).pid).not.toBe(old)
    expect((await space.orch(dir, ['task', 'list'])).code).toBe(0)
    expect(daemonFile(dir).version).toBe('0.2.0')
  })

  test('a copied repository gets a daemon of its own, and neither writes into the other', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['task', 'create', 'In both'])
    await space.orch(dir, ['stop'])
    const copy = `${dir}-copy`
    cpSync(dir, copy, { recursive: true })
    await space.orch(dir, ['task', 'create', 'In the first'])
    await space.orch(copy, ['task', 'create', 'In the copy'])
    expect((await space.orch(dir, ['task', 'list'])).stdout).not.toContain('In the copy')
    expect((await space.orch(copy, ['task', 'list'])).stdout).not.toContain('In the first')
    expect([space.daemonsOf(dir), space.daemonsOf(copy)].map((pids) => pids.length)).toEqual([1, 1])
  })

  test('a repository that was put in the place of another never reaches its daemon', async () => {
    const dir = await space.repository({ name: `${'y'.repeat(110)}` })
    await space.orch(dir, ['task', 'create', 'Of the first'])
    const { pid } = daemonFile(dir)
    renameSync(dir, `${dir}-moved`)
    cpSync(`${dir}-moved`, dir, { recursive: true })
    const run = await space.orch(dir, ['task', 'create', 'x', '--json'])
    expect(JSON.parse(run.stdout).error.code).toBe('daemon_other_repository')
    expect((await space.orch(dir, ['restart'])).code).toBe(0)
    expect((await space.orch(dir, ['task', 'list'])).stdout).toContain('Of the first')
    expect(daemonFile(dir).pid).not.toBe(pid)
  })
})

describe('up', () => {
  test('runs the daemon, shows each change, and Ctrl-C ends both', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['stop'])
    const up = spawn(process.execPath, [join(DIST, 'orch.js'), 'up'], {
      cwd: dir,
      env: { ...process.env, XDG_STATE_HOME: join(space.root, 'state') },
    })
    let shown = ''
    up.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
    await expect.poll(() => shown, { timeout: 15_000 }).toContain('websocket')
    expect(shown).toContain(join(dir, 'orch'))
    await space.orch(dir, ['task', 'create', 'Seen live'], { env: { ORCH_ACTOR: 'claude' } })
    await expect.poll(() => shown).toMatch(/claude.*Seen live/)
    up.kill('SIGINT')
    expect((await once(up, 'exit'))[0]).toBe(0)
    expect(space.daemonsOf(dir)).toEqual([])
  })

  test('follows the daemon that runs already, which stays when the follower goes', async () => {
    const dir = await space.repository()
    const up = spawn(process.execPath, [join(DIST, 'orch.js'), 'up', '--json'], { cwd: dir })
    let shown = ''
    up.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
    await expect.poll(() => shown, { timeout: 15_000 }).toContain('"websocket"')
    up.kill('SIGTERM')
    expect((await once(up, 'exit'))[0]).toBe(0)
    expect(space.daemonsOf(dir)).toHaveLength(1)
  })
})

describe('uninstall', () => {
  test('takes every trace but the history away, and leaves what is not orch’s', async () => {
    const dir = await space.repository({ init: false })
    const exclude = readFileSync(join(dir, '.git/info/exclude'))
    await space.orch(dir, ['init', '--yes'])
    await space.orch(dir, ['task', 'create', 'One'])
    await space.orch(dir, ['sync'])
    writeFileSync(join(dir, 'orch/photo.bin'), 'mine')

    expect(await space.orch(dir, ['uninstall'])).toMatchObject({ code: 2 })
    expect((await space.orch(dir, ['task', 'list'])).stdout).toContain('One')

    const { stdout, code } = await space.orch(dir, ['uninstall', '--yes'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(join(dir, 'orch/photo.bin')) })
    expect(readdirSync(join(dir, 'orch'))).toEqual(['photo.bin'])
    expect(existsSync(join(dir, '.git/orch'))).toBe(false)
    expect(space.git(dir, 'branch', '--list', 'orch-history')).toContain('orch-history')
    expect(space.daemonsOf(dir)).toEqual([])
    expect(readFileSync(join(dir, '.git/info/exclude'))).toEqual(exclude)
  })

  test('with --purge nothing is left', async () => {
    const dir = await space.repository({ init: false })
    const exclude = join(dir, '.git/info/exclude')
    const before = readFileSync(exclude)
    await space.orch(dir, ['init', '--yes'])
    await space.orch(dir, ['task', 'create', 'One'])
    expect((await space.orch(dir, ['uninstall', '--yes', '--purge'])).code).toBe(0)
    expect(existsSync(join(dir, 'orch'))).toBe(false)
    expect(space.git(dir, 'for-each-ref')).toBe('')
    expect(readFileSync(exclude)).toEqual(before)
  })
})

describe('input and output', () => {
  test('text comes from standard input with -, and --json is one line with its version', async () => {
    const dir = await space.repository()
    const run = await space.orch(dir, ['task', 'create', 'Read', '--body', '-', '--json'], { input: 'From a pipe.\n' })
    expect(run.stdout.trimEnd()).not.toContain('\n')
    const { orch, result } = JSON.parse(run.stdout)
    expect({ orch, body: result.body }).toEqual({ orch: 1, body: expect.stringContaining('From a pipe.') })
  })

  test('who acts is recorded as the command line or the environment says', async () => {
    const dir = await space.repository()
    const by = async (...args: Parameters<typeof space.json>) => (await space.json(...args)).createdBy
    expect(await by(dir, ['task', 'create', 'a'])).toBe('Ada')
    expect(await by(dir, ['task', 'create', 'b'], { env: { ORCH_ACTOR: 'claude' } })).toBe('claude')
    expect(await by(dir, ['task', 'create', 'c', '--as', 'codex'], { env: { ORCH_ACTOR: 'claude' } })).toBe('codex')
  })

  test('the private files are only for their owner', async () => {
    const dir = await space.repository()
    await space.orch(dir, ['token', 'show'])
    expect(statSync(join(dir, '.git/orch')).mode & 0o777).toBe(0o700)
    expect(statSync(join(dir, '.git/orch/daemon.sock')).mode & 0o777).toBe(0o600)
  })
})
