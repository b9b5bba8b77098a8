import * as Y from 'yjs'
import { fieldStoredAs } from '../model/kind.ts'
import { EXTRA, FILE } from './layout.ts'
import type { Roots } from './roots.ts'

/** A value that was written, by the place of its struct, which is the same on every replica. */
export interface Contender {
  readonly client: number
  readonly clock: number
  /** Undefined where the key was cleared. */
  readonly value: unknown
}

/** Two values of one field, written without knowledge of each other. Yjs decides by clientID, not by time, which shows. */
export interface Contested {
  /** A record's id, or `<keyed kind>/<key>`. */
  readonly key: string
  /** The field, a key that is no field, or the key of the keyed kind. */
  readonly field: string
  readonly winner: Contender
  readonly loser: Contender
}

type AnyType = Y.AbstractType<unknown>

/**
 * Finds the values that lost in a transaction that applied what others wrote: the value visible before is no ancestor
 * (by the chain of origins) of the one visible after, or a value that came is not visible. Must run before the
 * transaction's garbage is collected. Equal values are no conflict; nor is clearing a field beside a value for it.
 */
export function contestedIn(
  doc: Y.Doc,
  transaction: Y.Transaction,
  roots: Pick<Roots, 'kindOf'>,
): readonly Contested[] {
  const found: Contested[] = []
  for (const [type, byKey] of newItems(doc, transaction)) {
    for (const [name, items] of byKey) {
      const place = placeOf(type, name, roots)
      const last = type._map.get(name)
      if (!place || !last) continue
      for (const loser of losersOf(doc.store, transaction, last, items)) {
        const pair = { winner: contenderOf(last), loser: contenderOf(loser) }
        if (loser.content instanceof Y.ContentDeleted) continue
        if (JSON.stringify(pair.winner.value) !== JSON.stringify(pair.loser.value)) found.push({ ...place, ...pair })
      }
    }
  }
  return found
}

/** What the transaction put under keys, by type and key. */
function newItems(doc: Y.Doc, { beforeState, afterState }: Y.Transaction): Map<AnyType, Map<string, Y.Item[]>> {
  const found = new Map<AnyType, Map<string, Y.Item[]>>()
  for (const [client, end] of afterState) {
    const start = beforeState.get(client) ?? 0
    if (end <= start) continue
    const structs = doc.store.clients.get(client) ?? []
    for (let at = Y.findIndexSS(structs, start); at < structs.length; at++) {
      const item = structs[at]
      if (!(item instanceof Y.Item) || item.parentSub === null) continue
      const type = item.parent as AnyType
      const byKey = found.get(type) ?? new Map<string, Y.Item[]>()
      found.set(type, byKey)
      byKey.set(item.parentSub, [...(byKey.get(item.parentSub) ?? []), item])
    }
  }
  return found
}

function losersOf(
  store: Y.Doc['store'],
  transaction: Y.Transaction,
  last: Y.Item,
  items: readonly Y.Item[],
): readonly Y.Item[] {
  const isNew = (item: Y.Item): boolean => items.includes(item)
  let before: Y.Item | null = last
  while (before && isNew(before)) before = before.left
  const wasVisible = before && (!before.deleted || Y.isDeleted(transaction.deleteSet, before.lastId))
  const losers = items.filter(
    (item) =>
      item !== last &&
      !isAncestor(store, item, last) &&
      !items.some((other) => other !== item && isAncestor(store, item, other)),
  )
  const isOverridden = before && wasVisible && before !== last && !isAncestor(store, before, last)
  return before && isOverridden ? [before, ...losers] : losers
}

/** Whether whoever wrote an item had seen another one of the same key. */
function isAncestor(store: Y.Doc['store'], item: Y.Item, of: Y.Item): boolean {
  for (let origin = of.origin; origin; ) {
    const before = Y.getItem(store, origin)
    if (before === item) return true
    if (!(before instanceof Y.Item)) return false
    origin = before.origin
  }
  return false
}

function contenderOf(item: Y.Item): Contender {
  const { client, clock } = item.lastId
  const value: unknown = item.content instanceof Y.ContentDeleted ? undefined : item.content.getContent().at(-1)
  return { client, clock, value: value instanceof Y.AbstractType ? undefined : value }
}

/** The field that a key of a type is; undefined where concurrent writes combine, or orch itself writes. */
function placeOf(
  type: AnyType,
  name: string,
  roots: Pick<Roots, 'kindOf'>,
): Pick<Contested, 'key' | 'field'> | undefined {
  const root = roots.kindOf(type)
  if (root) return root.shape === 'keys' ? { key: `${root.name}/${name}`, field: name } : undefined
  const item = type._item
  const parent = item?.parent as AnyType | undefined
  if (!item?.parentSub || !parent) return undefined
  const kind = roots.kindOf(parent)
  if (kind?.shape === 'records') {
    if (name === FILE) return { key: item.parentSub, field: name }
    const [fieldName, field] = fieldStoredAs(kind, name) ?? []
    const isOne = field?.merge === 'register' && !field.readonly
    return isOne && fieldName !== undefined ? { key: item.parentSub, field: fieldName } : undefined
  }
  const record = parent._item
  const isExtra = item.parentSub === EXTRA && record?.parentSub && roots.kindOf(record.parent as AnyType)
  return isExtra ? { key: record.parentSub as string, field: name } : undefined
}

/** Whether an update holds a struct. */
export function holdsStruct(update: Uint8Array, client: number, clock: number): boolean {
  return Y.decodeUpdate(update).structs.some(
    ({ id, length }) => id.client === client && id.clock <= clock && clock < id.clock + length,
  )
}
