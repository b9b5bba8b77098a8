import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { systemClock } from '../base/clock.ts'
import { type ErrorBody, OrchError, reasonOf } from '../base/error.ts'
import { writeNewFile } from '../base/new-file.ts'
import { ensurePrivateDir } from '../base/private-dir.ts'
import { mainWorktreeOf } from '../base/repository.ts'
import type { PurgeReport } from '../model/purge-report.ts'
import { drain, greet } from './client.ts'
import type { RepositoryContext } from './context.ts'

/** What the daemon's program reports on its third pipe when it knows. */
export type Report =
  | { readonly ready: true; readonly pid: number }
  /** Another process holds the lock. */
  | { readonly locked: true }
  | { readonly error: ErrorBody }
  /** What came of an errand. */
  | { readonly plan: Plan }
  | { readonly trusted: true }
  | { readonly removal: Removal }
  | { readonly join: JoinReport }
  | { readonly cert: CertificateReport }
  | { readonly rebuilt: { readonly rows: number; readonly records: number } }
  | { readonly purge: PurgeReport }
  | { readonly encryption: EncryptionReport }

/** Places that the configuration decides. */
export interface Plan {
  readonly mirror: string
  readonly branch: string
  readonly stateHome: string
  /** Whether git tracks files where the mirror is to be. */
  readonly isTracked: boolean
}

/** What became of the files of the mirror: how many are gone, and which stay, below it. */
export interface Removal {
  readonly removed: number
  readonly kept: readonly string[]
}

/** What joining another project makes. See src/join.ts. */
export interface JoinReport {
  readonly from: { readonly id: string; readonly name: string }
  readonly into: { readonly id: string; readonly name: string }
  readonly counts: Readonly<Record<string, number>>
  readonly there: Readonly<Record<string, number>>
  readonly deleted: number
  readonly renamed: readonly { readonly id: string; readonly to?: string }[]
  readonly keys: readonly { readonly key: string; readonly as?: string }[]
  readonly database: string
  readonly branch?: string
}

/** How many databases were converted, and the keys that they, and the rows in git from now on, are encrypted with; '' for none. */
export interface EncryptionReport {
  readonly converted: number
  readonly key: string
  readonly git: string
}

/** The daemon's certificate. See src/api/http/certificate.ts. */
export interface CertificateReport {
  readonly file: string
  readonly pin: string
  readonly names: readonly string[]
  readonly expiresAt: string
  readonly isNew: boolean
}

export interface StartOptions {
  /** Make the project if there is none: its name. */
  readonly init?: string
  /** `name=value` of the configuration. */
  readonly set?: readonly string[]
}

/** For so long a command waits. A start may take longer: a new version makes the index of a large project anew. */
const START_TIMEOUT_MS = 15_000
const RETRY_MS = 20

/**
 * Sees to it that a daemon runs. Of many callers at once one starts it and the others wait for that one. Throws
 * `not_initialised`, `bare_repository`, the daemon's own reason, or `daemon_start_failed`.
 */
export async function ensureDaemon(context: RepositoryContext, options: StartOptions = {}): Promise<void> {
  const { paths, repository } = context
  if (options.init === undefined && !existsSync(paths.database)) {
    throw new OrchError('not_initialised', { path: mainWorktreeOf(repository) })
  }
  const deadline = systemClock.monotonic() + START_TIMEOUT_MS
  while (systemClock.monotonic() < deadline) {
    if (claimStart(paths.starting)) {
      try {
        if (await startOnce(context, options, deadline)) return
      } finally {
        rmSync(paths.starting, { force: true })
      }
    }
    // Not a guess at how long a start takes: each round asks whether the daemon is there.
    await sleepAwake(RETRY_MS)
    if (await greet(context)) return
  }
  throw failed(context, 'another process holds its lock but does not answer')
}

/**
 * Puts a daemon of this version in the place of the one that runs. The start is claimed before that one is asked to end,
 * so that no older command, of many that write at this moment, starts its own again in between.
 */
export async function replaceDaemon(context: RepositoryContext): Promise<void> {
  const deadline = systemClock.monotonic() + START_TIMEOUT_MS
  if (!claimStart(context.paths.starting)) {
    // Somebody else starts or replaces it: what comes of that is asked anew.
    await sleepAwake(RETRY_MS)
    return
  }
  try {
    await drain(context)
    await startOnce(context, {}, deadline)
  } finally {
    rmSync(context.paths.starting, { force: true })
  }
}

type ErrandKey = 'plan' | 'trusted' | 'removal' | 'join' | 'cert' | 'rebuilt' | 'purge' | 'encryption'

/** Lets the daemon's program do something else than to be the daemon: see src/errands.ts. Throws its refusal. */
export async function runErrand<K extends ErrandKey>(
  context: RepositoryContext,
  words: readonly string[],
  key: K,
  options: { readonly set?: readonly string[]; readonly timeoutMs?: number; readonly input?: string } = {},
): Promise<Extract<Report, { readonly [_ in K]: unknown }>[K]> {
  const { set = [], timeoutMs = START_TIMEOUT_MS, input } = options
  const stdin = input === undefined ? 'ignore' : 'pipe'
  const child = run(context, [...words, ...flagsOf(set)], [stdin, 'ignore', 'inherit', 'pipe'], true)
  child.stdin?.end(input)
  const report = await reportOf(context, child, systemClock.monotonic() + timeoutMs)
  // Whoever asked has given up: nothing may be done in their name any more.
  if (report === undefined) child.kill()
  if (report !== undefined && key in report) return (report as never)[key]
  throw failed(context, `it does not answer ${words[0]}`)
}

/** Starts the program in the background and waits until it is ready; false when another one runs. */
async function startOnce(context: RepositoryContext, options: StartOptions, deadline: number): Promise<boolean> {
  const child = spawnDaemon(context, options, true)
  try {
    return await readiness(context, child, deadline)
  } finally {
    child.unref()
  }
}

/** Starts the daemon's program: on its own, or attached to this process, whose end it then follows. */
export function spawnDaemon(context: RepositoryContext, options: StartOptions, detached: boolean): ChildProcess {
  ensurePrivateDir(context.paths.dir)
  const log = openLog(context.paths.log)
  const args = flagsOf(options.set ?? [])
  if (options.init !== undefined) args.push('--init', options.init)
  if (!detached) args.push('--attached')
  try {
    return run(context, args, [detached ? 'ignore' : 'pipe', log, log, 'pipe'], detached)
  } finally {
    closeSync(log)
  }
}

/** Waits for a started program's report: true when it is ready, false when another one runs. Throws the daemon's own reason. */
export async function readiness(
  context: RepositoryContext,
  child: ChildProcess,
  deadline = systemClock.monotonic() + START_TIMEOUT_MS,
): Promise<boolean> {
  const report = await reportOf(context, child, deadline)
  // Killed, it would begin again from nothing with the next command, and never be done.
  if (report === undefined) throw failed(context, 'it is not ready yet, and goes on: try again in a moment')
  return 'ready' in report
}

function flagsOf(set: readonly string[]): string[] {
  return set.flatMap((setting) => ['--set', setting])
}

function run(
  { repository, daemonScript, env }: RepositoryContext,
  args: readonly string[],
  stdio: StdioOptions,
  detached: boolean,
): ChildProcess {
  const place = ['--report', '--dir', repository.mainWorktree ?? repository.commonDir]
  return spawn(process.execPath, [daemonScript, ...place, ...args], {
    cwd: repository.commonDir,
    detached,
    env: env as NodeJS.ProcessEnv,
    stdio,
    windowsHide: true,
  })
}

/** What a started program reports; undefined when it has not until the deadline. Throws its own reason when it has ended. */
async function reportOf(
  context: RepositoryContext,
  child: ChildProcess,
  deadline: number,
): Promise<Exclude<Report, { error: ErrorBody }> | undefined> {
  const pipe = child.stdio[3] as Readable
  const report = await readLine(pipe, deadline)
  pipe.destroy()
  if (report === 'closed') {
    throw failed(context, child.exitCode === null ? 'it has ended' : `it ended with ${child.exitCode}`)
  }
  if (report !== undefined && 'error' in report) throw OrchError.fromBody(report.error)
  return report
}

/** Whether this process is the one that starts the daemon. Only a courtesy that saves useless starts: the daemon's lock decides. */
function claimStart(file: string): boolean {
  try {
    writeNewFile(file, String(process.pid))
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EEXIST') throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
  if (!isStale(file)) return false
  rmSync(file, { force: true })
  return false
}

function isStale(file: string): boolean {
  try {
    if (systemClock.now() - statSync(file).mtimeMs > START_TIMEOUT_MS) return true
    const pid = Number(readFileSync(file, 'utf8'))
    // Empty: it is being written this moment.
    return pid > 0 && !isAlive(pid)
  } catch {
    // Gone meanwhile.
    return false
  }
}

/** Whether a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Undefined when nothing came until the deadline. */
function readLine(pipe: Readable, deadline: number): Promise<Report | 'closed' | undefined> {
  return new Promise((resolve) => {
    let text = ''
    const timer = setTimeout(() => resolve(undefined), deadline - systemClock.monotonic())
    const end = (readiness: Report | 'closed'): void => {
      clearTimeout(timer)
      resolve(readiness)
    }
    pipe.setEncoding('utf8')
    pipe.on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n')) end(JSON.parse(text) as Report)
    })
    pipe.on('close', () => end('closed'))
  })
}

function openLog(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (error) {
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}

function failed({ paths }: RepositoryContext, reason: string): OrchError {
  return new OrchError('daemon_start_failed', { reason, log: paths.log })
}

/** Unlike the clock of the daemon's parts, a timer that keeps the process alive. */
export function sleepAwake(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
