import * as Y from 'yjs'
import type { Steps } from '../base/turns.ts'
import { type Field, storedName } from '../model/field.ts'
import type { RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind, Value } from '../model/kind.ts'
import type { Json } from '../model/record.ts'
import type { TextEdit } from '../model/text-edit.ts'
import { type DeleteMark, EXTRA, FILE, FRONT, LIFE } from './layout.ts'
import { isMark } from './read.ts'
import type { Trace } from './trace.ts'
import { fieldType, type Run, runsOf, type Unit, unitsOf } from './units.ts'

/** Why something of what was to be taken back stays. */
export type KeptReason =
  /** Somebody wrote the field after it. */
  | 'overwritten'
  /** Somebody wrote inside or behind the text. */
  | 'built-on'
  /** What was added is never removed. */
  | 'added-only'

export interface Kept<R> {
  readonly field: string
  readonly reason: KeptReason
  /** Who stands in the way; for what is only added, the rows themselves. */
  readonly rows: readonly R[]
}

/** The edit that takes back what some rows did to a record, as if they had never been, and what stays. */
export interface RecordUndo<R> {
  readonly set: Readonly<Record<string, Value>>
  readonly add: Readonly<Record<string, readonly string[]>>
  readonly remove: Readonly<Record<string, readonly string[]>>
  readonly increment: Readonly<Record<string, number>>
  readonly edit: Readonly<Record<string, readonly TextEdit[]>>
  readonly front: readonly TextEdit[]
  readonly extra: Readonly<Record<string, string | null>>
  readonly file: string | undefined
  readonly kept: readonly Kept<R>[]
}

/**
 * What a record would be had some rows never been: of every text the stretches that others wrote, without those that
 * others deleted; of every key the last value that others wrote; of a counter what others added.
 *
 * @param isUndone the rows to take back; never the one that made the record
 */
export function* undoRecord<R>(
  trace: Trace<R>,
  kind: RecordKind,
  id: RecordId,
  isUndone: (row: R) => boolean,
): Steps<RecordUndo<R>> {
  const map = trace.doc.getMap(kind.plural).get(id)
  if (!(map instanceof Y.Map)) throw new Error(`no record ${id}`)
  const set: Record<string, Value> = {}
  const add: Record<string, readonly string[]> = {}
  const remove: Record<string, readonly string[]> = {}
  const increment: Record<string, number> = {}
  const edit: Record<string, readonly TextEdit[]> = {}
  const extra: Record<string, string | null> = {}
  const kept: Kept<R>[] = []
  const note = (field: string, reason: KeptReason, rows: readonly R[]): void => {
    if (rows.length > 0) kept.push({ field, reason, rows })
  }
  const register = (name: string, units: readonly Unit<R>[]): unknown => {
    const { now, wanted, over } = decide(units, isUndone)
    note(name, 'overwritten', over)
    return isSame(now, wanted) ? UNCHANGED : wanted
  }

  for (const [name, field] of Object.entries(kind.fields)) {
    yield
    if (field.merge === 'register') {
      const wanted = register(name, unitsOf(trace, map, storedName(name, field)))
      if (wanted !== UNCHANGED) set[name] = modelValue(field, wanted)
      continue
    }
    const type = fieldType(trace.doc, map, id, name, field)
    if (type instanceof Y.Text) {
      const { edits, builtOn } = undoText(yield* runsOf(trace, type), isUndone)
      if (edits.length > 0) edit[name] = edits
      note(name, 'built-on', builtOn)
    } else if (type instanceof Y.Map) {
      const keys = [...type._map.keys()]
      switch (field.merge) {
        case 'set': {
          const changed = keys.map((key) => [key, decide(unitsOf(trace, type, key), isUndone)] as const)
          const back = changed.filter(([, { now, wanted }]) => now === undefined && wanted !== undefined)
          const away = changed.filter(([, { now, wanted }]) => now !== undefined && wanted === undefined)
          if (back.length > 0) add[name] = back.map(([key]) => key)
          if (away.length > 0) remove[name] = away.map(([key]) => key)
          break
        }
        case 'counter': {
          const sum = keys.reduce((total, key) => total + addedBy(unitsOf(trace, type, key), isUndone), 0)
          const back = -Math.round(sum * 1e6) / 1e6
          if (back !== 0) increment[name] = back
          break
        }
        case 'entries':
          note(
            name,
            'added-only',
            keys.flatMap((key) => unitsOf(trace, type, key).flatMap(({ rows }) => rows.filter(isUndone))),
          )
          break
        default:
          break
      }
    }
  }

  const file = register('file', unitsOf(trace, map, FILE))
  const front = map.get(FRONT)
  const keys = map.get(EXTRA)
  for (const key of keys instanceof Y.Map ? keys._map.keys() : []) {
    const wanted = register(key, unitsOf(trace, keys as Y.Map<unknown>, key))
    if (wanted !== UNCHANGED) extra[key] = typeof wanted === 'string' ? wanted : null
  }
  return {
    set,
    add,
    remove,
    increment,
    edit,
    front: front instanceof Y.Text ? undoText(yield* runsOf(trace, front), isUndone).edits : [],
    extra,
    file: typeof file === 'string' ? file : undefined,
    kept,
  }
}

/** The value a key would have had some rows never been. `changed` is false where it has it already. */
export function undoKey<R>(
  trace: Trace<R>,
  kind: KeyedKind,
  key: string,
  isUndone: (row: R) => boolean,
): { readonly changed: boolean; readonly value: Json | undefined; readonly kept: readonly Kept<R>[] } {
  const { now, wanted, over } = decide(unitsOf(trace, trace.doc.getMap(kind.plural), key), isUndone)
  const kept: readonly Kept<R>[] = over.length > 0 ? [{ field: key, reason: 'overwritten', rows: over }] : []
  return { changed: !isSame(now, wanted), value: wanted as Json | undefined, kept }
}

/** Every mark of deletion that a record ever had, with its row. */
export function marksOf<R>(
  trace: Trace<R>,
  kind: RecordKind,
  id: RecordId,
): readonly { readonly mark: DeleteMark; readonly rows: readonly R[] }[] {
  const map = trace.doc.getMap(kind.plural).get(id)
  const life = map instanceof Y.Map ? map.get(LIFE) : undefined
  if (!(life instanceof Y.Map)) return []
  return [...life._map.keys()]
    .filter((key) => key.startsWith('d:'))
    .flatMap((key) => unitsOf(trace, life as Y.Map<unknown>, key))
    .flatMap(({ value, rows }) => (isMark(value) ? [{ mark: value, rows }] : []))
}

const UNCHANGED = Symbol('unchanged')

interface Decision<R> {
  readonly now: unknown
  readonly wanted: unknown
  /** The rows whose value stands over one that was to be taken back. */
  readonly over: readonly R[]
}

/** The value that shows, and the one that would: the last that others wrote, unless others cleared the key after it. */
function decide<R>(units: readonly Unit<R>[], isUndone: (row: R) => boolean): Decision<R> {
  const takenBack = (rows: readonly R[]): boolean => rows.length > 0 && rows.every(isUndone)
  const last = units.at(-1)
  const now = last?.isDeleted === false ? last.value : undefined
  const later = new Set<R>()
  for (const unit of units.toReversed()) {
    // Who writes a key deletes what was there; who only deletes it clears it.
    const clears = unit.deletedBy.filter((row) => !isUndone(row) && !later.has(row))
    const isKept = !takenBack(unit.rows)
    if (isKept || clears.length > 0) {
      const over = clears.length > 0 ? clears : unit.rows
      const isOver = unit === last && units.some(({ rows }) => takenBack(rows))
      return { now, wanted: clears.length > 0 ? undefined : unit.value, over: isOver ? over : [] }
    }
    for (const row of unit.rows) later.add(row)
  }
  return { now, wanted: undefined, over: [] }
}

/** How much some rows added to a counter under one key, which holds the sum of one clientID. */
function addedBy<R>(units: readonly Unit<R>[], isUndone: (row: R) => boolean): number {
  let [sum, before] = [0, 0]
  for (const { value, rows } of units) {
    const total = typeof value === 'number' ? value : before
    if (rows.length > 0 && rows.every(isUndone)) sum += total - before
    before = total
  }
  return sum
}

/** Takes out what some rows wrote and puts back what they alone deleted, each in its place. */
function undoText<R>(
  runs: readonly Run<R>[],
  isUndone: (row: R) => boolean,
): { readonly edits: readonly TextEdit[]; readonly builtOn: readonly R[] } {
  const edits: TextEdit[] = []
  const builtOn: R[] = []
  let at = 0
  for (const { text, rows, isDeleted, deletedBy, behind } of runs) {
    const isTakenBack = rows.length > 0 && rows.every(isUndone)
    const isBack = isDeleted && !isTakenBack && deletedBy.length > 0 && deletedBy.every(isUndone)
    if (isBack) push(edits, at, 0, text)
    if (isDeleted) continue
    if (isTakenBack) push(edits, at, text.length, '')
    else if (behind.length > 0 && behind.every(isUndone)) builtOn.push(...rows)
    at += text.length
  }
  return { edits, builtOn }
}

/** Appends an edit, joined to the last one where they touch. */
function push(edits: TextEdit[], at: number, deleted: number, insert: string): void {
  const last = edits.at(-1)
  if (last === undefined || last.at + last.delete !== at) edits.push({ at, delete: deleted, insert })
  else edits[edits.length - 1] = { at: last.at, delete: last.delete + deleted, insert: last.insert + insert }
}

function modelValue(field: Field, stored: unknown): Value {
  if (stored === undefined || stored === null) return null
  if (field.value.type === 'json') return JSON.stringify(stored) ?? null
  return typeof stored === 'string' || typeof stored === 'number' ? stored : null
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
