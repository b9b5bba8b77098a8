import * as Y from 'yjs'

type Decoded = ReturnType<typeof Y.decodeUpdate>

/** Deeper than what people nest; reading what is deeper recurses, in every program that shows it. */
const MAX_JSON_DEPTH = 32
const MAX_TYPE_DEPTH = 16
const MAX_KEY_LENGTH = 1024

/** Why the content of an update may not be taken in although it is well formed; undefined when it may. */
export function findOversized(doc: Y.Doc, decoded: Decoded): string | undefined {
  const depths = new Map<string, number>()
  for (const struct of decoded.structs) {
    if (!(struct instanceof Y.Item)) continue
    if ((struct.parentSub?.length ?? 0) > MAX_KEY_LENGTH) return `a key is longer than ${MAX_KEY_LENGTH} characters`
    if (valuesOf(struct.content).some((value) => isDeeper(value, MAX_JSON_DEPTH))) {
      return `a value is nested deeper than ${MAX_JSON_DEPTH} levels`
    }
    if (!(struct.content instanceof Y.ContentType)) continue
    const depth = depthOf(doc, depths, struct)
    if (depth > MAX_TYPE_DEPTH) return `types are nested deeper than ${MAX_TYPE_DEPTH} levels`
    depths.set(keyOf(struct.id), depth)
  }
  return undefined
}

function valuesOf(content: Y.Item['content']): readonly unknown[] {
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) return content.arr
  if (content instanceof Y.ContentEmbed) return [content.embed]
  if (content instanceof Y.ContentFormat) return [content.value]
  return []
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((one) => isDeeper(one, levels - 1))
}

/** How many types an item is nested in. One whose parent is only known by its neighbours is looked up by them. */
function depthOf(doc: Y.Doc, depths: ReadonlyMap<string, number>, item: Y.Item): number {
  const { parent } = item
  if (parent instanceof Y.ID) {
    const known = depths.get(keyOf(parent))
    return known === undefined ? 1 + knownDepth(doc, parent) : known + 1
  }
  const neighbour = item.origin ?? item.rightOrigin
  if (parent === null && neighbour) return depths.get(keyOf(neighbour)) ?? knownDepth(doc, neighbour)
  return 0
}

/** Of an item of the document. */
function knownDepth(doc: Y.Doc, id: Y.ID): number {
  if (id.clock >= Y.getState(doc.store, id.client)) return 0
  let depth = 0
  let item: unknown = Y.getItem(doc.store, id)
  while (item instanceof Y.Item && item.parent instanceof Y.AbstractType && item.parent._item) {
    depth++
    item = item.parent._item
  }
  return depth
}

function keyOf({ client, clock }: Y.ID): string {
  return `${client} ${clock}`
}
