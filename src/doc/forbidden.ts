import * as Y from 'yjs'
import { ARBITER_ROOT, CLIENTS_ROOT } from './layout.ts'

type Decoded = ReturnType<typeof Y.decodeUpdate>
/** Where an item sits: below a root type, or below the item of another type; under a key, or in a sequence. */
interface Place {
  readonly root: string | undefined
  readonly parent: Y.Item | undefined
  readonly key: string | null
}

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
  const incoming = new Map<string, Y.Item>()
  for (const struct of decoded.structs) {
    if (struct instanceof Y.Item) incoming.set(`${struct.id.client} ${struct.id.clock}`, struct)
  }
  const itemAt = (id: Y.ID): Y.Item | undefined => {
    if (!isKnown(id)) return incoming.get(`${id.client} ${id.clock}`) ?? covering(decoded, id)
    const item = Y.getItem(store, id)
    return item instanceof Y.Item ? item : undefined
  }
  const rootName = (type: Y.AbstractType<unknown>): string | undefined => {
    for (const [name, root] of doc.share) if (root === type) return name
    return undefined
  }

  /** An update names a parent only where no neighbour does; then the neighbour's place is the item's. */
  const placeOf = (start: Y.Item): Place => {
    let item = start
    for (;;) {
      const { parent, parentSub } = item
      if (typeof parent === 'string') return { root: parent, parent: undefined, key: parentSub }
      if (parent instanceof Y.ID) return { root: undefined, parent: itemAt(parent), key: parentSub }
      if (parent) {
        const name = rootName(parent as Y.AbstractType<unknown>)
        return { root: name, parent: parent._item ?? undefined, key: parentSub }
      }
      const neighbour = item.origin ?? item.rightOrigin
      const next = neighbour && itemAt(neighbour)
      if (!next || next === item) return { root: undefined, parent: undefined, key: null }
      item = next
    }
  }
  const isRecord = (item: Y.Item): boolean => holdsRecords(placeOf(item).root ?? '')
  const isNestedType = (item: Y.Item): boolean => {
    const { parent } = placeOf(item)
    return item.content instanceof Y.ContentType && parent !== undefined && isRecord(parent)
  }

  for (const item of incoming.values()) {
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

function covering(decoded: Decoded, id: Y.ID): Y.Item | undefined {
  const found = decoded.structs.find(
    (struct) =>
      struct.id.client === id.client && struct.id.clock <= id.clock && id.clock < struct.id.clock + struct.length,
  )
  return found instanceof Y.Item ? found : undefined
}

/** Whether a map has a key, without making a root type of it. */
function has(map: Pick<Y.AbstractType<unknown>, '_map'> | undefined, key: string): boolean {
  const item = map?._map.get(key)
  return item !== undefined && !item.deleted
}
