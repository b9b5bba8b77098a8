import { unreachable } from '../base/assert.ts'
import { entriesField, entriesOf, renderComments } from '../model/comments.ts'
import type { RecordKind, Value } from '../model/kind.ts'
import type { Json, RecordView } from '../model/record.ts'
import { type FileContent, without } from '../store/file-patch.ts'
import { commonText } from './stale.ts'

/** Values for a record made from a file: what stands there, less what orch alone writes. */
export function valuesOf(kind: RecordKind, disk: FileContent): Readonly<Record<string, Value>> {
  const entries = Object.entries(disk.values).filter(
    ([name]) => kind.fields[name] && !kind.fields[name].readonly && kind.fields[name].merge !== 'entries',
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== null))
}

/**
 * The base for a file of which nothing is known but its record: what either has is kept, and where both say something
 * about one key the file, which a person put there, decides.
 */
export function unknownBase(kind: RecordKind, disk: FileContent, current: RecordView): FileContent {
  const values: Record<string, Value> = {}
  for (const [name, field] of Object.entries(kind.fields)) {
    const [theirs, ours] = [disk.values[name], current.values[name]]
    if (theirs === undefined || ours === undefined) continue
    switch (field.merge) {
      case 'register':
        values[name] = ours
        break
      case 'prose':
        values[name] = commonText(String(theirs), String(ours))
        break
      case 'set':
        values[name] = without(theirs, without(theirs, ours))
        break
      case 'counter':
        values[name] = theirs
        break
      case 'entries':
        break
      default:
        unreachable(field.merge)
    }
  }
  const comments = entriesField(kind)
  const section = comments === undefined ? '' : renderComments(entriesOf(current.values[comments]), '')
  const extra = Object.entries(current.extra).filter(([key]) => key in disk.extra)
  return { keys: disk.keys, values, extra: Object.fromEntries(extra), skeleton: current.front, section, invalid: [] }
}

/** Keys of a JSON file that a person changed from `base` to `disk`; undefined: removed. */
export function changedState(
  base: Readonly<Record<string, Json>>,
  disk: Readonly<Record<string, Json>>,
): readonly (readonly [string, Json | undefined])[] {
  const keys = new Set([...Object.keys(base), ...Object.keys(disk)])
  return [...keys]
    .filter((key) => JSON.stringify(base[key]) !== JSON.stringify(disk[key]))
    .map((key) => [key, disk[key]] as const)
}
