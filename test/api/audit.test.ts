import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CallNote } from '../../src/api/door.ts'
import type { Operation } from '../../src/api/operation.ts'
import { OrchError } from '../../src/base/error.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createAudit } from '../../src/daemon/audit.ts'
import { alice, claude, principalOf } from '../helpers/project.ts'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orch-audit-'))
  file = join(dir, 'audit.log')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const note = (name: string, more: Partial<CallNote> & Partial<Pick<Operation, 'effect' | 'role'>> = {}): CallNote => {
  const { effect = 'write', role = 'writer', ...rest } = more
  const operation = { name, effect, role } as Operation
  return { operation, principal: principalOf(alice), milliseconds: 1, about: undefined, error: undefined, ...rest }
}

test('what changes something, what is for administrators, and what was not allowed is noted: who, what, from where', () => {
  const audit = createAudit(file, () => 0, silentLogger)
  const principal = { ...principalOf(claude, 'reader'), session: 's-1.the-key', token: 'k7' }
  audit.noteCall(note('task.update', { about: 't-1' }))
  audit.noteCall(note('task.list', { effect: 'read', role: 'reader' }))
  audit.noteCall(note('token.show', { effect: 'read', role: 'admin' }))
  audit.noteCall(note('task.delete', { principal, error: new OrchError('forbidden', { reason: 'x' }) }))
  audit.noteFailure('192.0.2.7')
  expect(audit.read({ limit: 10 })).toEqual([
    { at: '1970-01-01T00:00:00.000Z', operation: 'authenticate', outcome: 'unauthorized', from: '192.0.2.7' },
    expect.objectContaining({
      operation: 'task.delete',
      outcome: 'forbidden',
      actor: 'claude',
      session: 's-1',
      token: 'k7',
    }),
    expect.objectContaining({ operation: 'token.show', outcome: 'ok' }),
    expect.objectContaining({
      operation: 'task.update',
      about: 't-1',
      actor: 'alice',
      role: 'replica',
      from: '127.0.0.1',
    }),
  ])
  expect(audit.read({ limit: 10, actor: 'alice', operation: 'task.update' })).toHaveLength(1)
  expect(readFileSync(file, 'utf8')).not.toContain('the-key')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('it goes on after a restart and after a line that a crash cut off, and does not grow for ever', () => {
  createAudit(file, () => 0, silentLogger).noteCall(note('task.create'))
  appendFileSync(file, '{"at":"19')
  const audit = createAudit(file, () => 0, silentLogger)
  audit.noteCall(note('task.update'))
  expect(audit.read({ limit: 10 }).map(({ operation }) => operation)).toEqual(['task.update', 'task.create'])

  for (let n = 1; n <= 7; n++) {
    appendFileSync(file, `${'x'.repeat(8 * 1024 * 1024)}\n`)
    createAudit(file, () => 0, silentLogger).noteCall(note(`round.${n}`))
  }
  expect(readdirSync(dir).sort()).toEqual([
    'audit.log',
    'audit.log.1',
    'audit.log.2',
    'audit.log.3',
    'audit.log.4',
    'audit.log.5',
  ])
  expect(audit.read({ limit: 1 })[0]?.operation).toBe('round.7')
})
