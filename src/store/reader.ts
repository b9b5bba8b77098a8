import { OrchError } from '../base/error.ts'
import type { KeptRecord } from '../doc/kept.ts'
import { createProjectDoc, type ProjectDoc } from '../doc/project-doc.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Database } from './database.ts'
import { indexStamp } from './index-tables.ts'
import { createJournal, updatesBetween } from './journal.ts'
import { keptRecords } from './kept-records.ts'
import { createLogIndex } from './log-index.ts'
import type { Project } from './project.ts'
import { createQueries } from './queries.ts'
import { createMeta } from './schema.ts'

/** A project as it lies in its database, to be read by somebody who is not its daemon. */
export type ProjectReader = Pick<
  Project,
  'id' | 'name' | 'replica' | 'kinds' | 'ids' | 'read' | 'readKeys' | 'logDays' | 'logOfDay' | 'logCount'
> & {
  /** What living records keep and nobody declares here. */
  kept(): Iterable<KeptRecord>
}

/** Reads a project from its database without writing to it. Throws `database_damaged` unless its last daemon was of this version. */
export function openReader(db: Database, kinds: Kinds): ProjectReader {
  const meta = createMeta(db)
  const queries = createQueries(db, kinds)
  const logs = createLogIndex(db, kinds.log)
  const fact = (key: string): string => {
    const value = meta.get(key)
    if (value === undefined) throw new OrchError('database_damaged', { reason: `it does not say its ${key}` })
    return value
  }
  if (fact('index_stamp') !== indexStamp(kinds)) {
    throw new OrchError('database_damaged', { reason: 'its index is of another version of orch' })
  }
  let loaded: ProjectDoc | undefined
  const doc = (): ProjectDoc => {
    loaded ??= createProjectDoc(kinds, updatesBetween(createJournal(db), 0))
    return loaded
  }
  return {
    id: fact('project_id'),
    name: fact('project_name'),
    replica: fact('replica'),
    kinds,
    ids: queries.ids,
    read: queries.read,
    readKeys: queries.readKeys,
    logDays: () => logs.days(),
    logOfDay: (day, limit, after) => logs.ofDay(day, limit, after),
    logCount: (period) => logs.count(period),
    kept: () => keptRecords(db, doc),
  }
}
