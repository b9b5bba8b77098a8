import * as Y from 'yjs'
import type { Steps } from '../base/turns.ts'
import { storedName } from '../model/field.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Trace } from './trace.ts'
import { fieldType, runsOf, type Unit, unitsOf } from './units.ts'

/** Who wrote a value that shows, or took the last one away. */
export interface BlamedValue<R> {
  readonly field: string
  /** A member of a set, or a key that is no field; for an entry its id. */
  readonly member?: string
  readonly isDeleted: boolean
  readonly row: R
}

/** A stretch of a text with the row that wrote it, and for what no longer shows the one that deleted it. */
export interface BlamedText<R> {
  readonly text: string
  readonly row: R
  readonly deletedBy?: R
}

export interface RecordBlame<R> {
  readonly values: readonly BlamedValue<R>[]
  readonly texts: readonly { readonly field: string; readonly pieces: readonly BlamedText<R>[] }[]
}

/**
 * Who wrote every value and every stretch of text of a record, and who deleted what is gone.
 *
 * @param first the row to name where several wrote or deleted one thing: the same on every replica
 */
export function* blameRecord<R>(
  trace: Trace<R>,
  kind: RecordKind,
  id: RecordId,
  first: (rows: readonly R[]) => R | undefined,
): Steps<RecordBlame<R>> {
  const map = trace.doc.getMap(kind.plural).get(id)
  if (!(map instanceof Y.Map)) return { values: [], texts: [] }
  const values: BlamedValue<R>[] = []
  const texts: { field: string; pieces: readonly BlamedText<R>[] }[] = []
  const value = (field: string, units: readonly Unit<R>[], member?: string): void => {
    const last = units.at(-1)
    const row = last && first(last.isDeleted && last.deletedBy.length > 0 ? last.deletedBy : last.rows)
    if (last && row) values.push({ field, ...(member !== undefined && { member }), isDeleted: last.isDeleted, row })
  }
  for (const [name, field] of Object.entries(kind.fields)) {
    yield
    if (field.merge === 'register') {
      value(name, unitsOf(trace, map, storedName(name, field)))
      continue
    }
    const type = fieldType(trace.doc, map, id, name, field)
    if (type instanceof Y.Text) {
      const runs = yield* runsOf(trace, type)
      const pieces = runs.flatMap(({ text, rows, isDeleted, deletedBy }): BlamedText<R>[] => {
        const [row, by] = [first(rows), first(deletedBy)]
        return row ? [{ text, row, ...(isDeleted && { deletedBy: by ?? row }) }] : []
      })
      texts.push({ field: name, pieces: joined(pieces) })
    } else if (type instanceof Y.Map) {
      for (const key of [...type._map.keys()].sort()) value(name, unitsOf(trace, type as Y.Map<unknown>, key), key)
    }
  }
  return { values, texts }
}

/** Stretches that one row wrote one after the other are one. */
function joined<R>(pieces: readonly BlamedText<R>[]): readonly BlamedText<R>[] {
  const result: BlamedText<R>[] = []
  for (const piece of pieces) {
    const last = result.at(-1)
    if (last && last.row === piece.row && last.deletedBy === piece.deletedBy) {
      result[result.length - 1] = { ...last, text: last.text + piece.text }
    } else result.push(piece)
  }
  return result
}
