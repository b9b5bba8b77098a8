import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const orchProgram = resolve(import.meta.dirname, '../../dist/orch.js')

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A real repository in a temporary folder, with a home of its own, and the built command to use in it. */
export interface TestRepo {
  readonly dir: string
  readonly mirror: string
  readonly env: Readonly<Record<string, string>>
  /** Runs `orch` and gives what it said, whatever the exit code. */
  run(
    args: readonly string[],
    options?: {
      readonly input?: string
      readonly cwd?: string
      readonly env?: Record<string, string>
      readonly uid?: number
    },
  ): Promise<Result>
  /** Runs `orch … --json`; throws when it fails. */
  json<T>(...args: readonly string[]): Promise<T>
  git(...args: readonly string[]): string
  read(path: string): string
  write(path: string, text: string): void
  /** Stops the daemon, if there is one, and removes everything. */
  remove(): Promise<void>
}

export interface TestRepoOptions {
  /** Run `orch init --yes`; by default yes. */
  readonly init?: boolean
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
}

export async function createTestRepo(options: TestRepoOptions = {}): Promise<TestRepo> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'orch-flow-')))
  const dir = join(root, options.name ?? 'demo')
  const home = join(root, 'home')
  mkdirSync(dir)
  mkdirSync(home)
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    ...options.env,
  }
  const repo = openTestRepo(dir, env, root)
  repo.git('init', '--quiet', '--initial-branch=main')
  repo.git('config', 'user.name', 'Ada')
  repo.git('config', 'user.email', 'ada@example.com')
  repo.write('README.md', '# demo\n')
  repo.git('add', '.')
  repo.git('commit', '--quiet', '-m', 'first')
  if (options.init ?? true) await must(repo.run(['init', '--yes', '--name', options.name ?? 'demo']))
  return repo
}

/** The same for a folder that is there. */
export function openTestRepo(dir: string, env: Readonly<Record<string, string>>, removeDir = dir): TestRepo {
  const run: TestRepo['run'] = (args, { input, cwd, env: more, uid } = {}) =>
    new Promise((resolvePromise, reject) => {
      const child = spawn(process.execPath, [orchProgram, ...args], {
        cwd: cwd ?? dir,
        env: { ...env, ...more },
        ...(uid === undefined ? {} : { uid, gid: uid }),
      })
      const out: Buffer[] = []
      const err: Buffer[] = []
      child.stdout.on('data', (data: Buffer) => out.push(data))
      child.stderr.on('data', (data: Buffer) => err.push(data))
      child.on('error', reject)
      child.on('close', (code) =>
        resolvePromise({
          code: code ?? -1,
          stdout: Buffer.concat(out).toString(),
          stderr: Buffer.concat(err).toString(),
        }),
      )
      child.stdin.end(input ?? '')
    })
  return {
    dir,
    mirror: join(dir, 'orch'),
    env,
    run,
    async json<T>(...args: readonly string[]) {
      const { stdout } = await must(run([...args, '--json']))
      return (JSON.parse(stdout) as { result: T }).result
    },
    git: (...args) =>
      execFileSync('git', args, { cwd: dir, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim(),
    read: (path) => readFileSync(join(dir, path), 'utf8'),
    write(path, text) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), text)
    },
    async remove() {
      await run(['stop'])
      rmSync(removeDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Gives a result, or throws what the command said when it failed. */
export async function must(result: Promise<Result>): Promise<Result> {
  const done = await result
  if (done.code !== 0) throw new Error(`exit code ${done.code}\n${done.stdout}\n${done.stderr}`)
  return done
}

/** Polls until a condition holds; for what other processes do in their own time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolvePromise) => setTimeout(resolvePromise, 25))
  }
}

/** How often a word stands in a text. */
export const countOf = (text: string, word: string): number => text.split(word).length - 1
