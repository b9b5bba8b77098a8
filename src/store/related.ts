import type { RecordId } from '../model/id.ts'
import type { LogKind, RecordKind } from '../model/kind.ts'
import type { LogEntry } from '../model/log.ts'
import type { Relation } from '../model/relation.ts'
import type { Database } from './database.ts'
import { relationJoin } from './filter-sql.ts'
import { logEntryOf, type SqlEntry } from './log-index.ts'
import type { StoredRecord } from './project.ts'
import { fromSqlRecord, type SqlRecord } from './record-index.ts'

/** How many records of one kind a relation leads to from one record, at most. */
const MAX_RELATED = 1000

/** The living records that a relation leads to, by the record it begins at: one statement, however many those are. */
export function relatedRecords(
  db: Database,
  kind: RecordKind,
  relation: Relation,
  ids: readonly RecordId[],
): ReadonlyMap<RecordId, readonly StoredRecord[]> {
  // Numbers are put in order, and not whole records.
  const rows = db.all<SqlRecord & { from_id: RecordId; place: number }>(
    `SELECT p.from_id, p.place, t.* FROM (
       SELECT f.id AS from_id, t.search_n AS n, row_number() OVER (PARTITION BY f.id ORDER BY t.sort_key, t.id) AS place
       FROM json_each(?) AS j JOIN ${kind.table} AS f ON f.id = j.value, ${relationJoin(relation, 'f', 't')} AND t.deletedAt IS NULL) AS p
     CROSS JOIN ${relation.target.table} AS t ON t.search_n = p.n WHERE p.place <= ${MAX_RELATED}`,
    JSON.stringify(ids),
  )
  const found = new Map<RecordId, StoredRecord[]>()
  for (const row of rows.toSorted((a, b) => a.place - b.place)) {
    const list = found.get(row.from_id) ?? []
    list.push(fromSqlRecord(relation.target, row))
    found.set(row.from_id, list)
  }
  return found
}

/** The newest entry of the work log that names each record of a kind as its task or session. */
export function lastEntries(
  db: Database,
  { table }: Pick<LogKind, 'table'>,
  by: 'task' | 'session',
  ids: readonly string[],
): ReadonlyMap<string, LogEntry> {
  const rows = db.all<SqlEntry>(
    `SELECT e.* FROM json_each(?) AS j JOIN ${table} AS e
     ON e.id = (SELECT id FROM ${table} WHERE "${by}" = j.value AND "${by}" <> '' ORDER BY at DESC, id DESC LIMIT 1)`,
    JSON.stringify(ids),
  )
  return new Map(rows.map((row) => [row[by], logEntryOf(row)]))
}
