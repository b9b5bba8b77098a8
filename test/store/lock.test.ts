import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { acquireLock } from '../../src/store/lock.ts'

const root = mkdtempSync(join(tmpdir(), 'orch-lock-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const holder = `
  import { acquireLock } from '${new URL('../../src/store/lock.ts', import.meta.url).href}'
  console.log(acquireLock(process.argv[1]) ? 'held' : 'refused')
  if (process.argv[2] === 'stay') setInterval(() => {}, 1000)
`
const node = ['--import', 'tsx', '--input-type=module', '-e', holder]

test('one process holds it, another is refused, and it is free again after kill -9', async () => {
  const file = join(root, 'lock.db')
  const child = spawn(process.execPath, [...node, file, 'stay'], { stdio: ['ignore', 'pipe', 'inherit'] })
  expect(String((await once(child.stdout, 'data'))[0])).toBe('held\n')
  expect(acquireLock(file)).toBeUndefined()

  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = acquireLock(file)
  expect(lock).toBeDefined()
  expect(execFileSync(process.execPath, [...node, file], { encoding: 'utf8' })).toBe('refused\n')

  lock?.release()
  expect(execFileSync(process.execPath, [...node, file], { encoding: 'utf8' })).toBe('held\n')
})

test('a place that cannot be written is refused with its reason', () => {
  expect(() => acquireLock(join(root, 'missing', 'lock.db'))).toThrow(expect.objectContaining({ code: 'read_only' }))
})
