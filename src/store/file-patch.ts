import { unreachable } from '../base/assert.ts'
import { withoutLastNewlines } from '../base/trim.ts'
import { addedComments, entriesField } from '../model/comments.ts'
import type { Field } from '../model/field.ts'
import { type FrontMatter, mergeFront } from '../model/front-matter.ts'
import { emptyValue, type RecordKind, textsOf, type Value } from '../model/kind.ts'
import type { Json, RecordView } from '../model/record.ts'
import { mergeText } from '../model/text-diff.ts'
import type { TextEdit } from '../model/text-edit.ts'
import type { RecordPatch } from './tx.ts'

/** What a file says: its front matter, and the body among the values. */
export type FileContent = Omit<FrontMatter, 'ok' | 'id'> & {
  /** Its comments, as they stand there. */
  readonly section: string
}

/**
 * What a person changed from `base` to `disk`, as a patch of the record as it is now [M1]: per key, and only keys whose
 * value differs; what they changed wins over a concurrent change of the same register. Keys that orch alone writes, and
 * required ones that were emptied, are no edits: they come back with the next rendering.
 */
export function patchOf(kind: RecordKind, base: FileContent, disk: FileContent, current: RecordView): RecordPatch {
  const set: Record<string, Value> = {}
  const add: Record<string, readonly string[]> = {}
  const remove: Record<string, readonly string[]> = {}
  const increment: Record<string, number> = {}
  const edit: Record<string, readonly TextEdit[]> = {}
  const broken = new Set(disk.invalid.map(({ key }) => key))
  const brokenBefore = new Set(base.invalid.map(({ key }) => key))
  for (const [name, field] of Object.entries(kind.fields)) {
    if (field.readonly || field.merge === 'entries' || broken.has(name)) continue
    const [before, after] = [valueIn(base, name, field), valueIn(disk, name, field)]
    if (isEqual(before, after) && !brokenBefore.has(name)) continue
    switch (field.merge) {
      case 'register':
        if (!(field.required && after === null)) set[name] = after
        break
      case 'prose':
        edit[name] = mergeText(String(before), String(after), withoutEnd(current.values[name]))
        break
      case 'set':
        add[name] = without(after, before)
        remove[name] = without(before, after)
        break
      case 'counter':
        increment[name] = rounded(Number(after) - Number(before))
        break
      default:
        unreachable(field.merge)
    }
  }
  const comments = entriesField(kind)
  const added = comments === undefined ? [] : addedComments(base.section, disk.section)
  const extra = changedKeys(base.extra, disk.extra)
  const front =
    base.skeleton === disk.skeleton ? [] : mergeFront(kind, current, { base: base.skeleton, disk: disk.skeleton })
  return {
    ...(hasKeys(set) && { set }),
    ...(hasKeys(add) && { add, remove }),
    ...(hasKeys(increment) && { increment }),
    ...(hasKeys(edit) && { edit }),
    ...(comments !== undefined && added.length > 0 && { append: { [comments]: added.map((text) => ({ text })) } }),
    ...(hasKeys(extra) && { extra }),
    ...(front.length > 0 && { front }),
  }
}

/** Registers that a person set from `base` to `disk` while somebody else set them to something else: what that was. */
export function overriddenBy(
  kind: RecordKind,
  base: FileContent,
  disk: FileContent,
  current: RecordView,
): readonly { readonly field: string; readonly value: Value }[] {
  return Object.entries(kind.fields).flatMap(([field, declared]) => {
    if (declared.merge !== 'register' || declared.readonly) return []
    const [before, after] = [valueIn(base, field, declared), valueIn(disk, field, declared)]
    const value = current.values[field] ?? null
    const isBoth = before !== after && value !== before && value !== after
    return isBoth && !(declared.required && after === null) ? [{ field, value }] : []
  })
}

/** Values for a record made from a file: what stands there, less what orch alone writes. */
export function valuesOf(kind: RecordKind, disk: FileContent): Readonly<Record<string, Value>> {
  const entries = Object.entries(disk.values).filter(
    ([name]) => kind.fields[name] && !kind.fields[name].readonly && kind.fields[name].merge !== 'entries',
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== null))
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

/** Whether a patch changes nothing. */
export function isEmptyPatch(patch: RecordPatch): boolean {
  return Object.keys(patch).length === 0
}

/** A text without the newlines at its end: a file never shows them, so what is added after them would stand apart. */
export function withoutEnd(text: Value | undefined): string {
  return withoutLastNewlines(String(text ?? ''))
}

function valueIn(content: FileContent, name: string, field: Field): Value {
  return content.values[name] ?? emptyValue(field)
}

function changedKeys(
  base: Readonly<Record<string, string>>,
  disk: Readonly<Record<string, string>>,
): Readonly<Record<string, string | null>> {
  const keys = new Set([...Object.keys(base), ...Object.keys(disk)])
  return Object.fromEntries([...keys].filter((key) => base[key] !== disk[key]).map((key) => [key, disk[key] ?? null]))
}

/** Members of a set that are not in another one. */
export function without(list: Value, others: Value): readonly string[] {
  const known = new Set(textsOf(others))
  return textsOf(list).filter((member) => !known.has(member))
}

/** Sets are equal in any order. */
function isEqual(a: Value, b: Value): boolean {
  return typeof a === 'object' && a !== null ? without(a, b).length + without(b, a).length === 0 : a === b
}

/** Without the noise of binary fractions. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6
}

function hasKeys(object: object): boolean {
  return Object.keys(object).length > 0
}
