import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LogEntry } from '../../src/base/log.ts'
import { createOwnLog } from '../../src/daemon/own-log.ts'

let dir: string
let file: string
let descriptor: number
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orch-log-'))
  file = join(dir, 'daemon.log')
  descriptor = openSync(file, 'a')
})
afterEach(() => {
  closeSync(descriptor)
  rmSync(dir, { recursive: true })
})

const entryOf = (n: number): LogEntry => ({ at: 0, level: 'info', message: `line ${n}`, fields: {} })
const numbersIn = (path: string): readonly number[] =>
  [...readFileSync(path, 'utf8').matchAll(/line (\d+)/g)].map(([, n]) => Number(n))

test('a log that grows begins anew, and the lines before are kept once', () => {
  const log = createOwnLog(descriptor, 10_000)
  log.keepShort(file)
  for (let n = 0; n < 1000; n++) log.write(entryOf(n))
  expect(readdirSync(dir).sort()).toEqual(['daemon.log', 'daemon.log.1'])
  expect(statSync(file).size).toBeLessThan(11_000)
  const kept = [...numbersIn(`${file}.1`), ...numbersIn(file)]
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 1000 - kept.length + i))
  expect(kept.length).toBeGreaterThan(100)
})

test('a file that the log is not written to is left alone', () => {
  const other = openSync(join(dir, 'other'), 'a')
  const log = createOwnLog(other, 100)
  log.keepShort(file)
  for (let n = 0; n < 100; n++) log.write(entryOf(n))
  closeSync(other)
  expect(readdirSync(dir).sort()).toEqual(['daemon.log', 'other'])
  expect(numbersIn(join(dir, 'other'))).toHaveLength(100)
})
