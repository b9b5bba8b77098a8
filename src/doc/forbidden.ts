import * as Y from 'yjs'
import { ARBITER_ROOT, CLIENTS_ROOT } from './layout.ts'

type Decoded = ReturnType<typeof Y.decodeUpdate>
/** Where an item sits: below a root type, or below the item of another type; under a key, or in a sequence. */
interface Place {
  readonly root: string | undefined
  readonly parent: Y.Item | undefined
  readonly key: string | null
}

const NOWHERE: Place = { root: undefined, parent: undefined, key: null }

/** Who wrote what, and who grants claims: no client says that. */
const ONLY_DAEMONS: readonly string[] = [CLIENTS_ROOT, ARBITER_ROOT]

/**
 * Why a foreign update may not be applied although it is well formed; undefined when it may. A record, or a type nested in
 * it, that is removed or replaced takes everybody's text with it, for ever; and `clients` says who wrote what.
 */
export function findForbidden(
  doc: Y.Doc,
  decoded: Decoded,
  holdsRecords: (root: string) => boolean,
): string | undefined {
  const { store } = doc
  const known = Y.decodeStateVector(Y.encodeStateVector(doc))
  const isKnown = (id: Y.ID): boolean => id.clock < (known.get(id.client) ?? 0)
  const incoming = decoded.structs.filter((struct) => struct instanceof Y.Item)
  const incomingAt = finderOf(incoming)
  const itemAt = (id: Y.ID): Y.Item | undefined => {
    if (!isKnown(id)) return incomingAt(id)
    const item = Y.getItem(store, id)
    return item instanceof Y.Item ? item : undefined
  }
  const rootName = (type: Y.AbstractType<unknown>): string | undefined => {
    for (const [name, root] of doc.share) if (root === type) return name
    return undefined
  }

  const placeNamedBy = ({ parent, parentSub }: Y.Item): Place | undefined => {
    if (typeof parent === 'string') return { root: parent, parent: undefined, key: parentSub }
    if (parent instanceof Y.ID) return { root: undefined, parent: itemAt(parent), key: parentSub }
    if (!parent) return undefined
    const name = rootName(parent as Y.AbstractType<unknown>)
    return { root: name, parent: parent._item ?? undefined, key: parentSub }
  }
  const places = new Map<Y.Item, Place>()
  /** An update names a parent only where no neighbour does; then the neighbour's place is the item's. */
  const placeOf = (start: Y.Item): Place => {
    const passed = new Set<Y.Item>()
    let place: Place | undefined
    for (let item: Y.Item | undefined = start; item && !place && !passed.has(item); ) {
      passed.add(item)
      place = places.get(item) ?? placeNamedBy(item)
      const neighbour: Y.ID | null = item.origin ?? item.rightOrigin
      item = neighbour ? itemAt(neighbour) : undefined
    }
    // A long text is a long chain of neighbours: each is walked once.
    for (const item of passed) places.set(item, place ?? NOWHERE)
    return place ?? NOWHERE
  }
  const isRecord = (item: Y.Item): boolean => holdsRecords(placeOf(item).root ?? '')
  const isNestedType = (item: Y.Item): boolean => {
    const { parent } = placeOf(item)
    return item.content instanceof Y.ContentType && parent !== undefined && isRecord(parent)
  }

  for (const item of incoming) {
    if (isKnown(item.id)) continue
    const { root, parent, key } = placeOf(item)
    if (root !== undefined && ONLY_DAEMONS.includes(root)) return `only daemons write \`${root}\``
    if (key === null) continue
    if (root !== undefined && holdsRecords(root) && has(doc.share.get(root), key))
      return `it replaces the record ${key}`
    const record = parent && isKnown(parent.id) && isRecord(parent) && parent.content instanceof Y.ContentType
    const before = record ? (parent.content as Y.ContentType).type._map.get(key) : undefined
    if (before && !before.deleted && isNestedType(before)) return `it replaces "${key}" of a record`
  }
  for (const [client, ranges] of decoded.ds.clients) {
    const structs = store.clients.get(client) ?? []
    for (const { clock, len } of ranges) {
      if (clock >= (known.get(client) ?? 0)) continue
      for (let at = Y.findIndexSS(structs, clock); at < structs.length; at++) {
        const struct = structs[at]
        if (!struct || struct.id.clock >= clock + len) break
        if (!(struct instanceof Y.Item) || struct.deleted) continue
        if (isRecord(struct)) return 'it removes a record; delete it with the operation, which can be taken back'
        if (isNestedType(struct)) return 'it removes a part of a record that others may be writing in'
        const { root } = placeOf(struct)
        if (root !== undefined && ONLY_DAEMONS.includes(root)) return `only daemons write \`${root}\``
      }
    }
  }
  return undefined
}

/** Finds the item of an update that holds an id. */
function finderOf(items: readonly Y.Item[]): (id: Y.ID) => Y.Item | undefined {
  const byClient = new Map<number, Y.Item[]>()
  for (const item of items) {
    const of = byClient.get(item.id.client) ?? []
    byClient.set(item.id.client, of)
    of.push(item)
  }
  for (const of of byClient.values()) of.sort((a, b) => a.id.clock - b.id.clock)
  return ({ client, clock }) => {
    const of = byClient.get(client) ?? []
    let [from, to] = [0, of.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((of[middle]?.id.clock ?? 0) <= clock) from = middle + 1
      else to = middle
    }
    const found = of[from - 1]
    return found && clock < found.id.clock + found.length ? found : undefined
  }
}

/** Whether a map has a key, without making a root type of it. */
function has(map: Pick<Y.AbstractType<unknown>, '_map'> | undefined, key: string): boolean {
  const item = map?._map.get(key)
  return item !== undefined && !item.deleted
}
