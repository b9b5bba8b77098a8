import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isStorageFailure } from '../../src/base/error.ts'
import { type Keyring, noKeys } from '../../src/base/keys.ts'
import { kindOfFile, rekey } from '../../src/store/cipher.ts'
import { closeWhole, type Database, openDatabase, openDatabaseReadOnly } from '../../src/store/database.ts'
import { readNewest, writeSnapshotFile } from '../../src/store/file-load-snapshots.ts'
import { openDatabaseForSelects } from '../../src/store/select-database.ts'
import { describeCiphered, keyOf, ringOf } from '../helpers/cipher.ts'

const dir = mkdtempSync(join(tmpdir(), 'orch-cipher-'))
afterAll(() => rmSync(dir, { recursive: true }))
let files = 0
const newFile = (): string => join(dir, `${++files}.db`)

/** In fields, in full text and in bytes. */
const MARKER = 'Quetzalcoatlus'

function fill(db: Database): void {
  db.exec("CREATE TABLE t (a TEXT, n INTEGER, b BLOB); CREATE VIRTUAL TABLE f USING fts5(x, tokenize='trigram')")
  db.transaction(() => {
    for (let n = 0; n < 500; n++) db.run('INSERT INTO t VALUES (?, ?, ?)', `${MARKER} ${n}`, n, Buffer.from(MARKER))
    db.run('INSERT INTO f VALUES (?)', `a ${MARKER} flies`)
  })
}

const holding = (file: string): readonly string[] =>
  readdirSync(dir).filter((name) => join(dir, name).startsWith(file) && readFileSync(join(dir, name)).includes(MARKER))

const codeOf = (work: () => unknown): unknown => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return (error as { code?: unknown }).code ?? String(error)
  }
}

test('[E4] a plain database that is to be encrypted is refused as it is, and nothing is written', () => {
  const file = newFile()
  fill(openDatabase(file))
  const before = readFileSync(file)
  expect(codeOf(() => openDatabase(file, ringOf(keyOf(1))))).toBe('not_encrypted')
  expect(codeOf(() => openDatabaseReadOnly(file, ringOf(keyOf(1))))).toBe('not_encrypted')
  expect(readFileSync(file)).toEqual(before)
  // Only git is to be encrypted.
  openDatabase(file, { ...ringOf(keyOf(1)), database: false }).close()
})

test('[E4] a load snapshot is sealed under its name; one that does not open is passed over', () => {
  const [place, ring] = [join(dir, 'load'), ringOf(keyOf(1))]
  const state = Buffer.from(MARKER)
  writeSnapshotFile(place, { n: 7, state }, ring)
  const bytes = readFileSync(join(place, 'load-7.bin'))
  expect(bytes.includes(MARKER)).toBe(false)
  const read = (keyring: Keyring): unknown => readNewest(place, keyring, () => undefined)?.n
  expect([read(ring), read(ringOf(keyOf(2), keyOf(1))), read(ringOf(keyOf(2))), read(noKeys)]).toEqual([
    7,
    7,
    undefined,
    undefined,
  ])
  writeFileSync(join(place, 'load-8.bin'), bytes)
  expect(read(ring)).toBe(7)
  writeSnapshotFile(place, { n: 9, state })
  expect(readFileSync(join(place, 'load-9.bin')).includes(MARKER)).toBe(true)
})

describeCiphered('encrypted databases', () => {
  test('[E1] nothing of what is in one can be read in any of its files, open or closed', () => {
    for (const ring of [noKeys, ringOf(keyOf(1))]) {
      const file = newFile()
      const db = openDatabase(file, ring)
      fill(db)
      const isFound = ring === noKeys
      expect(holding(file).length > 0).toBe(isFound)
      closeWhole(db)
      expect(holding(file).length > 0).toBe(isFound)
    }
  })

  test('it answers as a plain one does', () => {
    const answers = [noKeys, ringOf(keyOf(1))].map((ring) => {
      const file = newFile()
      const db = openDatabase(file, ring)
      fill(db)
      const part = codeOf(() =>
        db.transaction(() => {
          db.run('INSERT INTO t VALUES (1, 2, 3)')
          throw new Error('no')
        }),
      )
      const other = openDatabaseReadOnly(file, ring)
      const write = codeOf(() => other.run("INSERT INTO t VALUES ('', 1, '')"))
      const given = [
        other.get('SELECT count(*) AS n, max(a) AS a FROM t'),
        other.get('SELECT typeof(?) AS a, typeof(?) AS b, typeof(?) AS c, ? AS d', 5, 5.5, 2 ** 40, null),
        other.get('SELECT ?1 AS a, ?2 AS b, ?1 AS c', 1, 'x'),
        other.all('SELECT rowid FROM f WHERE f MATCH ?', 'coatl'),
        other.get('SELECT b FROM t LIMIT ?', 1),
        other.get('SELECT a FROM t WHERE n = ?', 1000),
        db.get('INSERT INTO t VALUES (?, ?, ?) RETURNING n', 'x', 2, new Uint8Array([1])),
        db.get('PRAGMA user_version'),
        db.all('PRAGMA quick_check'),
        db.get<{ b: Uint8Array }>('SELECT b FROM t')?.b.constructor.name,
        part,
        typeof write,
      ]
      other.close()
      db.close()
      return JSON.stringify(given)
    })
    expect(answers[0]).toContain('coatlus 99')
    expect(answers[1]).toBe(answers[0])
  })

  test('[E4] without its key one is refused by code, with the name of the key, and stays as it is', () => {
    const file = newFile()
    const db = openDatabase(file, ringOf(keyOf(1)))
    fill(db)
    closeWhole(db)
    const before = readFileSync(file)
    expect(kindOfFile(file)).toEqual({ keyId: keyOf(1).id })
    for (const open of [openDatabase, openDatabaseReadOnly]) {
      expect(codeOf(() => open(file, noKeys))).toBe('key_missing')
      expect(codeOf(() => open(file, ringOf(keyOf(2))))).toBe('key_wrong')
      expect(() => open(file, ringOf(keyOf(2)))).toThrow(keyOf(1).id)
    }
    expect(readFileSync(file)).toEqual(before)
    expect(readdirSync(dir).filter((name) => name.startsWith(`${files}.`))).toEqual([`${files}.db`])
    const again = openDatabase(file, ringOf(keyOf(2), keyOf(1)))
    expect(again.get('SELECT count(*) AS n FROM t')).toEqual({ n: 500 })
    again.close()
  })

  test('[E4] changed bytes are an error, not other content', () => {
    const file = newFile()
    const db = openDatabase(file, ringOf(keyOf(1)))
    fill(db)
    closeWhole(db)
    const bytes = readFileSync(file)
    for (const at of [200, 5000, bytes.length - 40]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(file, changed)
      let [found, damaged]: [unknown?, Database?] = []
      try {
        damaged = openDatabaseReadOnly(file, ringOf(keyOf(1)))
        found = damaged.all('PRAGMA quick_check')
      } catch (error) {
        found = error
      } finally {
        damaged?.close()
      }
      expect(found, `byte ${at}`).not.toEqual([{ quick_check: 'ok' }])
      if (found instanceof Error) expect(isStorageFailure(found)).toBe(true)
    }
  })

  test('a program that is at fault is told from a disk that is, as with a plain one', () => {
    for (const ring of [noKeys, ringOf(keyOf(1))]) {
      const db = openDatabase(newFile(), ring)
      db.exec('CREATE TABLE t (a UNIQUE)')
      db.run('INSERT INTO t VALUES (1)')
      const faults = ['INSERT INTO t VALUES (1)', 'SELECT nothing', 'SELECT 1 FROM nowhere'].map((sql) => {
        try {
          db.run(sql)
          return 'no error'
        } catch (error) {
          return isStorageFailure(error)
        }
      })
      expect(faults).toEqual([false, false, false])
      db.close()
    }
  })

  test('[E6] a copy is encrypted, by another key, and made plain again, and holds the same', () => {
    const file = newFile()
    const db = openDatabase(file)
    fill(db)
    closeWhole(db)
    const steps = [undefined, keyOf(1), keyOf(2), undefined]
    for (const [at, to] of steps.entries()) {
      if (at > 0) rekey(file, steps[at - 1], to)
      const kind = kindOfFile(file)
      expect(kind).toEqual(to ? { keyId: to.id } : 'plain')
      expect(holding(file).length > 0).toBe(to === undefined)
      const opened = openDatabaseReadOnly(file, to ? ringOf(to) : noKeys)
      expect(opened.get('SELECT count(*) AS n FROM t')).toEqual({ n: 500 })
      expect(opened.get('SELECT rowid FROM f WHERE f MATCH ?', 'coatl')).toEqual({ rowid: 1 })
      expect(opened.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
      opened.close()
    }
  })

  test("a person's SQL is answered, and reads no table that is not named", () => {
    const file = newFile()
    const db = openDatabase(file, ringOf(keyOf(1)))
    db.exec('CREATE TABLE tasks (id TEXT PRIMARY KEY, n INTEGER, x) WITHOUT ROWID; CREATE TABLE peers (token TEXT)')
    db.run('INSERT INTO tasks VALUES (?, ?, ?)', 't-1', 5, null)
    db.run('INSERT INTO peers VALUES (?)', MARKER)
    const asked = openDatabaseForSelects({
      databaseFile: file,
      key: keyOf(1),
      tables: ['tasks', 'missing'],
      views: { first: 'SELECT id FROM tasks LIMIT 1' },
    })
    const query = (sql: string): unknown => [...asked.query(sql).values]
    expect(query('SELECT id, n, typeof(n), x FROM tasks')).toEqual([['t-1', 5, 'integer', null]])
    expect(query('SELECT * FROM first')).toEqual([['t-1']])
    for (const sql of ['SELECT * FROM peers', "INSERT INTO tasks VALUES ('a', 1, 1)", "ATTACH 'x.db' AS y"]) {
      expect(() => query(sql)).toThrow()
    }
    asked.close()
    db.close()
  })
})
