import { type Cover, createCover } from '../doc/purge-cover.ts'
import { createFinder } from '../doc/purge-finder.ts'
import type { Needle, Places } from '../doc/purge-places.ts'
import type { Database } from './database.ts'
import { createJournal, type Journal, MAIN_DOC } from './journal.ts'
import type { Row } from './row.ts'
import { type Replacement, replaced } from './secret-forms.ts'

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
function decodePurge(bytes: Uint8Array): Purge | undefined {
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
    covered: (row) => coveredRow(covers.get(row.doc), row),
    reload,
  }
}

/** Bytes that are no update are for the guard to refuse. */
export function coverOrKeep(cover: Cover | undefined, update: Uint8Array): Uint8Array {
  try {
    return cover?.cover(update) ?? update
  } catch {
    return update
  }
}

/** A row with filler in these places, also in the names of the keys that it touches; the same one where it holds none of them. */
export function coveredRow(cover: Cover | undefined, row: Row): Row {
  const update = coverOrKeep(cover, row.update)
  if (update === row.update) return row
  const renamed = cover?.renamed(row.update) ?? new Map<string, string>()
  return { ...row, update, touched: row.touched.map((key) => renamedKey(key, renamed)) }
}

/** Of `<keyed kind>/<key>` the key; an id stays. */
function renamedKey(touched: string, renamed: ReadonlyMap<string, string>): string {
  const slash = touched.indexOf('/')
  const now = slash < 0 ? undefined : renamed.get(touched.slice(slash + 1))
  return now === undefined ? touched : `${touched.slice(0, slash + 1)}${now}`
}

/** The same by text, for whoever knows it: who only removes a key has its name in nothing but the head. */
export function coveredHead(row: Row, replacements: readonly Replacement[]): Row {
  const [actor, session] = [replaced(row.actor, replacements), replaced(row.session, replacements)]
  const touched = row.touched.map((key) => replaced(key, replacements))
  const isSame = actor === row.actor && session === row.session && touched.every((key, at) => key === row.touched[at])
  return isSame ? row : { ...row, actor, session, touched }
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

export function* rowsAfter(journal: Journal, from: number, doc?: string) {
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

/** Looks for a secret in every row there is, in all documents, and in what clients brought and cannot be applied yet. */
export function findSecret(db: Database, needle: Needle): FoundSecret {
  const journal = createJournal(db)
  const finders = new Map<string, ReturnType<typeof createFinder>>()
  for (const { row } of rowsAfter(journal, 0)) {
    if (row.doc === PURGE_DOC) continue
    const finder = finders.get(row.doc) ?? createFinder(needle)
    finders.set(row.doc, finder)
    finder.take(row.update)
  }
  const main = finders.get(MAIN_DOC) ?? createFinder(needle)
  finders.set(MAIN_DOC, main)
  for (const { bytes } of parkedIn(db)) main.take(bytes)
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

export function parkedIn(db: Database): readonly { readonly id: number; readonly bytes: Uint8Array }[] {
  if (!db.get("SELECT 1 FROM sqlite_master WHERE name = 'parked'")) return []
  return db.all<{ id: number; bytes: Uint8Array }>('SELECT id, bytes FROM parked')
}

/** What purges take out, read from rows that still hold it: whoever was only told the places learns here what to look for. */
export function readSecrets(journal: Journal, purges: readonly Purge[]): ReadonlySet<string> {
  const covers = coversOf(purges)
  for (const { row } of rowsAfter(journal, 0)) covers.get(row.doc)?.look(row.update)
  return new Set([...covers.values()].flatMap((cover) => [...cover.read()]))
}
