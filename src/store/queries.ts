import type { RecordId } from '../model/id.ts'
import type { KeyedKind, Kind, RecordKind } from '../model/kind.ts'
import type { Database } from './database.ts'
import type { Project } from './project.ts'
import { listRecords } from './query.ts'
import { createRecordIndex } from './record-index.ts'
import { resolveRecord } from './resolve.ts'
import { searchRecords } from './search.ts'

/** What can be asked of records and keys, now or as they were. */
export type Queries = Pick<Project, 'read' | 'list' | 'search' | 'resolve' | 'ids' | 'readKeys' | 'pathOf' | 'recordAt'>

/** Answers from the index tables of a database. */
export function createQueries(db: Database, kinds: readonly Kind[]): Queries {
  const index = createRecordIndex(db)
  const recordKinds = kinds.filter((kind): kind is RecordKind => kind.shape === 'records')
  return {
    read: (kind, id) => index.get(kind, id),
    list: (kind, query) => listRecords(db, kind, query),
    search: (text, limit) => searchRecords(db, recordKinds, text, limit),
    resolve: (text, kind) => resolveRecord(db, recordKinds, text, kind),
    ids: (kind, { deleted = false } = {}) =>
      db
        .all<{ id: RecordId }>(
          `SELECT id FROM ids WHERE kind = ? ${deleted ? '' : 'AND deleted = 0'} ORDER BY id`,
          kind.name,
        )
        .map(({ id }) => id),
    readKeys(name) {
      const kind = kinds.find((one): one is KeyedKind => one.shape === 'keys' && one.name === name)
      return kind ? index.keys(kind) : new Map()
    },
    pathOf: (kind, id) => index.pathOf(kind, id) ?? `${kind.folder}/${id}.md`,
    recordAt(path) {
      const kind = recordKinds.find((one) => path.startsWith(`${one.folder}/`))
      const found = kind && db.get<{ id: RecordId }>(`SELECT id FROM ${kind.plural} WHERE path = ?`, path)
      return kind && found && { kind, id: found.id }
    },
  }
}
