import { OrchError } from '../base/error.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Way } from '../model/attention.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { RecordKind, Value } from '../model/kind.ts'
import { parseRecord } from '../model/markdown.ts'
import { type Json, recordHash } from '../model/record.ts'
import { parseState } from '../model/state-file.ts'
import { mergeText } from '../model/text-diff.ts'
import { applyEdits } from '../model/text-edit.ts'
import type { Kept } from '../store/attention.ts'
import { changedState, isEmptyPatch, patchOf } from '../store/file-patch.ts'
import type { Project } from '../store/project.ts'

/** What was there when a save was merged from an older text: enough to take the save as it was after all. */
export interface StaleSave {
  readonly kind: string
  /** '' for a keyed kind. */
  readonly id: string
  /** What the file said when it was saved over. */
  readonly base: string
  /** What the save was made from. */
  readonly from: string
  readonly saved: string
}

/** Records whose files were gone, as they were then. */
export type HeldDeletes = readonly { readonly kind: string; readonly id: string; readonly hash: string }[]

export interface Overridden {
  readonly kind: string
  readonly id: string
  readonly field: string
  readonly value: Value
}

export const ACCEPT: Way = { name: 'accept', help: 'take the save as it was: what others had added goes' }
export const DELETE: Way = { name: 'delete', help: 'delete these records, as their files were', destructive: true }
export const RESUME: Way = { name: 'resume', help: 'the two programs are at peace: the file is read and written again' }
export const RESTORE: Way = {
  name: 'restore',
  help: 'write it again as it is here; what the file holds now is kept beside it',
}
export const TAKE: Way = { name: 'take', help: 'set it to the other value' }

/** Larger texts are not kept for a way back: the record's history has them. */
const MAX_KEPT_LENGTH = 256 * 1024

/** What an item keeps of a stale save, and its way; nothing when the texts are large. */
export function acceptable(save: StaleSave): { readonly data?: Json; readonly ways?: readonly Way[] } {
  if (save.base.length + save.from.length + save.saved.length > MAX_KEPT_LENGTH) return {}
  return { data: { ...save }, ways: [ACCEPT] }
}

type Settle = (kept: Kept, origin: WriteOrigin) => Promise<string>

/** What a choice about a file can do; it is named as in the item. */
export interface FileWays {
  /** Ends the pause of a file; false when it is not paused. */
  resume(where: string): boolean
  /** Writes a broken file again; resolves to the name that what it held has now, undefined when it is not broken any more. */
  restore(where: string): Promise<string | undefined>
}

/** How items of the mirror are settled, by kind of item and way. */
export function createMirrorWays(
  project: Project,
  { resume, restore }: FileWays,
): Readonly<Record<string, Readonly<Record<string, Settle>>>> {
  return {
    paused_file: {
      async [RESUME.name]({ problem: { where } }) {
        return resume(where) ? `${where} is read and written again.` : `${where} is not paused any more.`
      },
    },
    broken_file: {
      async [RESTORE.name]({ problem: { where } }) {
        const kept = await restore(where)
        return kept === undefined
          ? `${where} is not what it was: it is looked at again.`
          : `${where} is written again. What it held is in ${kept}, which nobody reads.`
      },
    },
    stale_save: { [ACCEPT.name]: ({ data }, origin) => accept(project, data as unknown as StaleSave, origin) },
    held_deletes: { [DELETE.name]: ({ data }, origin) => deleteAll(project, data as unknown as HeldDeletes, origin) },
    overridden_value: { [TAKE.name]: ({ data }, origin) => take(project, data as unknown as Overridden, origin) },
  }
}

async function accept(
  project: Project,
  { kind, id, base, from, saved }: StaleSave,
  origin: WriteOrigin,
): Promise<string> {
  const keyed = project.kinds.keys(kind)
  if (keyed) {
    const [before, old, now] = [parseState(base), parseState(from), parseState(saved)]
    if (!before.ok || !old.ok || !now.ok) throw gone('the texts do not parse any more')
    const others = new Set(changedState(old.values, before.values).map(([key]) => key))
    const taken = changedState(before.values, now.values).filter(([key]) => others.has(key))
    await project.transact(origin, (tx) => {
      for (const [key, value] of taken) tx.setKey(kind, key, value)
    })
    return `Took the save of ${keyed.file} as it was.`
  }
  const records = kindOf(project, kind)
  // What the merge made of the save, so that only what others had added is the difference to it.
  const merged = applyEdits(base, mergeText(from, saved, base))
  const [before, now] = [parseRecord(records, merged, merged), parseRecord(records, saved, saved)]
  if (!before.ok || !now.ok) throw gone('the texts do not parse any more')
  await project.transact(origin, (tx) => {
    const current = tx.read(records, id as RecordId)
    if (!current) throw new OrchError('record_not_found', { kind, id })
    const patch = patchOf(records, before, now, current)
    if (!isEmptyPatch(patch)) tx.update(records, id as RecordId, patch)
  })
  return `Took the save of ${id} as it was.`
}

/** Deletes those that are as they were; who changed one meanwhile had a reason. */
async function deleteAll(project: Project, records: HeldDeletes, origin: WriteOrigin): Promise<string> {
  const due = records.flatMap(({ kind, id, hash }) => {
    const record = isRecordId(id) ? project.read(kindOf(project, kind), id) : undefined
    return record && record.deletedAt === undefined && recordHash(record) === hash
      ? [{ kind: kindOf(project, kind), id: record.id }]
      : []
  })
  await project.transact(origin, (tx) => {
    for (const { kind, id } of due) tx.delete(kind, id)
  })
  const left = records.length - due.length
  const rest = left === 0 ? '' : ` ${left} were changed or deleted meanwhile, and are as they are.`
  return `Deleted ${due.length} records; each can be restored.${rest}`
}

async function take(project: Project, { kind, id, field, value }: Overridden, origin: WriteOrigin): Promise<string> {
  await project.transact(origin, (tx) => tx.update(kindOf(project, kind), id as RecordId, { set: { [field]: value } }))
  return `Set ${field} of ${id} to ${value ?? 'nothing'}.`
}

function kindOf({ kinds }: Project, name: string): RecordKind {
  const kind = kinds.record(name)
  if (!kind) throw gone(`there is no kind ${name} any more`)
  return kind
}

function gone(reason: string): OrchError {
  return new OrchError('invalid_input', { field: 'way', reason })
}
