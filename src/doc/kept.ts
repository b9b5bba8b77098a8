import * as Y from 'yjs'
import type { RecordId } from '../model/id.ts'
import type { Json } from '../model/record.ts'

/** What stands in a record under a name that is not declared here, as data. */
export type Kept =
  | { readonly type: 'value'; readonly value: Json }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'map'; readonly members: KeptMembers }

export type KeptMembers = Readonly<Record<string, Kept>>

/** What a record keeps and nobody declares here: all of it, or, where its kind is declared, some of its fields. */
export interface KeptRecord {
  /** The root type that it is in: the plural of its kind. */
  readonly root: string
  readonly id: RecordId
  /** By stored name. */
  readonly members: KeptMembers
}

/** Reads a Yjs type, or a plain value, as data. */
export function keptOf(stored: unknown): Kept {
  if (stored instanceof Y.Text) return { type: 'text', text: stored.toString() }
  if (stored instanceof Y.Map) return { type: 'map', members: keptMembers(stored) }
  return { type: 'value', value: (stored instanceof Y.AbstractType ? stored.toJSON() : stored) as Json }
}

export function keptMembers(map: Y.Map<unknown>, except: readonly string[] = []): KeptMembers {
  const entries = [...map.entries()].filter(([name]) => !except.includes(name))
  return Object.fromEntries(entries.map(([name, stored]) => [name, keptOf(stored)]))
}

/** Puts into a map what was read of another one. */
export function putKept(map: Y.Map<unknown>, members: KeptMembers): void {
  for (const [name, kept] of Object.entries(members)) map.set(name, madeOf(kept))
}

function madeOf(kept: Kept): unknown {
  switch (kept.type) {
    case 'value':
      return kept.value
    case 'text':
      return new Y.Text(kept.text)
    case 'map': {
      const map = new Y.Map<unknown>()
      putKept(map, kept.members)
      return map
    }
  }
}
