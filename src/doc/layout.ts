import * as Y from 'yjs'
import { unreachable } from '../base/assert.ts'
import { type Field, storedName } from '../model/field.ts'
import type { RecordKind } from '../model/kind.ts'

/** Names in a record's Y.Map that are not fields of its kind. Part of the document's format: see docs/formats.md. */
export const FRONT = 'front'
export const FILE = 'file'
export const EXTRA = 'extra'
/** `d:<replica>` -> DeleteMark, `r` -> who took a deletion back. */
export const LIFE = 'life'

/** Root types beside the kinds' own. */
export const CLIENTS_ROOT = 'clients'

/** Who grants claims: `replica` and `epoch`. Both are written together. */
export const ARBITER_ROOT = 'arbiter'

/** The one replica that grants claims. A later epoch takes the place of an earlier one. */
export interface Arbiter {
  readonly replica: string
  readonly epoch: number
}

/** What a deletion says: who, when, and what its replica had seen; it holds only while nobody outside that edits the record. */
export interface DeleteMark {
  readonly by: string
  readonly at: number
  readonly seen: Readonly<Record<string, number>>
}

/** The Y type a field's merge lives in; undefined for a plain value. Made with the record and never again. */
export function newNestedType(field: Field): Y.AbstractType<unknown> | undefined {
  switch (field.merge) {
    case 'register':
      return undefined
    case 'prose':
      return new Y.Text() as Y.AbstractType<unknown>
    case 'set':
    case 'counter':
    case 'entries':
      return new Y.Map() as Y.AbstractType<unknown>
    default:
      return unreachable(field.merge)
  }
}

/**
 * The root type of a field that its kind has had only since after the record was made: root types merge when made twice.
 * `stored` is the field's stored name.
 */
export function lateRoot(id: string, stored: string): string {
  return `${id}/${stored}`
}

/** The record and the field that a root type belongs to; undefined when it is not one of those. */
export function lateRootParts(name: string): { readonly id: string; readonly stored: string } | undefined {
  const [, id, stored] = /^([a-z]-[0-9a-z]{8})\/(.+)$/s.exec(name) ?? []
  return id === undefined || stored === undefined ? undefined : { id, stored }
}

/** Makes a record's map with all its nested types: one made later by two replicas would lose one side's text. */
export function newRecordMap(kind: RecordKind): Y.Map<unknown> {
  const map = new Y.Map<unknown>()
  for (const [name, field] of Object.entries(kind.fields)) {
    const nested = newNestedType(field)
    if (nested) map.set(storedName(name, field), nested)
  }
  map.set(FRONT, new Y.Text())
  map.set(EXTRA, new Y.Map())
  map.set(LIFE, new Y.Map())
  return map
}
