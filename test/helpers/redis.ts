import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../flow/harness.ts'

/** Whether the tests that need a real Redis can run; says loudly when not. */
export const hasRedis: boolean = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write(
      '\nSKIPPED: redis-server is not installed (npm run setup): tests of several nodes do not run\n',
    )
    return false
  }
})()

/** A real Redis server on a port and in a directory of its own. */
export interface TestRedis {
  readonly url: string
  start(): Promise<void>
  /** kill -9: loses at most what was not written to its disk yet. */
  kill(): Promise<void>
  pause(): void
  resume(): void
  /** Removes what it has on disk; while it is not running. */
  loseData(): void
  cli(...args: readonly string[]): string
  remove(): Promise<void>
}

export async function createTestRedis(): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'orch-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  const cli = (...args: readonly string[]): string =>
    execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const isUp = (): boolean => {
    try {
      return cli('ping').trim() === 'PONG'
    } catch {
      return false
    }
  }
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    cli,
    async start() {
      const options = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--save', '']
      server = spawn('redis-server', options.map(String), { stdio: 'ignore' })
      await until(isUp, 'redis answers')
    },
    async kill() {
      const ended = new Promise((resolve) => server?.once('exit', resolve))
      server?.kill('SIGKILL')
      if (server) await ended
      server = undefined
    },
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    loseData: () => rmSync(join(dir, 'appendonlydir'), { recursive: true, force: true }),
    async remove() {
      await redis.kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  await redis.start()
  return redis
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
