import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createMeta } from '../../src/store/schema.ts'
import { formatFixture } from '../helpers/fixture.ts'
import { byAlice, byClaude, createTestProject } from '../helpers/project.ts'
import { createMemoryDatabase, withFaults } from '../memory/database.ts'

const dir = mkdtempSync(join(tmpdir(), 'orch-format-'))
afterAll(() => rmSync(dir, { recursive: true }))

const LOGIN = 't-7f3k9q2m' as RecordId
const GONE = 't-7f3k9q2n' as RecordId
const PAGE = 'p-7f3k9q2p' as RecordId

/** A whole database as this version makes it, in one file. */
async function sampleDatabase(): Promise<Uint8Array> {
  const file = join(dir, 'sample.db')
  const db = openDatabase(file)
  const { project } = createTestProject({ database: withFaults(db), name: 'golden' })
  await project.transact(byAlice, (tx) => {
    tx.create(task, { title: 'Fix login 日本語 😀', labels: ['api', 'bug'], body: 'one\n' }, { id: LOGIN })
    tx.create(task, { title: 'Gone' }, { id: GONE })
    tx.create(page, { title: 'How we work', body: '# How\n' }, { id: PAGE })
  })
  await project.transact(byClaude, (tx) => {
    tx.update(task, LOGIN, {
      set: { status: 'completed' },
      increment: { spentHours: 0.25 },
      edit: { body: [{ at: 3, delete: 0, insert: ' two' }] },
    })
    tx.delete(task, GONE)
    tx.setKey('state', 'currentPhase', { name: 'beta', step: 2 })
  })
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  return readFileSync(file)
}

const made = process.env.ORCH_WRITE_FIXTURES === '1' ? await sampleDatabase() : new Uint8Array()

test('a database of format 1 opens with all its records, and can be written to', async () => {
  const file = join(dir, 'golden.db')
  writeFileSync(
    file,
    formatFixture('database-1.db', () => made),
  )
  const db = openDatabase(file)
  const { project } = createTestProject({ database: withFaults(db) })
  expect(project).toMatchObject({ name: 'golden', id: createMeta(db).get('project_id') })
  expect(project.rowCount()).toBe(2)
  expect(project.read(task, LOGIN)).toMatchObject({
    values: {
      title: 'Fix login 日本語 😀',
      status: 'completed',
      priority: 'medium',
      labels: ['api', 'bug'],
      body: 'one two\n',
      spentHours: 0.25,
      createdBy: 'alice',
      closedAt: '2026-11-23T08:00:00.000Z',
    },
    file: `${LOGIN}-fix-login-日本語.md`,
    updatedBy: 'claude',
    updatedAt: Date.UTC(2026, 10, 23, 8),
  })
  expect(project.read(task, GONE)).toMatchObject({ deletedBy: 'claude' })
  expect(project.ids(page)).toEqual([PAGE])
  expect(project.readKeys('state').get('currentPhase')).toMatchObject({
    value: { name: 'beta', step: 2 },
    updatedBy: 'claude',
  })
  expect(project.checkIndex(createMemoryDatabase())).toEqual([])
  await project.transact(byAlice, (tx) => tx.update(task, LOGIN, { set: { title: 'New' } }))
  expect(project.read(task, LOGIN)?.values.title).toBe('New')
  db.close()
})

test('a database of a newer format is refused, and not a byte of it changes', () => {
  const file = join(dir, 'newer.db')
  copyFileSync(join(import.meta.dirname, '../fixtures/formats/database-1.db'), file)
  const newer = openDatabase(file)
  newer.exec('PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)')
  newer.close()
  const before = readFileSync(file)
  const db = openDatabase(file)
  expect(() => createTestProject({ database: withFaults(db) })).toThrow(
    expect.objectContaining({ code: 'database_newer' }),
  )
  db.close()
  expect(readFileSync(file).equals(before)).toBe(true)
})
