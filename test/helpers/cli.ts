import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
export const DIST = join(ROOT, 'dist')

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface OrchOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Another build's directory. */
  readonly dist?: string
}

/** A place for real repositories, real commands and real daemons, which all end with it. */
export interface CliSpace {
  readonly root: string
  /** A new repository with orch set up, or not. */
  repository(options?: { readonly name?: string; readonly init?: boolean }): Promise<string>
  orch(dir: string, args: readonly string[], options?: OrchOptions): Promise<Run>
  /** Runs it, expects success, and parses what `--json` printed. */
  json<T = Record<string, unknown>>(dir: string, args: readonly string[], options?: OrchOptions): Promise<T>
  git(dir: string, ...args: readonly string[]): string
  /** Process ids of the daemons that run for a repository. */
  daemonsOf(dir: string): readonly number[]
  close(): void
}

/** Makes a place for tests with the built program. Throws when it is not built. */
export function createCliSpace(): CliSpace {
  if (!existsSync(join(DIST, 'orch.js'))) throw new Error('dist/ is missing: run `npm run build` first')
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'orch-cli-')))
  const base = { ...cleanEnv(), XDG_STATE_HOME: join(root, 'state'), GIT_CONFIG_GLOBAL: '/dev/null' }
  let count = 0

  const git: CliSpace['git'] = (dir, ...args) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
      cwd: dir,
      env: base,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })

  const orch: CliSpace['orch'] = (dir, args, { env = {}, input, dist = DIST } = {}) =>
    new Promise((done, fail) => {
      const child = spawn(process.execPath, [join(dist, 'orch.js'), ...args], { cwd: dir, env: { ...base, ...env } })
      let [stdout, stderr] = ['', '']
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      child.on('error', fail)
      child.on('close', (code) => done({ code, stdout, stderr }))
      child.stdin.on('error', () => undefined)
      child.stdin.end(input ?? '')
    })

  return {
    root,
    git,
    orch,
    async repository({ name = `repository-${count++}`, init = true } = {}) {
      const dir = join(root, name)
      git(root, 'init', '--quiet', dir)
      git(dir, 'config', 'user.name', 'Ada')
      if (init) {
        const { code, stderr } = await orch(dir, ['init', '--yes'])
        if (code !== 0) throw new Error(stderr)
      }
      return dir
    },
    async json(dir, args, options) {
      const { code, stdout, stderr } = await orch(dir, [...args, '--json'], options)
      if (code !== 0) throw new Error(`orch ${args.join(' ')}: ${code} ${stdout}${stderr}`)
      return JSON.parse(stdout).result
    },
    daemonsOf: (dir) => daemonsBelow(`${dir} `),
    close() {
      for (const pid of daemonsBelow(root)) process.kill(pid, 'SIGKILL')
      rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}

/** Daemons by the directory in their command line. */
function daemonsBelow(root: string): readonly number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' }).split('\n')
  return lines
    .map((line) => /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter(
      (match) =>
        match?.[3]?.includes('daemon.mjs') && `${match[3]} `.includes(`--dir ${root}`) && !match[2]?.startsWith('Z'),
    )
    .map((match) => Number(match?.[1]))
}

/** The tests' own environment must not reach the programs: neither git's nor orch's variables. */
function cleanEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(GIT_|ORCH_|NO_COLOR|FORCE_COLOR|VITEST)/.test(name))
  return Object.fromEntries(kept) as Record<string, string>
}

/** What a daemon wrote down about itself. */
export function daemonFile(dir: string): { readonly pid: number; readonly version: string; readonly socket: string } {
  return JSON.parse(readFileSync(join(dir, '.git/orch/daemon.json'), 'utf8'))
}
