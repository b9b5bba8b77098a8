import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, renameSync, rmSync, watch, writeFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { sleep, systemClock } from '../base/clock.ts'
import { OrchError, toOrchError } from '../base/error.ts'
import { sha256 } from '../base/hash.ts'
import type { Keyring } from '../base/keys.ts'
import { createLogger, type Level, type Logger } from '../base/log.ts'
import { ensurePrivateDir } from '../base/private-dir.ts'
import {
  findRepository,
  identityOf,
  isStill,
  mainWorktreeOf,
  type PrivatePaths,
  pathsOf,
  socketPlace,
} from '../base/repository.ts'
import { bootId, machineId, stateHome } from '../config/host.ts'
import type { Actor } from '../model/actor.ts'
import { acquireLock, type Lock } from '../store/lock.ts'
import { type Owner, takeOwnership } from '../store/owner.ts'
import type { createDaemon, Daemon } from './daemon.ts'
import { createDrain, type Drain } from './drain.ts'
import { keyringOf, refuseUntrustedKey, takeBackIfLocked } from './keys-at-start.ts'
import { createOwnLog } from './own-log.ts'
import { configOf, gitSetting, personOf } from './settings.ts'

/** The exit code that means: another process is the daemon of this repository. */
const LOCKED_EXIT = 75
/** A start that takes longer hangs. */
const START_LIMIT_MS = 10 * 60_000
/** How long a draining predecessor's lock is waited for before giving up; a client then tries again. */
const LOCK_WAIT_MS = 250

/** What the process is given. */
export interface DaemonProcessParts {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** Loads the daemon's code, which only the holder of the lock needs. */
  readonly load: () => Promise<typeof createDaemon>
  /** The compiled worker that makes load snapshots. */
  readonly loadWorker: URL
}

/**
 * The daemon's process: takes the lock, starts the daemon, reports on descriptor 3 (with `--report`) one line of JSON:
 * ready, locked, or the error, and runs until it is told to drain. `--attached` ends it when standard input ends. With
 * words, it runs that errand instead and reports what came of it.
 */
export async function runDaemonProcess({ argv, env, version, load, loadWorker }: DaemonProcessParts): Promise<void> {
  const { values: options, positionals: errand } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      dir: { type: 'string', default: process.cwd() },
      init: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
      report: { type: 'boolean', default: false },
      attached: { type: 'boolean', default: false },
    },
  })
  const report = (line: object): void => {
    if (options.report) reportLine(line)
  }
  let log = loggerAt('info')
  let lock: Lock | undefined
  let owner: Owner | undefined
  let daemon: Daemon | undefined
  try {
    const repository = findRepository(options.dir)
    const mainWorktree = mainWorktreeOf(repository)
    const paths = pathsOf(repository, socketPlace(env))
    if (errand.length > 0) {
      const { config } = await configOf(mainWorktree, env, options.set)
      const { runErrand } = await import('../errands/errands.ts')
      const { commonDir } = repository
      const person = (): Promise<Actor> => personOf(mainWorktree, env)
      const keyring = (): Promise<Keyring> => keyringOf(config, env, mainWorktree)
      const log = loggerAt('error')
      report(await runErrand(errand, { config, env, mainWorktree, commonDir, paths, person, keyring, log }))
      return
    }
    ensurePrivateDir(paths.dir)
    lock = await takeLock(paths.lock)
    if (!lock) {
      report({ locked: true })
      process.exitCode = LOCKED_EXIT
      return
    }
    ownLog.keepShort(paths.log)
    owner = await takeOwnership({
      file: paths.owner,
      facts: { machine: machineId(), boot: bootId(), host: hostname(), pid: process.pid, instance: randomUUID() },
      clock: systemClock,
      log,
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    })
    const { config, notices, orchrc, drift } = await configOf(mainWorktree, env, options.set)
    const isNew = !existsSync(paths.database)
    if (isNew && options.init === undefined) throw new OrchError('not_initialised', { path: mainWorktree })
    log = loggerAt(config['log.level'])
    if (isNew) refuseUntrustedKey(notices)
    const keyring = await keyringOf(config, env, mainWorktree)
    if (keyring.keys.length > 0) (await import('../errands/encryption.ts')).removeCopy(paths)
    await finishJoinIfAny(paths, { commonDir: repository.commonDir, keyring, env, log })
    const hanging = setTimeout(() => {
      log.error('the start hangs, and is given up')
      process.exit(1)
    }, START_LIMIT_MS)
    const [held, owned] = [lock, owner]
    let again = false
    const drain = createDrain({
      stop: async () => daemon?.stop(),
      release() {
        rmSync(paths.daemonFile, { force: true })
        owned.release()
        held.release()
        if (again) startAgain(argv)
      },
      exit: (code) => process.exit(code),
      servesMs: config.drainMs,
      clock: systemClock,
      log,
    })
    const [create, person, mail] = await Promise.all([
      load(),
      personOf(mainWorktree, env),
      gitSetting(mainWorktree, env, 'user.email'),
    ])
    const building = create(config, options.init ?? basename(mainWorktree), {
      version,
      paths,
      commonDir: repository.commonDir,
      mainWorktree,
      common: identityOf(repository.commonDir),
      stateHome: stateHome(env),
      person,
      mail,
      keyring,
      loadWorker,
      env,
      clock: systemClock,
      random: (bytes) => randomBytes(bytes),
      log,
      notices,
      configDrift: drift,
      assertOwned: owned.assertOwned,
      crashAt: env.ORCH_CRASH_AT,
      // It may have been moved away, with the repository.
      drain: () => drain({ isDatabaseGone: !existsSync(paths.database) }),
      restart() {
        again = !options.attached
        drain()
      },
    })
    daemon = await building.catch((error: unknown) => {
      if (isNew) takeBackIfLocked(error, paths.database)
      throw error
    })
    // Nothing may be written any more, and all that was acknowledged is durable.
    owned.keep(() => process.exit(1))
    endOn(drain, options.attached, log)
    await daemon.start()
    clearTimeout(hanging)
    writeDaemonFile(paths, { version, orchrc: orchrc === undefined ? '' : sha256(orchrc) })
    watchPrivateState(paths, drain, log)
    log.info('the daemon is ready', { pid: process.pid, version })
    if (env.ORCH_MEASURE) (await import('./measure.ts')).measure(log, systemClock)
    report({ ready: true, pid: process.pid })
  } catch (error) {
    const refusal = toOrchError(error)
    // Who asked for an errand is told by the report.
    if (errand.length === 0) log.error('the daemon did not start', { error })
    report({ error: refusal.toBody() })
    owner?.release()
    lock?.release()
    process.exit(refusal.exit)
  }
}

/** Before the database is opened: another one may have to take its place. */
async function finishJoinIfAny(
  paths: PrivatePaths,
  parts: {
    readonly commonDir: string
    readonly keyring: Keyring
    readonly env: DaemonProcessParts['env']
    readonly log: Logger
  },
): Promise<void> {
  if (!existsSync(join(paths.dir, 'join')) && !existsSync(join(paths.dir, 'join.json'))) return
  const { commonDir, keyring, env, log } = parts
  const { finishJoin } = await import('../errands/join-swap.ts')
  const { openGitRepo } = await import('../git/real-git-repo.ts')
  const repo = openGitRepo({ commonDir, env, clock: systemClock, random: (bytes) => randomBytes(bytes) })
  await finishJoin({ paths, keyring, repo, log })
}

async function takeLock(file: string): Promise<Lock | undefined> {
  const until = systemClock.monotonic() + LOCK_WAIT_MS
  for (;;) {
    const lock = acquireLock(file)
    if (lock || systemClock.monotonic() > until) return lock
    const stayAwake = setTimeout(() => undefined, LOCK_WAIT_MS)
    await sleep(systemClock, 10)
    clearTimeout(stayAwake)
  }
}

/** Starts this program once more. Nobody waits for its report. */
function startAgain(argv: readonly string[]): void {
  const args = [...process.execArgv, process.argv[1] ?? '', ...argv.filter((word) => word !== '--report')]
  spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'inherit', 'inherit'], windowsHide: true }).unref()
}

function endOn(drain: Drain, attached: boolean, log: Logger): void {
  process.on('SIGTERM', () => drain())
  process.on('SIGINT', () => drain())
  // The terminal it was started from may go.
  process.on('SIGHUP', () => undefined)
  if (attached)
    process.stdin
      .on('end', () => drain())
      .on('error', () => drain())
      .resume()
  const crash = (error: unknown): void => {
    // What state is left is unknown; all that was acknowledged is durable, and the next command starts another.
    log.error('the daemon ends after an unexpected error', { error })
    process.exit(1)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}

/** For people and messages; the lock alone decides who is the daemon. */
function writeDaemonFile(paths: PrivatePaths, facts: { readonly version: string; readonly orchrc: string }): void {
  const temporary = `${paths.daemonFile}.${process.pid}`
  const startedAt = new Date(systemClock.now()).toISOString()
  writeFileSync(
    temporary,
    `${JSON.stringify({ pid: process.pid, ...facts, socket: paths.socket, startedAt }, null, 2)}\n`,
  )
  renameSync(temporary, paths.daemonFile)
}

/** Ends the daemon when its private state is taken away under it: another could start then, and both would write the files. */
function watchPrivateState(paths: PrivatePaths, drain: Drain, log: Logger): void {
  const mine = [paths.lock, paths.database].map((file) => ({ file, identity: identityOf(file) }))
  const check = (): void => {
    const gone = mine.findLast(({ file, identity }) => !isStill(file, identity))
    if (!gone) return
    log.error('the private state of the daemon was removed or replaced', { file: gone.file })
    drain({ isDatabaseGone: gone.file === paths.database })
  }
  try {
    watch(paths.dir, { persistent: false }, (event) => event === 'rename' && check()).on('error', check)
  } catch (error) {
    log.warn('the private directory cannot be watched', { error })
  }
}

function reportLine(line: object): void {
  try {
    writeSync(3, `${JSON.stringify(line)}\n`)
  } catch {
    // Whoever asked is gone; the daemon stays for the next.
  }
}

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

const ownLog = createOwnLog(2)

/** Writes to standard error, which is the log file. */
function loggerAt(least: Level): Logger {
  const write: typeof ownLog.write = (entry) => {
    if (LEVELS.indexOf(entry.level) >= LEVELS.indexOf(least)) ownLog.write(entry)
  }
  return createLogger(write, systemClock.now)
}
