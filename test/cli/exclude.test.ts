import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addExclude, removeExclude } from '../../src/cli/exclude.ts'

const root = mkdtempSync(join(tmpdir(), 'orch-exclude-'))
const file = join(root, 'info', 'exclude')
afterAll(() => rmSync(root, { recursive: true, force: true }))

test.each([
  ['an empty file', '', '/orch/\n'],
  ['a file with lines', '# mine\n*.log\n', '# mine\n*.log\n/orch/\n'],
  ['a file without an end of line', '*.log', '*.log\n/orch/\n'],
  ['CRLF and bytes that are no UTF-8', '*.log\r\n\xff\xfe', '*.log\r\n\xff\xfe\n/orch/\n'],
  ['a file that has the line', '/orch/\n*.log\n', '/orch/\n*.log\n'],
  ['a file that has the line with CRLF', '/orch/\r\n', '/orch/\r\n'],
])('[P4] to %s one line is added, and every other byte stays', (_, before, after) => {
  addExclude(file, '/x/')
  writeFileSync(file, before, 'latin1')
  addExclude(file, '/orch/')
  addExclude(file, '/orch/')
  expect(readFileSync(file, 'latin1')).toBe(after)
})

test('[P4] the line goes, and every other byte stays', () => {
  writeFileSync(file, '*.log\r\n/orch/\n!/orch/keep\n\xff', 'latin1')
  removeExclude(file, '/orch/')
  expect(readFileSync(file, 'latin1')).toBe('*.log\r\n!/orch/keep\n\xff')
  removeExclude(file, '/orch/')
  expect(readFileSync(file, 'latin1')).toBe('*.log\r\n!/orch/keep\n\xff')
})
