import * as Y from 'yjs'
import { unreachable } from '../base/assert.ts'
import { type Entry, inOrder, isEntry } from '../model/entry.ts'
import { valueOfExtra } from '../model/extra.ts'
import { type Field, storedName } from '../model/field.ts'
import type { RecordId } from '../model/id.ts'
import { emptyValue, type RecordKind, type Value } from '../model/kind.ts'
import type { RecordView } from '../model/record.ts'
import { type DeleteMark, EXTRA, FILE, FRONT, LIFE, lateRoot } from './layout.ts'

/** A record as the document has it, with the marks of its deletions. `issues` is left to the layer that knows the rules. */
export interface DocRecord extends Omit<RecordView, 'issues'> {
  readonly deletes: readonly DeleteMark[]
  /** Stored names of what it keeps and its kind does not declare here: fields of another version, or of another .orchrc. */
  readonly undeclared: readonly string[]
}

const KEPT_BESIDE: readonly string[] = [FRONT, FILE, EXTRA, LIFE]

/** Only what two replicas can take over at once without doubling it. */
function mayComeFromExtra(field: Field, stored: unknown): boolean {
  if (field.merge === 'register') return stored === undefined
  return field.merge === 'set' && !(stored instanceof Y.Map && stored.size > 0)
}

/**
 * Reads a record's map. Never throws on what a foreign writer put there: a value of the wrong shape reads as empty.
 * `lateFields` are the stored names of fields that it keeps in root types.
 */
export function readRecord(
  doc: Y.Doc,
  kind: RecordKind,
  id: RecordId,
  map: Y.Map<unknown>,
  lateFields: readonly string[] = [],
): DocRecord {
  const values: Record<string, Value> = {}
  const extra: Record<string, string> = { ...readExtra(map.get(EXTRA)) }
  const declared = new Set(KEPT_BESIDE)
  for (const [name, field] of Object.entries(kind.fields)) {
    const key = storedName(name, field)
    declared.add(key)
    const stored = map.get(key) ?? readLate(doc, field, lateRoot(id, key))
    values[name] = readField(field, stored)
    if (!field.own || !Object.hasOwn(extra, name)) continue
    const written = mayComeFromExtra(field, stored) ? valueOfExtra(field, name, extra[name] ?? '') : undefined
    if (written === undefined) continue
    values[name] = written
    delete extra[name]
  }
  const file = map.get(FILE)
  return {
    id,
    kind: kind.name,
    values,
    extra,
    undeclared: [...map.keys(), ...lateFields].filter((key) => !declared.has(key)),
    front: textOf(map.get(FRONT)),
    file: typeof file === 'string' ? file : `${id}.md`,
    deletes: readDeletes(map.get(LIFE)),
  }
}

/** A field's type that is no part of the record's map. Looking for one that is not there must not make it. */
function readLate(doc: Y.Doc, field: Field, root: string): unknown {
  if (!doc.share.has(root)) return undefined
  return field.merge === 'prose' ? doc.getText(root) : doc.getMap(root)
}

/** The root type in which a record keeps a field that is not declared here: what is in it tells its shape. */
export function lateType(doc: Y.Doc, id: string, stored: string): unknown {
  const root = lateRoot(id, stored)
  const raw = doc.share.get(root)
  return raw?._start && raw._map.size === 0 ? doc.getText(root) : doc.getMap(root)
}

function readField(field: Field, stored: unknown): Value {
  switch (field.merge) {
    case 'register':
      if (field.value.type === 'json') return jsonText(stored)
      return typeof stored === 'string' || typeof stored === 'number' ? stored : emptyValue(field)
    case 'prose':
      return textOf(stored)
    case 'set':
      return stored instanceof Y.Map ? [...stored.keys()].sort() : emptyValue(field)
    case 'counter':
      return stored instanceof Y.Map ? roundSum([...stored.values()]) : emptyValue(field)
    case 'entries':
      return stored instanceof Y.Map ? readEntries(stored) : emptyValue(field)
    default:
      return unreachable(field.merge)
  }
}

/** JSON as its text: the model's value of a JSON field. */
function jsonText(stored: unknown): string | null {
  if (stored === undefined || stored === null || stored instanceof Y.AbstractType) return null
  return JSON.stringify(stored) ?? null
}

function textOf(stored: unknown): string {
  return stored instanceof Y.Text ? stored.toString() : ''
}

/** Adds up without the noise of binary fractions, in an order that does not matter: 0.1 + 0.2 is 0.3 on every replica. */
function roundSum(values: readonly unknown[]): number {
  const numbers = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
  const sum = numbers.sort((a, b) => a - b).reduce((total, value) => total + value, 0)
  return Math.round(sum * 1e6) / 1e6
}

function readEntries(stored: Y.Map<unknown>): readonly Entry[] {
  return [...stored.entries()]
    .flatMap(([id, value]) => (typeof value === 'object' && value !== null ? [{ ...value, id } as Entry] : []))
    .filter(isEntry)
    .map(({ id, at, by, text }) => ({ id, at, by, text }))
    .sort(inOrder)
}

function readExtra(stored: unknown): Readonly<Record<string, string>> {
  if (!(stored instanceof Y.Map)) return {}
  const entries = [...stored.entries()].filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function readDeletes(stored: unknown): readonly DeleteMark[] {
  if (!(stored instanceof Y.Map)) return []
  return [...stored.entries()]
    .filter(([key]) => key.startsWith('d:'))
    .flatMap(([, mark]) => (isMark(mark) ? [mark] : []))
}

/** Tells a mark of deletion from whatever a foreign writer put there. */
export function isMark(value: unknown): value is DeleteMark {
  return (
    typeof value === 'object' &&
    value !== null &&
    'seen' in value &&
    typeof value.seen === 'object' &&
    value.seen !== null &&
    'by' in value &&
    typeof value.by === 'string' &&
    'at' in value &&
    typeof value.at === 'number'
  )
}
