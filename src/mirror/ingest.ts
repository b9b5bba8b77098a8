import { unreachable } from '../base/assert.ts'
import { entriesField, entriesOf, renderComments } from '../model/comments.ts'
import type { RecordKind, Value } from '../model/kind.ts'
import type { RecordView } from '../model/record.ts'
import { type FileContent, without } from '../store/file-patch.ts'
import { commonText } from './compare.ts'

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

/**
 * The text of a file as a base, where some of its values do not fit: they are not merged, so the base has those from
 * before. Else a value that fits later, because somebody has declared it by then, would look merged and be overwritten.
 */
export function withoutUnmerged(
  text: string,
  before: string,
  invalid: readonly { readonly key: string; readonly line: number }[],
): string {
  const [lines, old] = [text.split('\n'), before.split('\n')]
  for (const { key, line } of invalid) {
    const [now, then] = [VALUE.exec(lines[line - 1] ?? ''), old.find((one) => one.startsWith(`${key}:`))]
    const value = then === undefined ? undefined : VALUE.exec(then)?.[2]
    if (now?.[1]?.startsWith(`${key}:`) && value !== undefined) lines[line - 1] = `${now[1]}${value}${now[3] ?? ''}`
  }
  return lines.join('\n')
}

/** A key with its gap, a value on one line, and what follows it. */
const VALUE = /^([^\s:]+:\s*)(\S.*?)(\s+#.*|\s*)$/
