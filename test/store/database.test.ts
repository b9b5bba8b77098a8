import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { noKeys } from '../../src/base/keys.ts'
import { openDatabase } from '../../src/store/database.ts'
import { instantSql } from '../../src/store/index-tables.ts'

const dir = mkdtempSync(join(tmpdir(), 'orch-database-'))
afterAll(() => rmSync(dir, { recursive: true }))

test.each([
  ['removed', (file: string) => rmSync(file)],
  [
    'replaced',
    (file: string) => {
      copyFileSync(file, `${file}.copy`)
      renameSync(`${file}.copy`, file)
    },
  ],
  ['removed', (file: string) => rmSync(`${file}-wal`)],
])('[P1] regression: nothing is committed into a database that was %s', (what, take) => {
  const file = join(dir, `${Math.random()}.db`)
  const db = openDatabase(file)
  db.exec('CREATE TABLE t (x)')
  db.transaction(() => db.run('INSERT INTO t VALUES (1)'))
  take(file)
  expect(() => db.transaction(() => db.run('INSERT INTO t VALUES (2)'))).toThrow(what)
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
  db.close()
})

test('[P1] what was committed relaxed is brought to disk once, when it is asked for', async () => {
  const file = join(dir, 'relaxed.db')
  const synced: string[] = []
  const db = openDatabase(file, noKeys, undefined, async (path) => void synced.push(path))
  db.exec('CREATE TABLE t (x)')
  db.transaction(() => db.run('INSERT INTO t VALUES (1)'))
  await db.synced()
  expect(synced).toEqual([])
  expect(() =>
    db.relaxed(() => {
      db.run('INSERT INTO t VALUES (2)')
      throw new Error('not 2')
    }),
  ).toThrow('not 2')
  db.transaction(() => db.relaxed(() => db.run('INSERT INTO t VALUES (3)')))
  await db.synced()
  expect(synced).toEqual([])
  db.relaxed(() => db.run('INSERT INTO t VALUES (4)'))
  db.relaxed(() => db.run('INSERT INTO t VALUES (5)'))
  await Promise.all([db.synced(), db.synced()])
  await db.synced()
  expect(synced).toEqual([`${file}-wal`, `${file}-wal`])
  expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: 2 })
  // A process that dies takes nothing back.
  const other = openDatabase(file)
  expect(other.all('SELECT x FROM t ORDER BY x')).toEqual([1, 3, 4, 5].map((x) => ({ x })))
  other.close()
  db.close()
})

test('[P1] when the disk refused what was committed relaxed, nothing is committed before it is good again', async () => {
  const file = join(dir, 'doubt.db')
  const db = openDatabase(file, noKeys, undefined, () => Promise.reject(new Error('I/O error')))
  db.exec('CREATE TABLE t (x)')
  db.relaxed(() => db.run('INSERT INTO t VALUES (1)'))
  const reader = openDatabase(file)
  reader.exec('BEGIN')
  reader.all('SELECT x FROM t')
  db.relaxed(() => db.run('INSERT INTO t VALUES (2)'))
  await expect(db.synced()).rejects.toThrow('I/O error')
  // The log cannot be emptied while somebody reads it.
  expect(() => db.transaction(() => db.run('INSERT INTO t VALUES (3)'))).toThrow('cannot be made good yet')
  expect(() => db.run('INSERT INTO t VALUES (4)')).toThrow('cannot be made good yet')
  reader.exec('COMMIT')
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(0)
  expect(db.transaction(() => statSync(`${file}-wal`).size)).toBe(0)
  await db.synced()
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }, { x: 2 }])
  reader.close()
  db.close()
})

test('a part of a transaction that throws is taken back alone; a whole one with all its parts', () => {
  const db = openDatabase(':memory:')
  db.exec('CREATE TABLE t (x)')
  const insert = (x: number): void => db.run('INSERT INTO t VALUES (?)', x)
  const failing = (x: number) => () => {
    insert(x)
    throw new Error(`not ${x}`)
  }
  db.transaction(() => {
    insert(1)
    expect(() => db.transaction(failing(2))).toThrow('not 2')
    db.transaction(() => {
      insert(3)
      expect(() => db.transaction(failing(4))).toThrow('not 4')
    })
  })
  expect(() =>
    db.transaction(() => {
      db.transaction(() => insert(5))
      throw new Error('none')
    }),
  ).toThrow('none')
  expect(db.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 1 }, { x: 3 }])
  db.close()
})

test('rows have the columns that their tables have now', () => {
  const db = openDatabase(':memory:')
  db.exec('CREATE TABLE t (a, b)')
  db.run('INSERT INTO t VALUES (1, 2)')
  const rows = (): unknown => db.all('SELECT * FROM t')
  expect(rows()).toEqual([{ a: 1, b: 2 }])
  db.exec('DROP TABLE t; CREATE TABLE t (b, a)')
  db.run('INSERT INTO t VALUES (1, 2)')
  expect(rows()).toEqual([{ b: 1, a: 2 }])
  db.exec('ALTER TABLE t ADD COLUMN c DEFAULT 3')
  expect(rows()).toEqual([{ b: 1, a: 2, c: 3 }])
  expect(db.get('SELECT * FROM t WHERE a = 9')).toBeUndefined()
})

test.each(['now', 'NOW', 'tomorrow', '', null, '2026-12-01T09:00:00+02:00', '2026-12-01', '7'])(
  'whatever stands where a time should, its row can be indexed: %j',
  (value) => {
    const db = openDatabase(':memory:')
    db.exec(`CREATE TABLE t (x TEXT); CREATE INDEX i ON t (${instantSql('x')})`)
    db.run('INSERT INTO t VALUES (?)', value)
    expect(db.all('SELECT x FROM t')).toEqual([{ x: value }])
  },
)
