import * as Y from 'yjs'
import { assert, must } from '../base/assert.ts'
import type { RecordId } from '../model/id.ts'
import type { KeyedKind, Kind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Json } from '../model/record.ts'
import { type Contested, contestedIn } from './contested.ts'
import { addsTo, guardUpdate, type Owner, type Verdict } from './guard.ts'
import { type KeptMembers, type KeptRecord, keptMembers, keptOf, putKept } from './kept.ts'
import { ARBITER_ROOT, type Arbiter, CLIENTS_ROOT, type DeleteMark, LIFE } from './layout.ts'
import { marksIn } from './marks.ts'
import { type DocRecord, lateType, readDeletes, readRecord } from './read.ts'
import { createRoots } from './roots.ts'
import { createRecord, editRecord, markDeleted, markRestored, type NewRecord, type RecordEdit } from './write.ts'

/** Who writes under a clientID; kept in the document, so that authorship travels with every character. */
export interface ClientEntry {
  readonly actor: string
  readonly type: string
  readonly replica: string
}

/** What one transaction did. Keys are record ids, or `<keyed kind>/<key>`. */
export interface Applied {
  /** The Yjs update, or undefined when nothing changed. */
  readonly update: Uint8Array | undefined
  /** Everything that changed. */
  readonly changed: ReadonlySet<string>
  /** What changed otherwise than by a mark of deletion. */
  readonly edited: ReadonlySet<string>
  /** Values that lost against others written at the same time. */
  readonly contested: readonly Contested[]
  /** Of the changed ones, records of kinds that are not declared here: id -> root type. */
  readonly undeclared: ReadonlyMap<string, string>
}

/** Writes inside one transaction. What is written was checked before; a throw in here is a bug. */
export interface DocWriter {
  create(kind: RecordKind, id: RecordId, record: NewRecord): void
  edit(kind: RecordKind, id: RecordId, edit: RecordEdit): void
  delete(kind: RecordKind, id: RecordId, replica: string, mark: DeleteMark): void
  restore(kind: RecordKind, id: RecordId, by: string, at: number): void
  setKey(kind: KeyedKind, key: string, value: Json | undefined): void
  setArbiter(arbiter: Arbiter): void
  /** Makes what another project keeps undeclared: a record, or fields of one that is there. */
  keep(record: KeptRecord): void
}

/** The one Y.Doc of a project, behind the words of the model. */
export interface ProjectDoc {
  read(kind: RecordKind, id: RecordId): DocRecord | undefined
  has(kind: RecordKind, id: RecordId): boolean
  ids(kind: RecordKind): IterableIterator<string>
  /** Records of kinds that are not declared here, with the root type they are in. */
  undeclared(): Iterable<readonly [id: string, root: string]>
  /** What a record of a root type keeps and is not declared here, and the marks of its deletion. */
  kept(
    root: string,
    id: RecordId,
  ): { readonly members: KeptMembers; readonly deletes: readonly DeleteMark[] } | undefined
  keys(kind: KeyedKind): ReadonlyMap<string, Json>
  key(kind: KeyedKind, key: string): Json | undefined
  /** Who grants claims, where somebody was named. */
  arbiter(): Arbiter | undefined
  /** Writes under a clientID; the whole is one update. */
  write(client: number, entry: ClientEntry, work: (writer: DocWriter) => void): Applied
  /** `whose` for an update of a client: whose a clientID is, which the document cannot know alone. */
  guard(update: Uint8Array, whose?: (client: number) => Owner): Verdict
  /** How far a clientID has got. */
  clock(client: number): number
  /** The replica that writes under a clientID, where one does. */
  replicaOf(client: number): string | undefined
  /** Whether an update holds anything that the document lacks. */
  adds(update: Uint8Array): boolean
  /** Applies an update that was made elsewhere. Throws when parts of it wait for something that is not here. */
  apply(update: Uint8Array): Applied
  encodeState(stateVector?: Uint8Array): Uint8Array
  encodeStateVector(): Uint8Array
  /** The records that an update, which is applied, marks as deleted. */
  marksIn(update: Uint8Array): readonly string[]
  /** How many clientIDs the document has ever seen: every transaction costs a little for each. */
  clientCount(): number
  destroy(): void
}

/** Never written under: Yjs changes a document's clientID when a foreign update contains it. */
const NOBODY = 0

/**
 * Makes the document and loads updates into it, all in one transaction (one by one would be twice as slow).
 * Throws when something in them waits for an update that is missing.
 */
export function createProjectDoc(kinds: Kinds, updates: Iterable<Uint8Array> = []): ProjectDoc {
  const doc = new Y.Doc({ gc: true })
  doc.clientID = NOBODY
  for (const kind of [...kinds.records, ...kinds.keyed]) doc.getMap(kind.plural)
  const roots = createRoots(doc, kinds)
  const clients = doc.getMap<ClientEntry>(CLIENTS_ROOT)
  const arbiter = doc.getMap<string | number>(ARBITER_ROOT)
  doc.transact(() => {
    for (const update of updates) Y.applyUpdate(doc, update)
  }, 'load')
  assertComplete(doc)

  const rootOf = (kind: Kind): Y.Map<unknown> => doc.getMap(kind.plural)
  const mapOf = (kind: RecordKind, id: string): Y.Map<unknown> | undefined => {
    const map = rootOf(kind).get(id)
    return map instanceof Y.Map ? map : undefined
  }
  const mustMap = (kind: RecordKind, id: string): Y.Map<unknown> => must(mapOf(kind, id), `no record ${id}`)

  const writer: DocWriter = {
    create(kind, id, record) {
      assert(!rootOf(kind).has(id), `record ${id} exists`)
      createRecord(doc, kind, id, record)
    },
    edit: (kind, id, edit) => editRecord(doc, kind, id, mustMap(kind, id), edit),
    delete: (kind, id, replica, mark) => markDeleted(mustMap(kind, id), replica, mark),
    restore: (kind, id, by, at) => markRestored(mustMap(kind, id), by, at),
    setKey(kind, key, value) {
      const root = rootOf(kind)
      if (value === undefined) root.delete(key)
      else root.set(key, value)
    },
    setArbiter({ replica, epoch }) {
      arbiter.set('replica', replica)
      arbiter.set('epoch', epoch)
    },
    keep({ root, id, members }) {
      const records = doc.getMap<unknown>(root)
      const there = records.get(id)
      if (there instanceof Y.Map) return putKept(there, members)
      const map = new Y.Map<unknown>()
      putKept(map, { ...members, [LIFE]: { type: 'map', members: {} } })
      records.set(id, map)
    },
  }

  const capture = (work: () => void): Applied => {
    let update: Uint8Array | undefined
    const changed = new Set<string>()
    const edited = new Set<string>()
    const contested: Contested[] = []
    const undeclared = new Map<string, string>()
    const onUpdate = (bytes: Uint8Array): void => {
      update = bytes
    }
    const onTransaction = (transaction: Y.Transaction): void => {
      for (const [type, keys] of transaction.changed) {
        for (const { key, isEdit, undeclaredIn } of roots.changed(type as Y.AbstractType<unknown>, keys)) {
          changed.add(key)
          if (isEdit) edited.add(key)
          if (undeclaredIn !== undefined) undeclared.set(key, undeclaredIn)
        }
      }
      // What is written here has seen everything that is here.
      if (!transaction.local) contested.push(...contestedIn(doc, transaction, roots))
    }
    doc.on('update', onUpdate)
    doc.on('afterTransaction', onTransaction)
    try {
      work()
    } finally {
      doc.off('update', onUpdate)
      doc.off('afterTransaction', onTransaction)
    }
    return { update, changed, edited, contested, undeclared }
  }

  return {
    read(kind, id) {
      const map = mapOf(kind, id)
      return map && readRecord(doc, kind, id, map, roots.lateFields(id))
    },
    has: (kind, id) => rootOf(kind).has(id),
    ids: (kind) => rootOf(kind).keys(),
    undeclared: () => roots.undeclared(),
    kept(root, id) {
      const map = doc.getMap(root).get(id)
      if (!(map instanceof Y.Map)) return undefined
      const kind = kinds.records.find(({ plural, letter }) => plural === root && letter === id[0])
      const late = roots.lateFields(id)
      const undeclared = kind && readRecord(doc, kind, id, map, late).undeclared
      const members = {
        ...Object.fromEntries(late.map((stored) => [stored, keptOf(lateType(doc, id, stored))])),
        ...keptMembers(map, [LIFE]),
      }
      const wanted = Object.entries(members).filter(([name]) => undeclared?.includes(name) ?? true)
      return { members: Object.fromEntries(wanted), deletes: readDeletes(map.get(LIFE)) }
    },
    keys: (kind) => new Map([...rootOf(kind).entries()].map(([key, value]) => [key, toJson(value)])),
    key: (kind, key) => (rootOf(kind).has(key) ? toJson(rootOf(kind).get(key)) : undefined),
    arbiter() {
      const [replica, epoch] = [arbiter.get('replica'), arbiter.get('epoch')]
      return typeof replica === 'string' && typeof epoch === 'number' ? { replica, epoch } : undefined
    },
    write(client, entry, work) {
      doc.clientID = client
      try {
        return capture(() =>
          doc.transact(() => {
            work(writer)
            if (!clients.has(String(client)) && hasChanged(doc, client)) clients.set(String(client), entry)
          }),
        )
      } finally {
        doc.clientID = NOBODY
      }
    },
    adds: (update) => addsTo(doc, update),
    guard: (update, whose) =>
      guardUpdate(
        doc,
        update,
        whose ? { type: 'client', holdsRecords: roots.holdsRecords, whose } : { type: 'replica' },
      ),
    clock: (client) => Y.getState(doc.store, client),
    replicaOf: (client) => clients.get(String(client))?.replica,
    apply(update) {
      const applied = capture(() => Y.applyUpdate(doc, update))
      assertComplete(doc)
      return applied
    },
    encodeState: (stateVector) => Y.encodeStateAsUpdate(doc, stateVector),
    encodeStateVector: () => Y.encodeStateVector(doc),
    marksIn: (update) => marksIn(doc, update),
    clientCount: () => doc.store.clients.size,
    destroy: () => doc.destroy(),
  }
}

function assertComplete(doc: Y.Doc): void {
  if (doc.store.pendingStructs || doc.store.pendingDs) throw new Error('an update that others build on is missing')
}

/** Whether the open transaction has written anything under this clientID, or deleted anything. */
function hasChanged(doc: Y.Doc, client: number): boolean {
  const transaction = must(doc._transaction, 'no open transaction')
  return (
    transaction.deleteSet.clients.size > 0 ||
    Y.getState(doc.store, client) !== (transaction.beforeState.get(client) ?? 0)
  )
}

function toJson(value: unknown): Json {
  return (value instanceof Y.AbstractType ? value.toJSON() : value) as Json
}
