import { readLogUpdate } from '../doc/log-update.ts'
import type { ProjectDoc } from '../doc/project-doc.ts'
import { isRecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { isLogDoc } from '../model/log.ts'
import type { Database } from './database.ts'
import { indexTableNames, indexTables } from './index-tables.ts'
import { type Journal, MAIN_DOC } from './journal.ts'
import { createLogIndex } from './log-index.ts'
import { createRecordIndex } from './record-index.ts'
import type { Row } from './row.ts'
import { noteRowKeys } from './row-keys.ts'

const ROWS_PER_READ = 1000

/** How far a rebuild has got: of rows, then of records. */
export type RebuildProgress = (done: number, total: number, what: 'rows' | 'records') => void

/**
 * Makes the index tables anew from the rows' heads and the document. Inside a transaction of the caller's, and in no part
 * of one: in a savepoint the full text index takes four times as long.
 */
export function rebuildIndex(
  db: Database,
  kinds: Kinds,
  doc: ProjectDoc,
  journal: Journal,
  onProgress: RebuildProgress = () => undefined,
): void {
  for (const name of indexTableNames(kinds)) db.exec(`DROP TABLE IF EXISTS ${name}`)
  for (const sql of indexTables(kinds)) db.exec(sql)
  const index = createRecordIndex(db)
  const logs = createLogIndex(db, kinds.log)
  for (let n = 0; ; ) {
    const rows = journal.after(n, ROWS_PER_READ)
    for (const { n, row } of rows) {
      index.touch(row.touched, row)
      if (row.doc === MAIN_DOC) noteRowKeys(db, n, row, doc.marksIn(row.update))
      if (isLogDoc(row.doc)) putLog(logs, row)
    }
    const last = rows.at(-1)
    if (!last) break
    n = last.n
    onProgress(n, journal.last(), 'rows')
  }
  for (const kind of kinds.records) putRecords(index, kind, doc, onProgress)
  for (const [id, root] of doc.undeclared()) index.putUndeclared(id, root)
  for (const kind of kinds.keyed) putKeys(index, kind, doc)
}

function putLog(logs: ReturnType<typeof createLogIndex>, { doc, update }: Row): void {
  const read = readLogUpdate(update, (client) => logs.clock(doc, client))
  if (read.type === 'added') logs.add(doc, read.additions)
}

const RECORDS_PER_TELL = 500

function putRecords(
  index: ReturnType<typeof createRecordIndex>,
  kind: RecordKind,
  doc: ProjectDoc,
  onProgress: RebuildProgress,
): void {
  const ids = [...doc.ids(kind)]
  for (const [i, id] of ids.entries()) {
    if (i % RECORDS_PER_TELL === 0) onProgress(i, ids.length, 'records')
    const record = isRecordId(id) && id[0] === kind.letter ? doc.read(kind, id) : undefined
    if (record) index.put(kind, record)
  }
}

function putKeys(index: ReturnType<typeof createRecordIndex>, kind: KeyedKind, doc: ProjectDoc): void {
  for (const [key, value] of doc.keys(kind)) index.putKey(kind, key, value)
}

/** Every index row as text, sorted: two indexes are equal when these are. */
export function dumpIndex(db: Database, kinds: Kinds): readonly string[] {
  return indexTableNames(kinds).flatMap((name) =>
    db
      // The full text index does not give its texts back; the table beside it holds a hash of each.
      .all<Record<string, unknown>>(name === 'search_text' ? 'SELECT 1 WHERE 0' : `SELECT * FROM ${name}`)
      // Numbers are given in the order of arrival.
      .map(({ n: _, search_n: __, ...row }) => row)
      .map((row) => `${name} ${JSON.stringify(Object.entries(row))}`)
      .sort(),
  )
}
