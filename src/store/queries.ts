import type { RecordId } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Database } from './database.ts'
import type { Project } from './project.ts'
import { groupRecords, listBriefs, listRecords } from './query.ts'
import { progressOf, recordGraph } from './record-graph.ts'
import { createRecordIndex } from './record-index.ts'
import { lastEntries, relatedRecords } from './related.ts'
import { resolveRecord } from './resolve.ts'
import { searchRecords } from './search.ts'

/** What can be asked of records and keys, now or as they were. */
export type Queries = Pick<
  Project,
  | 'read'
  | 'list'
  | 'briefs'
  | 'groups'
  | 'related'
  | 'graph'
  | 'progress'
  | 'lastEntries'
  | 'search'
  | 'resolve'
  | 'ids'
  | 'readKeys'
  | 'pathOf'
  | 'recordAt'
>

/** Answers from the index tables of a database. */
export function createQueries(db: Database, kinds: Kinds): Queries {
  const index = createRecordIndex(db)
  const { own } = kinds
  return {
    read: (kind, id) => index.get(own(kind), id),
    list: (kind, query) => listRecords(db, own(kind), query),
    briefs: (kind, query, fields) => listBriefs(db, own(kind), query, fields),
    groups: (kind, query, field) => groupRecords(db, own(kind), query, field),
    related: (kind, relation, ids) => relatedRecords(db, own(kind), relation, ids),
    graph: (kind, query) => recordGraph(db, own(kind), query),
    progress: (kind, ids) => progressOf(db, own(kind), ids),
    lastEntries: (by, ids) => lastEntries(db, kinds.log, by, ids),
    search: (query) => searchRecords(db, kinds, query),
    resolve: (text, kind) => resolveRecord(db, kinds.records, text, kind && own(kind)),
    ids: (kind, { deleted = false, after = '', limit = -1 } = {}) =>
      db
        .all<{ id: RecordId }>(
          `SELECT id FROM ids WHERE kind = ? AND id > ? ${deleted ? '' : 'AND deleted = 0'} ORDER BY id LIMIT ?`,
          kind.name,
          after,
          limit,
        )
        .map(({ id }) => id),
    readKeys(name) {
      const kind = kinds.keys(name)
      return kind ? index.keys(kind) : new Map()
    },
    pathOf: (kind, id) => index.pathOf(own(kind), id) ?? `${kind.folder}/${id}.md`,
    recordAt(path) {
      const kind = kinds.inFolder(path.slice(0, Math.max(0, path.indexOf('/'))))
      const found = kind && db.get<{ id: RecordId }>(`SELECT id FROM ${kind.table} WHERE path = ?`, path)
      return kind && found && { kind, id: found.id }
    },
  }
}
