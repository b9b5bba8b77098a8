import { unreachable } from '../base/assert.ts'
import { entriesField, entriesOf, renderComments } from '../model/comments.ts'
import type { RecordKind, Value } from '../model/kind.ts'
import type { RecordView } from '../model/record.ts'
import { type FileContent, without } from '../store/file-patch.ts'
import { commonText } from './stale.ts'

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
