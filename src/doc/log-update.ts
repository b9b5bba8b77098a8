import * as Y from 'yjs'
import { must } from '../base/assert.ts'
import type { Json } from '../model/record.ts'
import { addsTo, GUARD_LIMITS, type Refusal } from './guard.ts'
import { CLIENTS_ROOT } from './layout.ts'
import type { ClientEntry } from './project-doc.ts'

/**
 * The document of a month is only ever added to: `log` is a Y.Map of entries by their ids, and no key is set twice. So
 * what a row adds can be written and read without the document: it need not be loaded for an entry, however many there are.
 */
const LOG_ROOT = 'log'

/** How far the structs of each clientID go in a document. */
export type Clocks = (client: number) => number

/** What an update adds to the document of a month. */
export interface LogAdditions {
  /** What was put under the ids that are new. */
  readonly entries: readonly (readonly [id: string, value: unknown])[]
  /** How far each clientID has got after it. */
  readonly clocks: ReadonlyMap<number, number>
}

/**
 * The update that adds entries under a clientID which has written `clock` structs so far. What came before is a gap of
 * that length here: nothing that is added refers to it.
 */
export function writeLogUpdate(
  client: number,
  clock: number,
  author: ClientEntry,
  entries: readonly (readonly [id: string, value: { readonly [key: string]: Json }])[],
): Uint8Array {
  const doc = new Y.Doc({ gc: false })
  if (clock > 0) doc.store.clients.set(client, [new Y.GC(Y.createID(client, 0), clock)])
  doc.clientID = client
  let update: Uint8Array | undefined
  doc.on('update', (bytes: Uint8Array) => {
    update = bytes
  })
  doc.transact(() => {
    const log = doc.getMap(LOG_ROOT)
    for (const [id, value] of entries) log.set(id, value)
    if (clock === 0) doc.getMap(CLIENTS_ROOT).set(String(client), author)
  })
  doc.destroy()
  return must(update, 'nothing was added')
}

export type LogRead =
  | { readonly type: 'added'; readonly additions: LogAdditions }
  | { readonly type: 'refused'; readonly verdict: Refusal }

/** Says why an entry may not be added by a client; undefined when it may. */
export type CheckEntry = (id: string, value: unknown) => string | undefined

/**
 * Looks at an update of a month's document and reads what it adds. With `check` it comes from a client, which may add
 * entries and nothing else; a replica checked its rows where they were made.
 */
export function readLogUpdate(update: Uint8Array, clockOf: Clocks, check?: CheckEntry): LogRead {
  if (check && update.length > GUARD_LIMITS.bytes) return refused({ type: 'too-large' })
  const decoded = decode(update)
  if (!decoded) return refused({ type: 'malformed' })
  if (check && decoded.structs.length > GUARD_LIMITS.structs) return refused({ type: 'too-large' })
  const clocks = new Map<number, number>()
  const entries: (readonly [string, unknown])[] = []
  for (const struct of decoded.structs) {
    const { client, clock } = struct.id
    const have = clocks.get(client) ?? clockOf(client)
    if (clock > have || struct instanceof Y.Skip) return refused({ type: 'gap' })
    const end = clock + struct.length
    if (end <= have) continue
    clocks.set(client, end)
    const added = entryOf(struct)
    const reason = check && (added ? check(...added) : NOT_ADDED)
    if (reason !== undefined) return refused({ type: 'forbidden', reason })
    if (added) entries.push(added)
  }
  if (check && decoded.ds.clients.size > 0) return refused({ type: 'forbidden', reason: NOT_ADDED })
  return { type: 'added', additions: { entries, clocks } }
}

const refused = (verdict: Refusal): LogRead => ({ type: 'refused', verdict })

const NOT_ADDED = 'entries of the work log can be added, not changed or removed, and nothing else'

/** A key that is set anew names its place by the root itself; one that replaces another names what it replaces. */
function entryOf(struct: Y.Item | Y.GC | Y.Skip): readonly [string, unknown] | undefined {
  if (!(struct instanceof Y.Item) || struct.origin || struct.rightOrigin || struct.parentSub === null) return undefined
  // The decoded form has the root's name where Yjs's type says its type.
  const isEntry = (struct.parent as unknown) === LOG_ROOT && struct.content instanceof Y.ContentAny
  return isEntry ? [struct.parentSub, struct.content.getContent()[0]] : undefined
}

function decode(update: Uint8Array): ReturnType<typeof Y.decodeUpdate> | undefined {
  try {
    return Y.decodeUpdate(update)
  } catch {
    return undefined
  }
}

/** How many entries an update of a month's document adds, known ones included. */
export function countLogEntries(update: Uint8Array): number {
  return decode(update)?.structs.filter((struct) => entryOf(struct)).length ?? 0
}

/** The whole document of a month, for those who speak Yjs. */
export interface LogDoc {
  apply(update: Uint8Array): void
  /** Whether an update holds anything that the document lacks. */
  adds(update: Uint8Array): boolean
  encodeState(stateVector?: Uint8Array): Uint8Array
  encodeStateVector(): Uint8Array
  destroy(): void
}

export function createLogDoc(): LogDoc {
  const doc = new Y.Doc({ gc: true })
  doc.getMap(LOG_ROOT)
  return {
    apply: (update) => Y.applyUpdate(doc, update),
    adds: (update) => addsTo(doc, update),
    encodeState: (stateVector) => Y.encodeStateAsUpdate(doc, stateVector),
    encodeStateVector: () => Y.encodeStateVector(doc),
    destroy: () => doc.destroy(),
  }
}
