import type { KeptRecord } from '../doc/kept.ts'
import type { ProjectDoc } from '../doc/project-doc.ts'
import type { RecordId } from '../model/id.ts'
import type { Database } from './database.ts'
import { holdingMark, type Touch } from './life.ts'

/** What living records keep and nobody declares here, in the order of their ids. Nothing of the document is read where there is none. */
export function* keptRecords(db: Database, doc: () => ProjectDoc): Generator<KeptRecord> {
  const found = db.all<{ id: RecordId; root: string }>(
    `SELECT DISTINCT undeclared.id, root FROM undeclared LEFT JOIN ids ON ids.id = undeclared.id
     WHERE coalesce(ids.deleted, 0) = 0 ORDER BY root, undeclared.id`,
  )
  for (const { id, root } of found) {
    const kept = doc().kept(root, id)
    if (!kept) continue
    const touches = db.all<Touch>('SELECT replica, seq, at, actor FROM touches WHERE key = ?', id)
    if (!holdingMark(kept.deletes, touches)) yield { id, root, members: kept.members }
  }
}
