import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'

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
