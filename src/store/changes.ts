import type { Applied, ProjectDoc } from '../doc/project-doc.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Change, RowHead } from './project.ts'
import type { RecordIndex } from './record-index.ts'

/** Brings the index up to a row that was just applied and says what it changed, with before and after. */
export interface Changes {
  take(doc: ProjectDoc, row: RowHead, applied: Applied): readonly Change[]
}

type Target =
  | { readonly shape: 'records'; readonly kind: RecordKind; readonly id: RecordId }
  | { readonly shape: 'keys'; readonly kind: KeyedKind; readonly id: string }

/** `note` hears the changes inside the same SQL transaction: what it writes is durable with the row. */
export function createChanges(
  index: RecordIndex,
  kinds: Kinds,
  note: (row: RowHead, changes: readonly Change[]) => void,
): Changes {
  const targetOf = (key: string): Target | undefined => {
    if (isRecordId(key)) {
      const kind = kinds.lettered(key[0])
      return kind && { shape: 'records', kind, id: key }
    }
    const slash = key.indexOf('/')
    const kind = kinds.keys(key.slice(0, slash))
    return kind && { shape: 'keys', kind, id: key.slice(slash + 1) }
  }

  const currentOf = (target: Target, row: RowHead): Change['after'] => {
    if (target.shape === 'records') return index.get(target.kind, target.id)
    const value = index.getKey(target.kind, target.id)
    return value ?? { key: target.id, value: undefined, updatedAt: row.at, updatedBy: row.actor }
  }

  return {
    take(doc, row, applied) {
      const keys = [...new Set([...row.touched, ...applied.changed])].sort()
      const targets = keys
        .flatMap((key) => targetOf(key) ?? [])
        .filter((target) => target.shape === 'keys' || doc.has(target.kind, target.id))
      const before = targets.map((target) =>
        target.shape === 'records' ? index.get(target.kind, target.id) : index.getKey(target.kind, target.id),
      )
      index.touch(row.touched, row)
      const moved: Target[] = []
      for (const [id, root] of applied.undeclared) index.putUndeclared(id, root)
      for (const target of targets) {
        if (target.shape === 'keys') {
          index.putKey(target.kind, target.id, doc.key(target.kind, target.id))
          continue
        }
        const record = doc.read(target.kind, target.id)
        if (!record) continue
        for (const id of index.put(target.kind, record)) moved.push({ ...target, id })
      }
      const changes = targets.map((target, at) => ({
        kind: target.kind.name,
        id: target.id,
        before: before[at],
        after: currentOf(target, row),
        row,
      }))
      // A record whose file had to make way has not changed itself, but its file must be written anew.
      const known = new Set(keys)
      const aside = moved.filter((target) => !known.has(target.id))
      for (const target of aside) {
        const same = currentOf(target, row)
        changes.push({ kind: target.kind.name, id: target.id, before: same, after: same, row })
      }
      note(row, changes)
      return changes
    },
  }
}
