import * as Y from 'yjs'
import type { RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Json } from '../model/record.ts'
import { type DocRecord, readRecord } from './read.ts'
import { createSpans, type Spans } from './spans.ts'

/**
 * Some records, or keys, through the rows that touch them and no others: what they were after each row, and which row
 * made and which took away every part of them. Costs what those rows cost, however large the project is.
 */
export interface Trace<R> {
  /** Takes the next row, in an order that respects causes. */
  apply(update: Uint8Array, row: R): void
  record(kind: RecordKind, id: RecordId): DocRecord | undefined
  key(kind: KeyedKind, key: string): Json | undefined
  /** For the other parts of this layer. */
  readonly doc: Y.Doc
  readonly inserted: Spans<R>
  readonly deleted: Spans<R>
  destroy(): void
}

/**
 * A document without collection of garbage, so that what was deleted can still be read. What the rows that are left out
 * wrote is a gap: structs without content, so that the clocks of all clientIDs stay what they are.
 *
 * @param hasSeen whether a row was made with knowledge of another one
 */
export function createTrace<R>(kinds: Kinds, hasSeen: (row: R, other: R) => boolean): Trace<R> {
  const doc = new Y.Doc({ gc: false })
  // Never written under.
  doc.clientID = 0
  for (const kind of [...kinds.records, ...kinds.keyed]) doc.getMap(kind.plural)
  const inserted = createSpans<R>(hasSeen)
  const deleted = createSpans<R>(hasSeen)

  return {
    doc,
    inserted,
    deleted,
    apply(update, row) {
      const decoded = Y.decodeUpdate(update)
      fillGaps(doc.store, decoded)
      for (const struct of decoded.structs) {
        if (struct instanceof Y.Item) inserted.add(struct.id.client, struct.id.clock, struct.length, row)
      }
      for (const [client, ranges] of decoded.ds.clients) {
        for (const { clock, len } of ranges) deleted.add(client, clock, len, row)
      }
      Y.applyUpdate(doc, update)
    },
    record(kind, id) {
      const map = doc.getMap(kind.plural).get(id)
      return map instanceof Y.Map ? readRecord(doc, kind, id, map) : undefined
    },
    key(kind, key) {
      const root = doc.getMap(kind.plural)
      if (!root.has(key)) return undefined
      const value = root.get(key)
      return (value instanceof Y.AbstractType ? value.toJSON() : value) as Json
    },
    destroy: () => doc.destroy(),
  }
}

/** Makes room for what an update builds on and what is not here. */
function fillGaps(store: Y.Doc['store'], decoded: ReturnType<typeof Y.decodeUpdate>): void {
  const fill = (client: number, upto: number): void => {
    const have = Y.getState(store, client)
    if (upto <= have) return
    const structs = store.clients.get(client) ?? []
    structs.push(new Y.GC(Y.createID(client, have), upto - have))
    store.clients.set(client, structs)
  }
  const own = new Set<number>()
  for (const { id } of decoded.structs) {
    if (!own.has(id.client)) fill(id.client, id.clock)
    own.add(id.client)
  }
  const mention = (id: Y.ID | null): void => {
    if (id && !own.has(id.client)) fill(id.client, id.clock + 1)
  }
  for (const struct of decoded.structs) {
    if (!(struct instanceof Y.Item)) continue
    mention(struct.origin)
    mention(struct.rightOrigin)
    if (struct.parent instanceof Y.ID) mention(struct.parent)
  }
  for (const [client, ranges] of decoded.ds.clients) {
    if (own.has(client)) continue
    for (const { clock, len } of ranges) fill(client, clock + len)
  }
}
