import type * as Y from 'yjs'
import { isRecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { ARBITER_ROOT, CLIENTS_ROOT, LIFE, lateRootParts } from './layout.ts'

/** What the root types of a document are. New ones may come with any update. */
export interface Roots {
  /** The kind whose root type this is. */
  kindOf(type: Y.AbstractType<unknown>): RecordKind | KeyedKind | undefined
  /** What a changed type belongs to, by the keys that changed in it. */
  changed(type: Y.AbstractType<unknown>, keys: ReadonlySet<string | null>): readonly ChangedKey[]
  /** Stored names of the fields that a record keeps in root types. */
  lateFields(id: string): readonly string[]
  /** Whether a root type holds records: of a kind that is declared here or elsewhere. */
  holdsRecords(name: string): boolean
  /** Records of kinds that are not declared here: their id, and the root type they are in. */
  undeclared(): Iterable<readonly [id: string, root: string]>
}

export interface ChangedKey {
  /** A record's id, or `<keyed kind>/<key>`. */
  readonly key: string
  /** False for a mark of deletion. */
  readonly isEdit: boolean
  /** The root type of a record whose kind is not declared here. */
  readonly undeclaredIn?: string
}

type Share = ReadonlyMap<string, Y.AbstractType<unknown>>

const BESIDE: ReadonlySet<string> = new Set([CLIENTS_ROOT, ARBITER_ROOT])
const NO_NAMES: readonly string[] = []

export function createRoots(doc: Y.Doc, kinds: Kinds): Roots {
  const records = new Map(kinds.records.map((kind) => [kind.plural, kind]))
  const keyed = new Map(kinds.keyed.map((kind) => [kind.plural, kind]))
  const names = new Map<Y.AbstractType<unknown>, string>()
  const late = new Map<string, string[]>()
  const others = new Set<string>()
  let looked = 0

  /** Root types are only ever added. */
  const look = (): void => {
    if (looked === doc.share.size) return
    looked = doc.share.size
    for (const [name, root] of doc.share as Share) {
      if (names.has(root)) continue
      names.set(root, name)
      const parts = lateRootParts(name)
      if (parts) {
        const known = late.get(parts.id) ?? []
        if (!known.includes(parts.stored)) late.set(parts.id, [...known, parts.stored])
      } else if (!records.has(name) && !keyed.has(name) && !BESIDE.has(name)) others.add(name)
    }
  }

  const nameOf = (root: Y.AbstractType<unknown>): string | undefined => {
    const known = names.get(root)
    if (known !== undefined) return known
    for (const [name, one] of doc.share as Share) {
      if (one !== root) continue
      // New, or a typed one in the place of what an update had made.
      look()
      names.set(root, name)
      return name
    }
    return undefined
  }

  return {
    kindOf(type) {
      const name = type._item ? undefined : nameOf(type)
      return name === undefined ? undefined : (records.get(name) ?? keyed.get(name))
    },
    changed(type, keys) {
      const path: string[] = []
      let at = type
      while (at._item) {
        path.unshift(at._item.parentSub ?? '')
        at = at._item.parent as Y.AbstractType<unknown>
      }
      const root = nameOf(at)
      if (root === undefined) return []
      const parts = lateRootParts(root)
      if (parts) return [{ key: parts.id, isEdit: true }]
      const keyedKind = keyed.get(root)
      const kind = records.get(root)
      const [first, second] = path
      return [...keys].flatMap((key): readonly ChangedKey[] => {
        const name = first ?? key
        if (name === null) return []
        if (keyedKind) return [{ key: `${keyedKind.name}/${name}`, isEdit: true }]
        const isEdit = second !== LIFE || key?.startsWith('d:') !== true
        if (kind && (name.startsWith(`${kind.letter}-`) || !isRecordId(name))) return [{ key: name, isEdit }]
        return isRecordId(name) && !BESIDE.has(root) ? [{ key: name, isEdit, undeclaredIn: root }] : []
      })
    },
    lateFields(id) {
      look()
      return late.get(id) ?? NO_NAMES
    },
    holdsRecords(name) {
      look()
      return records.has(name) || (others.has(name) && holdsAny(doc, name))
    },
    *undeclared() {
      look()
      for (const name of [...others, ...records.keys()]) {
        const letter = records.get(name)?.letter
        for (const [id, item] of doc.share.get(name)?._map ?? []) {
          if (isRecordId(id) && id[0] !== letter && !item.deleted) yield [id, name]
        }
      }
    },
  }
}

function holdsAny(doc: Y.Doc, name: string): boolean {
  for (const id of doc.share.get(name)?._map.keys() ?? []) if (isRecordId(id)) return true
  return false
}
