import * as Y from 'yjs'
import { must, unreachable } from '../base/assert.ts'
import { entriesOf } from '../model/comments.ts'
import type { Entry } from '../model/entry.ts'
import { valueOfExtra } from '../model/extra.ts'
import { type Field, storedName } from '../model/field.ts'
import type { RecordId } from '../model/id.ts'
import { type RecordKind, textsOf, type Value, type Values } from '../model/kind.ts'
import type { TextEdit } from '../model/text-edit.ts'
import { type DeleteMark, EXTRA, FILE, FRONT, LIFE, lateRoot, newRecordMap } from './layout.ts'

/** Edits of one record's Y types. What is written here has been checked before: a throw is a bug. */
export interface RecordEdit {
  readonly set?: Values
  readonly add?: Readonly<Record<string, readonly string[]>>
  readonly remove?: Readonly<Record<string, readonly string[]>>
  readonly increment?: Readonly<Record<string, number>>
  /** Entries to add. */
  readonly append?: Readonly<Record<string, readonly Entry[]>>
  readonly edit?: Readonly<Record<string, readonly TextEdit[]>>
  readonly front?: readonly TextEdit[]
  readonly extra?: Readonly<Record<string, string | null>>
  readonly file?: string
}

export interface NewRecord {
  readonly values: Values
  readonly file: string
  readonly front: string
  readonly extra: Readonly<Record<string, string>>
}

/** Makes a record with everything it ever needs, in the transaction that is open. */
export function createRecord(doc: Y.Doc, kind: RecordKind, id: RecordId, record: NewRecord): void {
  const map = newRecordMap(kind)
  doc.getMap(kind.plural).set(id, map)
  map.set(FILE, record.file)
  textAt(map, FRONT).insert(0, record.front)
  const extra = mapAt(map, EXTRA)
  for (const [key, source] of Object.entries(record.extra)) extra.set(key, source)
  for (const [name, field] of Object.entries(kind.fields)) {
    const value = record.values[name]
    if (value !== undefined) writeInitial(doc, map, storedName(name, field), field, value)
  }
}

function writeInitial(doc: Y.Doc, map: Y.Map<unknown>, name: string, field: Field, value: Value): void {
  switch (field.merge) {
    case 'register':
      if (value !== null) map.set(name, stored(field, value))
      return
    case 'prose':
      if (value) textAt(map, name).insert(0, String(value))
      return
    case 'set':
      for (const member of textsOf(value)) mapAt(map, name).set(member, true)
      return
    case 'counter':
      if (value) mapAt(map, name).set(String(doc.clientID), Number(value))
      return
    case 'entries':
      addEntries(mapAt(map, name), entriesOf(value))
      return
    default:
      unreachable(field.merge)
  }
}

/** Writes into a record's existing types. Equal values are not written again: a set key keeps every struct for ever. */
export function editRecord(doc: Y.Doc, kind: RecordKind, id: RecordId, map: Y.Map<unknown>, edit: RecordEdit): void {
  const keyOf = (name: string): string => storedName(name, kind.fields[name])
  const fieldMap = (name: string): Y.Map<unknown> => {
    const key = keyOf(name)
    return map.has(key) ? mapAt(map, key) : doc.getMap(lateRoot(id, key))
  }
  const fieldText = (name: string): Y.Text => {
    const key = keyOf(name)
    return map.has(key) ? textAt(map, key) : doc.getText(lateRoot(id, key))
  }
  takeOver(kind, map, edit, fieldMap)
  for (const [name, value] of Object.entries(edit.set ?? {})) {
    const key = keyOf(name)
    if (value === null || value === undefined) {
      if (map.has(key)) map.delete(key)
    } else if (!isStored(kind.fields[name], map.get(key), value)) map.set(key, stored(kind.fields[name], value))
  }
  for (const [name, members] of Object.entries(edit.add ?? {})) {
    const set = fieldMap(name)
    for (const member of members) if (!set.has(member)) set.set(member, true)
  }
  for (const [name, members] of Object.entries(edit.remove ?? {})) {
    const set = fieldMap(name)
    for (const member of members) if (set.has(member)) set.delete(member)
  }
  for (const [name, amount] of Object.entries(edit.increment ?? {})) {
    if (amount === 0) continue
    const counts = fieldMap(name)
    const own = String(doc.clientID)
    const before = counts.get(own)
    counts.set(own, (typeof before === 'number' ? before : 0) + amount)
  }
  for (const [name, entries] of Object.entries(edit.append ?? {})) addEntries(fieldMap(name), entries)
  for (const [name, edits] of Object.entries(edit.edit ?? {})) editText(fieldText(name), edits)
  if (edit.front) editText(textAt(map, FRONT), edit.front)
  if (edit.extra) {
    const extra = mapAt(map, EXTRA)
    for (const [key, source] of Object.entries(edit.extra)) {
      if (source === null) extra.delete(key)
      else if (extra.get(key) !== source) extra.set(key, source)
    }
  }
  if (edit.file !== undefined && map.get(FILE) !== edit.file) map.set(FILE, edit.file)
}

/** A field that is written takes the place of an extra key of its name, from before it was declared; a set keeps what was in that. */
function takeOver(
  kind: RecordKind,
  map: Y.Map<unknown>,
  edit: RecordEdit,
  fieldMap: (name: string) => Y.Map<unknown>,
): void {
  const { set, add, remove, increment, append, edit: texts } = edit
  const extra = mapAt(map, EXTRA)
  for (const name of Object.keys({ ...set, ...add, ...remove, ...increment, ...append, ...texts })) {
    const field = kind.fields[name]
    const raw = field?.own ? extra.get(name) : undefined
    if (field === undefined || typeof raw !== 'string') continue
    if (field.merge === 'set')
      for (const member of textsOf(valueOfExtra(field, name, raw))) fieldMap(name).set(member, true)
    extra.delete(name)
  }
}

function addEntries(list: Y.Map<unknown>, entries: readonly Entry[]): void {
  for (const { id, at, by, text } of entries) list.set(id, { at, by, text })
}

/** How a register's value is kept: JSON as itself, not as its text. */
function stored(field: Field | undefined, value: Value): unknown {
  return field?.value.type === 'json' ? JSON.parse(String(value)) : value
}

function isStored(field: Field | undefined, before: unknown, value: Value): boolean {
  return field?.value.type === 'json' ? JSON.stringify(before) === value : before === value
}

/** From the last edit to the first, so that offsets before it stay true. */
function editText(text: Y.Text, edits: readonly TextEdit[]): void {
  for (const edit of edits.toReversed()) {
    if (edit.delete > 0) text.delete(edit.at, edit.delete)
    if (edit.insert) text.insert(edit.at, edit.insert)
  }
}

/** Marks a record deleted in the name of one replica. */
export function markDeleted(map: Y.Map<unknown>, replica: string, mark: DeleteMark): void {
  mapAt(map, LIFE).set(`d:${replica}`, mark)
}

/** Says that a deletion is taken back. This is an edit, so no earlier mark covers it. */
export function markRestored(map: Y.Map<unknown>, by: string, at: number): void {
  mapAt(map, LIFE).set('r', { by, at })
}

function textAt(map: Y.Map<unknown>, name: string): Y.Text {
  const text = map.get(name)
  return must(text instanceof Y.Text ? text : undefined, `no text "${name}" in a record`)
}

function mapAt(map: Y.Map<unknown>, name: string): Y.Map<unknown> {
  const nested = map.get(name)
  return must(nested instanceof Y.Map ? nested : undefined, `no map "${name}" in a record`)
}
