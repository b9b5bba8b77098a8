import { unreachable } from '../base/assert.ts'
import { entriesOf } from '../model/comments.ts'
import type { Entry } from '../model/entry.ts'
import { emptyValue, type RecordKind, type Value, type Values } from '../model/kind.ts'
import type { RecordView } from '../model/record.ts'
import { diffText } from '../model/text-diff.ts'
import { applyEdits } from '../model/text-edit.ts'
import { without } from './file-patch.ts'
import type { StoredRecord } from './project.ts'
import type { RecordPatch } from './tx.ts'

/** The edit that makes a record what it was, and what of that cannot be had. Entries stay: they are only ever added. */
export function patchTowards(
  kind: RecordKind,
  current: RecordView,
  wanted: RecordView,
): { readonly patch: RecordPatch; readonly notes: readonly string[] } {
  const set: Record<string, Value> = {}
  const add: Record<string, readonly string[]> = {}
  const remove: Record<string, readonly string[]> = {}
  const increment: Record<string, number> = {}
  const edit: Record<string, ReturnType<typeof diffText>> = {}
  const notes: string[] = []
  for (const [name, field] of Object.entries(kind.fields)) {
    const [is, was] = [current.values[name] ?? emptyValue(field), wanted.values[name] ?? emptyValue(field)]
    if (JSON.stringify(is) === JSON.stringify(was)) continue
    switch (field.merge) {
      case 'register':
        set[name] = was
        break
      case 'prose':
        edit[name] = diffText(String(is), String(was))
        break
      case 'set':
        add[name] = without(was, is)
        remove[name] = without(is, was)
        break
      case 'counter':
        increment[name] = Math.round((Number(was) - Number(is)) * 1e6) / 1e6
        break
      case 'entries':
        notes.push(`${entriesOf(is).length - entriesOf(was).length} of its ${name} came later and stay`)
        break
      default:
        unreachable(field.merge)
    }
  }
  const extra: Record<string, string | null> = {}
  for (const key of new Set([...Object.keys(current.extra), ...Object.keys(wanted.extra)])) {
    if (current.extra[key] !== wanted.extra[key]) extra[key] = wanted.extra[key] ?? null
  }
  const patch: RecordPatch = {
    ...(hasKeys(set) && { set }),
    ...(hasKeys(add) && { add, remove }),
    ...(hasKeys(increment) && { increment }),
    ...(hasKeys(edit) && { edit }),
    ...(hasKeys(extra) && { extra }),
    ...(current.front !== wanted.front && { front: diffText(current.front, wanted.front) }),
    ...(current.file !== wanted.file && { file: wanted.file }),
  }
  return { patch, notes }
}

/** A record as a patch will leave it, for a preview. */
export function patched(current: StoredRecord, patch: RecordPatch): StoredRecord {
  const values: Record<string, Value> = { ...(current.values as Values), ...patch.set }
  for (const [name, members] of Object.entries(patch.add ?? {})) {
    values[name] = [...new Set([...listOf(values[name]), ...members])].sort()
  }
  for (const [name, members] of Object.entries(patch.remove ?? {})) {
    values[name] = listOf(values[name]).filter((member) => !members.includes(member))
  }
  for (const [name, amount] of Object.entries(patch.increment ?? {})) {
    values[name] = Math.round((Number(values[name] ?? 0) + amount) * 1e6) / 1e6
  }
  for (const [name, edits] of Object.entries(patch.edit ?? {})) {
    values[name] = applyEdits(String(values[name] ?? ''), edits)
  }
  const extra: Record<string, string> = { ...current.extra }
  for (const [key, source] of Object.entries(patch.extra ?? {})) {
    if (source === null) delete extra[key]
    else extra[key] = source
  }
  return {
    ...current,
    values,
    extra,
    ...(patch.front && { front: applyEdits(current.front, patch.front) }),
    ...(patch.file !== undefined && { file: patch.file }),
  }
}

const listOf = (value: Value | undefined): readonly string[] =>
  Array.isArray(value) ? (value as readonly (string | Entry)[]).filter((one) => typeof one === 'string') : []

function hasKeys(object: object): boolean {
  return Object.keys(object).length > 0
}
