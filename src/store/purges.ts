import { crc32 } from 'node:zlib'
import { sha256 } from '../base/hash.ts'
import { type Cover, createCover, createFinder, FILLER, type Needle, type Places } from '../doc/purge.ts'
import type { Kinds } from '../model/kind-set.ts'
import { encodeFile, type FileStyle } from '../model/markdown.ts'
import type { Database } from './database.ts'
import { indexTableNames } from './index-tables.ts'
import type { Journal } from './journal.ts'
import { encodeRow, type Row } from './row.ts'

/**
 * The document of the rows that say what is taken out. A replica that knows nothing of purges keeps them and passes them
 * on as it does with every document it does not know.
 */
export const PURGE_DOC = 'purge'

const FORMAT = 1
const ROWS_PER_READ = 200

/** What is taken out, by document. It is passed on and kept for ever, so it holds no part of the secret itself. */
export type Purge = Readonly<Record<string, Places>>

/** The bytes of a purge's row: JSON, UTF-8. */
export function encodePurge(purge: Purge): Uint8Array {
  return Buffer.from(JSON.stringify({ format: FORMAT, documents: purge }))
}

/** Undefined for one of a newer format, and for what is none. */
export function decodePurge(bytes: Uint8Array): Purge | undefined {
  try {
    const { format, documents } = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
      format: number
      documents: Purge
    }
    return format === FORMAT && Object.values(documents).every(isPlaces) ? documents : undefined
  } catch {
    return undefined
  }
}

function isPlaces({ texts, values }: Places): boolean {
  const isRow = (row: unknown, size: number): boolean =>
    Array.isArray(row) && row.length === size && row.every((one) => Number.isSafeInteger(one) && one >= -1)
  return texts.every((pieces) => pieces.every((piece) => isRow(piece, 3))) && values.every((place) => isRow(place, 5))
}

/** What was purged here, for every row that comes or is looked at. */
export interface Purges {
  /** The row with filler where a purge says so; the same one where there is nothing of that in it. */
  covered(row: Row): Row
  /** The same for an update of a client. */
  coveredUpdate(doc: string, update: Uint8Array): Uint8Array
  /** Reads anew which purges there are. */
  reload(): void
}

export function openPurges(journal: Journal): Purges {
  let covers = new Map<string, Cover>()
  const reload = (): void => {
    covers = coversOf(allPurges(journal))
  }
  const coveredUpdate = (doc: string, update: Uint8Array): Uint8Array => coverOrKeep(covers.get(doc), update)
  reload()
  return {
    coveredUpdate,
    covered(row) {
      const update = coveredUpdate(row.doc, row.update)
      return update === row.update ? row : { ...row, update }
    },
    reload,
  }
}

/** Bytes that are no update are for the guard to refuse. */
function coverOrKeep(cover: Cover | undefined, update: Uint8Array): Uint8Array {
  try {
    return cover?.cover(update) ?? update
  } catch {
    return update
  }
}

/** What covers the rows of each document that a purge names. */
export function coversOf(purges: readonly Purge[]): Map<string, Cover> {
  const docs = new Set(purges.flatMap((purge) => Object.keys(purge)))
  const placesIn = (doc: string): readonly Places[] => purges.flatMap(({ [doc]: places }) => (places ? [places] : []))
  return new Map([...docs].map((doc) => [doc, createCover(placesIn(doc))]))
}

/** The purges among the rows after `n`. */
export function allPurges(journal: Journal, n = 0): readonly Purge[] {
  return [...rowsAfter(journal, n, PURGE_DOC)]
    .map(({ row }) => decodePurge(row.update))
    .filter((purge): purge is Purge => purge !== undefined)
}

/** The number of the last purge; 0 when there is none. */
export function lastPurge(db: Database): number {
  const found = db.get<{ n: number | null }>("SELECT max(n) AS n FROM rows WHERE doc = ? AND doc <> 'main'", PURGE_DOC)
  return found?.n ?? 0
}

function* rowsAfter(journal: Journal, from: number, doc?: string) {
  for (let n = from; ; ) {
    const rows = journal.after(n, ROWS_PER_READ, doc)
    yield* rows
    const last = rows.at(-1)
    if (!last) return
    n = last.n
  }
}

/** Where a secret is. */
export interface FoundSecret {
  readonly purge: Purge
  /** Rows that hold it or a part of it. */
  readonly rows: number
  /** The records and keys that those rows edited. */
  readonly keys: readonly string[]
  /** How often it stands somewhere. */
  readonly places: number
}

/** Looks for a secret in every row there is, in all documents. */
export function findSecret(journal: Journal, needle: Needle): FoundSecret {
  const finders = new Map<string, ReturnType<typeof createFinder>>()
  for (const { row } of rowsAfter(journal, 0)) {
    if (row.doc === PURGE_DOC) continue
    const finder = finders.get(row.doc) ?? createFinder(needle)
    finders.set(row.doc, finder)
    finder.take(row.update)
  }
  const found = [...finders].map(([doc, finder]) => [doc, finder.places()] as const)
  for (const finder of finders.values()) finder.destroy()
  const purge = Object.fromEntries(found.filter(([, { texts, values }]) => texts.length + values.length > 0))
  const covers = coversOf([purge])
  const keys = new Set<string>()
  let rows = 0
  for (const { row } of rowsAfter(journal, 0)) {
    if (coverOrKeep(covers.get(row.doc), row.update) === row.update) continue
    rows++
    for (const key of row.touched) keys.add(key)
  }
  const places = Object.values(purge).reduce((sum, { texts, values }) => sum + texts.length + values.length, 0)
  return { purge, rows, keys: [...keys].sort(), places }
}

/** What purges take out, read from rows that still hold it: whoever was only told the places learns here what to look for. */
export function readSecrets(journal: Journal, purges: readonly Purge[]): ReadonlySet<string> {
  const covers = coversOf(purges)
  for (const { row } of rowsAfter(journal, 0)) covers.get(row.doc)?.look(row.update)
  return new Set([...covers.values()].flatMap((cover) => [...cover.read()]))
}

/** Text to look for, and what stands in its place. */
export interface Replacement {
  readonly text: string
  readonly filler: string
}

/** The same text with every secret in it replaced. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((now, { text: secret, filler }) => now.replaceAll(secret, filler), text)
}

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
    const update = coverOrKeep(covers.get(row.doc), row.update)
    if (update === row.update) continue
    const bytes = encodeRow({ ...row, update })
    db.run('UPDATE rows SET bytes = ?, crc = ? WHERE n = ?', bytes, crc32(bytes), n)
    rows++
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

/** How long a secret must be, in UTF-16 units: a shorter one stands by chance in what is none. */
export const MIN_SECRET = 6

/**
 * The forms in which a secret stands in files, commits and tables: as it is, with the line ends of Windows, as JSON and
 * YAML quote it, as a file's name has it, and every longer line of it alone; the longest first.
 */
export function formsOf(
  secrets: Iterable<string>,
  inNames: (secret: string) => string | undefined,
): readonly Replacement[] {
  const forms = new Map<string, string>()
  const put = (text: string | undefined): void => {
    if (text !== undefined && text.length >= MIN_SECRET) forms.set(text, FILLER.repeat(text.length))
  }
  for (const secret of secrets) {
    // A file's text keeps its length in units, which the places of the texts in it have, too.
    put(secret)
    put(secret.replaceAll('\n', '\r\n'))
    put(JSON.stringify(secret).slice(1, -1))
    put(JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1))
    put(secret.replaceAll("'", "''"))
    put(inNames(secret))
    const lines = secret.split('\n').map((line) => line.trim())
    if (lines.length > 1) for (const line of lines) if (line.length >= LONG_LINE) put(line)
  }
  return [...forms].map(([text, filler]) => ({ text, filler })).sort((a, b) => b.text.length - a.text.length)
}

const LONG_LINE = 16
