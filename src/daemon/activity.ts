import type { Activity } from '../api/protocol.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Change, Commit, KeyedValue, StoredRecord } from '../store/project.ts'
import { keyDifference, recordDifference } from '../store/record-diff.ts'

/** Tells those who watch what happens, a line per change. */
export interface ActivityFeed {
  note(commit: Commit): void
  readonly subscribe: (listen: (activity: Activity) => void) => () => void
}

export function createActivity(kinds: Kinds): ActivityFeed {
  const listeners = new Set<(activity: Activity) => void>()
  return {
    note({ changes, entries }) {
      if (listeners.size === 0) return
      for (const change of changes) {
        const line: Activity = {
          at: new Date(change.row.at).toISOString(),
          actor: change.row.actor,
          text: textOf(kinds, change),
          about: { kind: change.kind, id: change.id, ...fileOf(change) },
        }
        for (const listen of listeners) listen(line)
      }
      for (const { id, at, actor, action, task } of entries) {
        const line: Activity = {
          at,
          actor,
          text: `logged ${action}${task && ` (${task})`}`,
          about: { kind: kinds.log.name, id },
        }
        for (const listen of listeners) listen(line)
      }
    },
    subscribe(listen) {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
  }
}

/** The file of a record that chose its own: what a page is known by. */
function fileOf({ after, before }: Change): { readonly file?: string } {
  const record = after ?? before
  return record !== undefined && 'file' in record && typeof record.file === 'string' ? { file: record.file } : {}
}

function textOf(kinds: Kinds, { kind: name, id, before, after }: Change): string {
  const kind = kinds.record(name)
  if (!kind)
    return `${name} ${id}: ${keyDifference(before as KeyedValue | undefined, after as KeyedValue | undefined).headline}`
  const [was, is] = [before as StoredRecord | undefined, after as StoredRecord | undefined]
  return `${id}: ${recordDifference(kind, was, is).headline}`
}
