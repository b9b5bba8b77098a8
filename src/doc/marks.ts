import * as Y from 'yjs'
import { LIFE } from './layout.ts'

/** A mark of deletion holds what its author had seen: an update without this word has none. */
const SEEN = Buffer.from('seen')

/** The records that an update, which is applied to the document, marks as deleted. */
export function marksIn(doc: Y.Doc, update: Uint8Array): readonly string[] {
  if (!Buffer.from(update.buffer, update.byteOffset, update.byteLength).includes(SEEN)) return []
  const records = new Set<string>()
  for (const struct of Y.decodeUpdate(update).structs) {
    if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentAny)) continue
    // An update does not say where an item is that has a neighbour; the document does.
    const item = Y.getItem(doc.store, struct.id)
    if (!(item instanceof Y.Item) || item.parentSub?.startsWith('d:') !== true) continue
    const life = (item.parent as Y.AbstractType<unknown>)._item
    const record = life?.parentSub === LIFE ? (life.parent as Y.AbstractType<unknown>)._item : undefined
    if (record?.parentSub) records.add(record.parentSub)
  }
  return [...records].sort()
}
