import { chmodSync, closeSync, copyFileSync, fsyncSync, openSync } from 'node:fs'
import { type Key, type Keyring, noKeys } from '../base/keys.ts'
import { keyOfFile, rekey } from './cipher.ts'
import { closeWhole, type Database, openDatabase, openDatabaseReadOnly } from './database.ts'

/**
 * Makes a database file of another key, or of none, beside one that nobody has open: `adjust` may change it before it is
 * closed. It is whole and on the disk when this returns; one that this throws for is to be thrown away. Throws
 * where the two do not hold the same rows.
 */
export function convertDatabase(
  { file, keyring }: { readonly file: string; readonly keyring: Keyring },
  {
    copy,
    key,
    adjust,
  }: { readonly copy: string; readonly key: Key | undefined; readonly adjust: (db: Database) => void },
): void {
  // A plain one may be opened here though none is wanted.
  const reading = { ...keyring, database: false }
  closeWhole(openDatabase(file, reading))
  const from = keyOfFile(file, reading)
  copyFileSync(file, copy)
  chmodSync(copy, 0o600)
  rekey(copy, from, key)
  const before = openDatabaseReadOnly(file, reading)
  const db = openDatabase(copy, key ? { ...reading, keys: [key] } : noKeys)
  try {
    const rows = 'SELECT count(*) AS rows, sum(crc) AS crc, sum(length(bytes)) AS bytes FROM rows'
    const isSame = JSON.stringify(before.get(rows)) === JSON.stringify(db.get(rows))
    const damage = db.all<{ integrity_check: string }>('PRAGMA integrity_check')
    if (!isSame || damage[0]?.integrity_check !== 'ok') throw new Error(`the copy of ${file} is not whole`)
    adjust(db)
  } finally {
    before.close()
    closeWhole(db)
  }
  const descriptor = openSync(copy, 'r+')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
