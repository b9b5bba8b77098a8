import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  forgetSearchTools,
  hideFromSearchTools,
  ignoreFileFor,
  showAgain,
  showToSearchTools,
} from '../../src/cli/search-tools.ts'

let dir: string
let exclude: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orch-search-'))
  mkdirSync(join(dir, 'info'))
  exclude = join(dir, 'info/exclude')
  writeFileSync(exclude, '# mine\n/orch/\n')
})
afterEach(() => rmSync(dir, { recursive: true }))

const ignore = (): string => readFileSync(join(dir, '.ignore'), 'utf8')

test('[P4] search tools are let in by a file of ours, which git does not see, and which goes again', () => {
  showToSearchTools(dir, exclude, '/orch/')
  expect(ignore()).toMatch(/^# Made by orch.*\n!\/orch\/\n$/)
  expect(readFileSync(exclude, 'utf8')).toBe('# mine\n/orch/\n/.ignore\n')
  showToSearchTools(dir, exclude, '/orch/')
  hideFromSearchTools(dir, '/orch/')
  forgetSearchTools(exclude)
  expect(existsSync(join(dir, '.ignore'))).toBe(false)
  expect(readFileSync(exclude, 'utf8')).toBe('# mine\n/orch/\n')
})

test('[P4] a file of the user’s own is not touched, and lines they put into ours stay', () => {
  writeFileSync(join(dir, '.ignore'), 'build/\n')
  expect(ignoreFileFor(dir)).toBeUndefined()
  showToSearchTools(dir, exclude, '/orch/')
  hideFromSearchTools(dir, '/orch/')
  expect(ignore()).toBe('build/\n')
  expect(readFileSync(exclude, 'utf8')).toBe('# mine\n/orch/\n')
  rmSync(join(dir, '.ignore'))
  showToSearchTools(dir, exclude, '/orch/')
  writeFileSync(join(dir, '.ignore'), `${ignore()}build/\n`)
  hideFromSearchTools(dir, '/orch/')
  expect(ignore()).toBe('build/\n')
})

test('a file that somebody cleaned away is made again, but not where nobody wished for it', () => {
  showAgain(dir, exclude, '/orch/')
  expect(existsSync(join(dir, '.ignore'))).toBe(false)
  showToSearchTools(dir, exclude, '/orch/')
  rmSync(join(dir, '.ignore'))
  showAgain(dir, exclude, '/orch/')
  expect(ignore()).toContain('!/orch/')
})
