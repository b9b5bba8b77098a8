import type { RecordId } from '../model/id.ts'
import { state } from '../model/kinds/state.ts'
import type { Json } from '../model/record.ts'
import type { Project } from './project.ts'
import type { Tx } from './tx.ts'

/** Says in a project's state that another project has joined it, or is about to: so every replica knows. */
export interface JoinMark {
  /** The id and the name of the project that joined. */
  readonly id: string
  readonly name: string
  /** The replica of it that joined. */
  readonly by: string
  /** How many records it brought; undefined while it has only said that it will. */
  readonly records: number | undefined
  /** The ids that changed: old -> new. */
  readonly renamed: ReadonlyMap<RecordId, RecordId>
}

const PREFIX = 'joined.'

/** The projects that have joined a project, and those that are about to. */
export function joinMarks(project: Pick<Project, 'readKeys'>): readonly JoinMark[] {
  return [...project.readKeys(state.name).values()].flatMap(({ key, value }) => {
    const mark = key.startsWith(PREFIX) ? value : undefined
    // It is a key like any other: a person may have written anything there.
    if (!isObject(mark) || typeof mark.name !== 'string' || typeof mark.by !== 'string') return []
    const { name, by, records, renamed } = mark
    return [
      {
        id: key.slice(PREFIX.length),
        name,
        by,
        records: typeof records === 'number' ? records : undefined,
        renamed: new Map(isObject(renamed) ? (Object.entries(renamed) as [RecordId, RecordId][]) : []),
      },
    ]
  })
}

/** Writes a mark. */
export function putJoinMark(tx: Tx, { id, name, by, records, renamed }: JoinMark): void {
  tx.setKey(state.name, `${PREFIX}${id}`, {
    name,
    by,
    ...(records !== undefined && { records }),
    ...(renamed.size > 0 && { renamed: Object.fromEntries(renamed) }),
  })
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
