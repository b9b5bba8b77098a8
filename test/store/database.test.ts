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
