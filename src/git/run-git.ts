import { spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import { createTurns } from '../base/turns.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** Set for every git of ours: never take a lock a person may need, never ask anything, speak English. */
export const fixedEnv = { GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' } as const

/**
 * The environment a git of ours runs in. A daemon started from a hook inherits `GIT_DIR` and `GIT_INDEX_FILE`, which
 * point git at the wrong repository; editors and pagers have no place in a daemon. What git starts is not told the key.
 */
export function gitEnv(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(GIT_.*|.*EDITOR|VISUAL|PAGER|ORCH_ENCRYPTION_KEY)$/i.test(entry[0]),
  )
  return { ...Object.fromEntries(kept), ...fixedEnv }
}

export interface GitRun {
  readonly git: string
  readonly args: readonly string[]
  readonly env: Record<string, string>
  readonly input: Iterable<Uint8Array>
  readonly clock: Clock
  readonly timeoutMs: number
  /** Where it runs; where this process does by default. */
  readonly cwd?: string
  /** In a session of its own: nothing that it starts can ask at a terminal. */
  readonly isApart?: boolean
  /** At the lowest priority. */
  readonly isUnhurried?: boolean
}

export interface GitResult {
  readonly code: number
  readonly pid: number | undefined
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs one git with bytes in and bytes out, which simple-git cannot. Kills nothing but its own child, when the time is up. */
export function runGit(run: GitRun): Promise<GitResult> {
  const { git, args, env, input, clock, timeoutMs, cwd, isApart = false, isUnhurried = false } = run
  return new Promise((resolve, reject) => {
    const isGroup = isApart && process.platform !== 'win32'
    const child = spawn(git, args, { env, stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true, detached: isGroup, cwd })
    if (isUnhurried && child.pid !== undefined) lower(child.pid)
    const kill = (): void => {
      // What git has started (ssh, a helper) is in the session that was made for it, and holds our end of the pipes.
      if (!isGroup || child.pid === undefined) child.kill('SIGKILL')
      else {
        try {
          process.kill(-child.pid, 'SIGKILL')
        } catch {
          // It has ended in this moment.
        }
      }
    }
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    const cancel = clock.after(timeoutMs, () => {
      stderr.push(Buffer.from(`no answer within ${timeoutMs / 1000} s\n`))
      kill()
    })
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', (error) => {
      cancel()
      reject(error)
    })
    child.on('close', (code) => {
      cancel()
      resolve({
        code: code ?? -1,
        pid: child.pid,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString('utf8'),
      })
    })
    pipeline(Readable.from(inSlices(input, clock)), child.stdin).catch((error: NodeJS.ErrnoException) => {
      // A git that ends early closes its end of the pipe; then its exit code and message tell why.
      if (error.code === undefined) reject(error)
      child.stdin.destroy()
    })
  })
}

/** What is made while it is read is made in slices. To start a program is a slice by itself. */
async function* inSlices(input: Iterable<Uint8Array>, clock: Clock): AsyncGenerator<Uint8Array> {
  const turns = createTurns(clock)
  await turns.next()
  for (const part of input) {
    yield part
    if (turns.isOver()) await turns.next()
  }
}

function lower(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It has ended already, or the system does not let us: then it runs as it is.
  }
}

/** The refusal for what a git said when it failed. `path` is the repository. */
export function gitError(said: unknown, path: string): OrchError {
  const text = said instanceof Error ? said.message : String(said)
  if (/\bENOENT\b|\bEACCES\b.*spawn|spawn .*\bEACCES\b/.test(text))
    return new OrchError('git_missing', { reason: reasonOf(text) }, said)
  if (/dubious ownership|unsafe repository/.test(text)) {
    const named = /safe\.directory '?(\S+?)'?\s*$/m.exec(text)?.[1]
    return new OrchError('git_unsafe', { path: named ?? path }, said)
  }
  return new OrchError('git_refused', { reason: complaint(text) }, said)
}

/** The line of git's answer that says what is wrong. */
export function complaint(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const line = lines.find((each) => /^(fatal|error|warning): /.test(each)) ?? lines[0] ?? 'it gave no reason'
  return line.replace(/^(fatal|error|warning): /, '')
}
