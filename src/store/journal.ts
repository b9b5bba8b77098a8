import { crc32 } from 'node:zlib'
import type { Database } from './database.ts'
import { decodeRow, encodeRow, type Row, type Vector } from './row.ts'

/** The name of the project's document in its rows. */
export const MAIN_DOC = 'main'

/** Rows on disk: appended, read, never changed or deleted. */
export interface Journal {
  append(row: Row): void
  /** Highest sequence per replica. */
  have(): Vector
  /** Number of the last row in this replica's order; 0 when there is none. */
  last(): number
  /** Rows after number `n`, of one document or of all, in this replica's order, at most `limit`. Throws when one is damaged. */
  after(n: number, limit: number, doc?: string): readonly NumberedRow[]
  /** Rows that `have` lacks, in this replica's order, at most `limit`. */
  since(have: Vector, limit: number): readonly Row[]
  /** One row; undefined when it is not here. Throws when it is damaged. */
  row(replica: string, seq: number): Row | undefined
  /** Forgets what it keeps in memory, after a transaction that failed. */
  reload(): void
}

export interface NumberedRow {
  readonly n: number
  readonly row: Row
}

export function createJournal(db: Database): Journal {
  let vector: Record<string, number> = {}
  let last = 0
  const reload = (): void => {
    const found = db.all<{ replica: string; seq: number; count: number }>(
      'SELECT replica, max(seq) AS seq, count(*) AS count FROM rows GROUP BY replica',
    )
    const holed = found.find((one) => one.seq !== one.count)
    if (holed) throw new Error(`rows of replica ${holed.replica} are missing: ${holed.count} of ${holed.seq}`)
    vector = Object.fromEntries(found.map(({ replica, seq }) => [replica, seq]))
    last = db.get<{ n: number | null }>('SELECT max(n) AS n FROM rows')?.n ?? 0
  }
  reload()

  return {
    append(row) {
      const bytes = encodeRow(row)
      db.run(
        'INSERT INTO rows (doc, replica, seq, at, actor, session, bytes, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        row.doc,
        row.replica,
        row.seq,
        row.at,
        row.actor,
        row.session,
        bytes,
        crc32(bytes),
      )
      vector[row.replica] = row.seq
      last++
    },
    have: () => ({ ...vector }),
    last: () => last,
    after: (n, limit, doc) =>
      db
        .all<StoredRow>(
          `SELECT n, bytes, crc FROM rows WHERE n > ?${ofDocument(doc)} ORDER BY n LIMIT ?`,
          n,
          ...(doc === undefined ? [] : [doc]),
          limit,
        )
        .map((stored) => ({ n: stored.n, row: checkedRow(stored) })),
    since(have, limit) {
      // One range per replica that the other lacks, merged by n: a link that is nearly up to date must not scan all rows.
      const lacking = Object.keys(vector).filter((replica) => (have[replica] ?? 0) < (vector[replica] ?? 0))
      const found = lacking.flatMap((replica) =>
        db.all<StoredRow>(
          'SELECT n, bytes, crc FROM rows WHERE replica = ? AND seq > ? ORDER BY seq LIMIT ?',
          replica,
          have[replica] ?? 0,
          limit,
        ),
      )
      return found
        .sort((a, b) => a.n - b.n)
        .slice(0, limit)
        .map(checkedRow)
    },
    row(replica, seq) {
      const stored = db.get<StoredRow>('SELECT n, bytes, crc FROM rows WHERE replica = ? AND seq = ?', replica, seq)
      return stored && checkedRow(stored)
    },
    reload,
  }
}

/**
 * The replica that wrote the first row of all: that of `init`. Where two empty replicas met before either had written,
 * both may have begun; then every replica that knows both takes the same one.
 */
export function founderOf(journal: Journal): string | undefined {
  const firsts = Object.keys(journal.have())
    .flatMap((replica) => journal.since({ ...journal.have(), [replica]: 0 }, 1))
    .filter(({ seen }) => Object.keys(seen).length === 0)
  return firsts.toSorted((a, b) => a.at - b.at || (a.replica < b.replica ? -1 : 1))[0]?.replica
}

const ROWS_PER_READ = 50

/** The updates of a document's rows after `n`, up to and with `upto`, in this replica's order. Throws when a row is damaged. */
export function* updatesBetween(
  journal: Journal,
  from: number,
  upto = Number.POSITIVE_INFINITY,
  doc = MAIN_DOC,
): Generator<Uint8Array> {
  for (let at = from; ; ) {
    const rows = journal.after(at, ROWS_PER_READ, doc)
    for (const { n, row } of rows) {
      if (n > upto) return
      yield row.update
    }
    const last = rows.at(-1)
    if (!last) return
    at = last.n
  }
}

/** The condition for rows of one document, in the words of the index that holds those of all others than the main one. */
function ofDocument(doc: string | undefined): string {
  if (doc === undefined) return ''
  return doc === MAIN_DOC ? ' AND doc = ?' : " AND doc = ? AND doc <> 'main'"
}

export interface StoredRow {
  readonly n: number
  readonly bytes: Uint8Array
  readonly crc: number
}

/** A row as it lies in the database. Throws when it is damaged. */
export function checkedRow({ n, bytes, crc }: StoredRow): Row {
  if (crc32(bytes) !== crc) throw new Error(`row ${n} is damaged`)
  return decodeRow(bytes)
}
