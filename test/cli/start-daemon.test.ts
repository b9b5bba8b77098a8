import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { pathsOf, socketPlace } from '../../src/base/repository.ts'
import type { RepositoryContext } from '../../src/cli/context.ts'
import { isAlive, readiness, spawnDaemon } from '../../src/cli/start-daemon.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orch-start-'))
  mkdirSync(join(root, '.git'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A repository whose daemon is this program. */
function context(program: string): RepositoryContext {
  const daemonScript = join(root, 'daemon.cjs')
  writeFileSync(daemonScript, program)
  const commonDir = join(root, '.git')
  const repository = { worktree: root, mainWorktree: root, commonDir, isBare: false, isLinked: false }
  return { version: '1.0.0', repository, paths: pathsOf(repository, socketPlace({})), daemonScript, env: {} } as never
}

test('a start that takes long is not taken for a failed one: it goes on', async () => {
  const slow = context('process.stdin.resume().on("end", () => process.exit())')
  const child = spawnDaemon(slow, {}, false)
  const late = readiness(slow, child, systemClock.monotonic() + 50)
  await expect(late).rejects.toMatchObject({ code: 'daemon_start_failed', message: expect.stringMatching('goes on') })
  expect(isAlive(child.pid ?? 0)).toBe(true)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.stdin?.end()
  await ended
})

test('a program that ends without a word is a failed start', async () => {
  const broken = context('process.exit(3)')
  const child = spawnDaemon(broken, {}, false)
  await expect(readiness(broken, child)).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringMatching('ended'),
  })
})
