import * as Y from 'yjs'
import type { Steps } from '../base/turns.ts'
import { type Field, storedName } from '../model/field.ts'
import type { RecordKind } from '../model/kind.ts'
import { lateRoot } from './layout.ts'
import type { Trace } from './trace.ts'

/** One value that was written under a key, in the order in which Yjs has them: the last is the one that counts. */
export interface Unit<R> {
  readonly value: unknown
  readonly rows: readonly R[]
  /** Whether it does not show, and the rows that took it away: none where a concurrent value did. */
  readonly isDeleted: boolean
  readonly deletedBy: readonly R[]
}

/** A stretch of a text that the same rows wrote and took away. */
export interface Run<R> {
  readonly text: string
  readonly rows: readonly R[]
  readonly isDeleted: boolean
  readonly deletedBy: readonly R[]
  /** Who wrote what it was written behind. */
  readonly behind: readonly R[]
}

/** All values of a key, the oldest first. */
export function unitsOf<R>({ inserted, deleted }: Trace<R>, map: Y.Map<unknown>, key: string): readonly Unit<R>[] {
  const units: Unit<R>[] = []
  for (let item = map._map.get(key) ?? null; item !== null; item = item.left) {
    const { client, clock } = item.id
    const values = item.content.getContent()
    for (let i = item.length - 1; i >= 0; i--) {
      units.push({
        value: item.content instanceof Y.ContentDeleted ? undefined : values[i],
        rows: inserted.pieces(client, clock + i, clock + i + 1)[0]?.rows ?? [],
        isDeleted: item.deleted,
        deletedBy: item.deleted ? (deleted.pieces(client, clock + i, clock + i + 1)[0]?.rows ?? []) : [],
      })
    }
  }
  return units.reverse()
}

/** All values of a register of a record, the oldest first. */
export function registerUnits<R>(trace: Trace<R>, kind: RecordKind, id: string, field: string): readonly Unit<R>[] {
  const map = trace.doc.getMap(kind.plural).get(id)
  return map instanceof Y.Map ? unitsOf(trace, map, storedName(field, kind.fields[field])) : []
}

const ITEMS_A_STEP = 100

/** Every stretch of a text in its place, also those that were deleted. */
export function* runsOf<R>({ inserted, deleted }: Trace<R>, text: Y.Text): Steps<readonly Run<R>[]> {
  const runs: Run<R>[] = []
  let walked = 0
  for (let item = text._start; item !== null; item = item.right) {
    if (++walked % ITEMS_A_STEP === 0) yield
    if (!(item.content instanceof Y.ContentString)) continue
    const { client, clock } = item.id
    const rowsAt = ({ client, clock }: Y.ID): readonly R[] => inserted.pieces(client, clock, clock + 1)[0]?.rows ?? []
    for (const { from, to, rows } of inserted.pieces(client, clock, clock + item.length)) {
      const gone = item.deleted ? deleted.pieces(client, from, to) : [{ from, to, rows: [] }]
      for (const piece of gone) {
        const behind =
          piece.from > clock ? rowsAt(Y.createID(client, piece.from - 1)) : item.origin ? rowsAt(item.origin) : []
        runs.push({
          text: item.content.str.slice(piece.from - clock, piece.to - clock),
          rows,
          isDeleted: item.deleted,
          deletedBy: piece.rows,
          behind,
        })
      }
    }
  }
  return runs
}

/** The type a field of a record lives in: in its map, or in a root type of its own. Looking for one that is not there must not make it. */
export function fieldType(doc: Y.Doc, map: Y.Map<unknown>, id: string, name: string, field: Field): unknown {
  const key = storedName(name, field)
  const own = map.get(key)
  const root = lateRoot(id, key)
  if (own !== undefined || !doc.share.has(root)) return own
  return field.merge === 'prose' ? doc.getText(root) : doc.getMap(root)
}
