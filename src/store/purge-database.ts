import { crc32 } from 'node:zlib'
import { sha256 } from '../base/hash.ts'
import type { Kinds } from '../model/kind-set.ts'
import { encodeFile, type FileStyle } from '../model/markdown.ts'
import type { Database } from './database.ts'
import { indexTableNames } from './index-tables.ts'
import { type Journal, MAIN_DOC } from './journal.ts'
import { coveredHead, coveredRow, coverOrKeep, coversOf, type Purge, parkedIn, rowsAfter } from './purges.ts'
import { encodeRow } from './row.ts'
import { type Replacement, replaced } from './secret-forms.ts'

/**
 * Takes a secret out of the database, in the transaction it is called in: rows get filler, what is only kept as text is
 * searched and replaced, and the index is dropped, to be made anew at the next open.
 */
export function purgeDatabase(
  db: Database,
  parts: {
    readonly journal: Journal
    readonly kinds: Kinds
    readonly purges: readonly Purge[]
    readonly replacements: readonly Replacement[]
  },
): { readonly rows: number } {
  const { journal, kinds, purges, replacements } = parts
  const covers = coversOf(purges)
  let rows = 0
  for (const { n, row } of rowsAfter(journal, 0)) {
    const now = coveredHead(coveredRow(covers.get(row.doc), row), replacements)
    if (now === row) continue
    const bytes = encodeRow(now)
    const { actor, session } = now
    db.run(
      'UPDATE rows SET bytes = ?, crc = ?, actor = ?, session = ? WHERE n = ?',
      bytes,
      crc32(bytes),
      actor,
      session,
      n,
    )
    rows++
  }
  for (const { id, bytes } of parkedIn(db)) {
    const now = coverOrKeep(covers.get(MAIN_DOC), bytes)
    if (now !== bytes) db.run('UPDATE parked SET bytes = ? WHERE id = ?', now, id)
  }
  for (const name of indexTableNames(kinds)) db.exec(`DROP TABLE IF EXISTS ${name}`)
  db.run("DELETE FROM meta WHERE key = 'index_stamp'")
  for (const table of tablesOf(db)) {
    if (/^mirror_(bases|intents)/.test(table)) scrubMirror(db, table, replacements)
    scrubTable(db, table, replacements)
  }
  return { rows }
}

/** Rows are covered by their places; the addresses and tokens of peers are no text of the project. */
const NOT_SEARCHED = /^(rows|peers|tokens|sqlite_.*|search_text.*)$/

function tablesOf(db: Database): readonly string[] {
  return db
    .all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .map(({ name }) => name)
    .filter((name) => !NOT_SEARCHED.test(name))
}

function scrubTable(db: Database, table: string, replacements: readonly Replacement[]): void {
  for (const { name: column } of db.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', table)) {
    for (const { text, filler } of replacements) {
      db.run(
        `UPDATE OR REPLACE "${table}" SET "${column}" = replace("${column}", ?1, ?2) WHERE typeof("${column}") = 'text' AND instr("${column}", ?1) > 0`,
        text,
        filler,
      )
    }
  }
}

/** The texts of files have hashes beside them, of the bytes that the files are about to have. */
function scrubMirror(db: Database, table: string, replacements: readonly Replacement[]): void {
  const hashOf = (text: string, style: string): string =>
    sha256(encodeFile(replaced(text, replacements), JSON.parse(style) as FileStyle))
  const isHit = (text: string): boolean => replaced(text, replacements) !== text
  if (table.startsWith('mirror_bases')) {
    const bases = db.all<{ path: string; text: string; style: string }>(`SELECT path, text, style FROM "${table}"`)
    for (const { path, text, style } of bases.filter((base) => isHit(base.text))) {
      db.run(`UPDATE "${table}" SET hash = ?, signature = '' WHERE path = ?`, hashOf(text, style), path)
    }
    return
  }
  const intents = db.all<{ name: string; from_text: string; to_text: string; style: string }>(
    `SELECT name, from_text, to_text, style FROM "${table}"`,
  )
  for (const { name, from_text: from, to_text: to, style } of intents) {
    if (isHit(from)) db.run(`UPDATE "${table}" SET from_hash = ? WHERE name = ?`, hashOf(from, style), name)
    if (isHit(to)) db.run(`UPDATE "${table}" SET to_hash = ? WHERE name = ?`, hashOf(to, style), name)
  }
}

/** Overwrites what was freed, and what the log of the database still holds. Not inside a transaction. */
export function shredFreed(db: Database): void {
  db.exec('PRAGMA secure_delete=ON')
  db.all('PRAGMA wal_checkpoint(TRUNCATE)')
  db.exec('VACUUM')
  db.all('PRAGMA wal_checkpoint(TRUNCATE)')
}
