import type { RecordId } from '../../model/id.ts'
import { task } from '../../model/kinds/task.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { RecordPatch } from '../../store/tx.ts'
import { circleThrough } from '../operations/cycle.ts'
import { byAlias, type Item } from './identify.ts'
import type { Names } from './names.ts'
import type { Draft } from './report.ts'

const FIELDS = ['dependencies', 'parent'] as const
type FieldName = (typeof FIELDS)[number]

/** Where one record's links of one field go. */
interface Targets {
  readonly ids: readonly RecordId[]
  /** Old ids that are not here, or would close a circle, as they stand there. */
  readonly left: readonly string[]
}

export type Links = Readonly<Record<FieldName, Targets>>

/** Where the links of an item go; pages have none. */
export type Linker = (item: Item) => Links | undefined

export interface LinkerOptions {
  readonly draft: Draft
  /** What old ids mean among the tasks of this import. */
  readonly names: Names
  /** Says why there is no task with an old id. */
  readonly absence?: (old: string) => string
}

/** Turns the old ids in tasks into ids of records here or in this import. */
export function createLinker(
  project: Project,
  items: readonly Item[],
  { draft, names, absence = () => 'is not here' }: LinkerOptions,
): Linker {
  const edges: Record<FieldName, Map<string, readonly string[]>> = { dependencies: new Map(), parent: new Map() }
  for (const { id, existing } of items) {
    for (const name of FIELDS) if (existing) edges[name].set(id, listOf(existing.values[name]))
  }
  const targets = ({ id, path, existing }: Item, name: FieldName, wanted: readonly string[]): Targets => {
    const ids = new Set<RecordId>()
    const left: string[] = []
    const known = edges[name]
    for (const old of wanted) {
      const to = names(old) ?? byAlias(project, task, old)?.id
      const circle = to && circleThrough<string>(id, to, (from) => known.get(from) ?? [])
      if (to && !circle) {
        ids.add(to)
        known.set(id, [...(known.get(id) ?? []), to])
        continue
      }
      left.push(old)
      const reason = `${circle ? 'would close a circle' : absence(old)} (${name})`
      if (!existing) draft.unresolved.push({ file: path, id: old, reason })
    }
    return { ids: [...ids], left }
  }
  return (item) => {
    if (item.kind !== task) return undefined
    const { dependencies, parent } = item.record
    return {
      dependencies: targets(item, 'dependencies', dependencies),
      parent: targets(item, 'parent', parent === undefined ? [] : [parent]),
    }
  }
}

/** Links as values of a new record. */
export function linkValues({ dependencies, parent }: Links): StoredRecord['values'] {
  return {
    ...(dependencies.ids.length > 0 && { dependencies: dependencies.ids }),
    ...(parent.ids[0] !== undefined && { parent: parent.ids[0] }),
  }
}

/** What links could not be made, as extra keys. */
export function unresolvedExtra(links: Links): Readonly<Record<string, string>> {
  const left = FIELDS.filter((name) => links[name].left.length > 0)
  return Object.fromEntries(left.map((name) => [`${name}_unresolved`, JSON.stringify(links[name].left)]))
}

/** What an earlier imported record, whose unresolved links still stand there, gains by what came only now. */
export function lateLinks(existing: StoredRecord, links: Links): RecordPatch | undefined {
  const next = unresolvedExtra(links)
  const gained = FIELDS.filter((name) => {
    const before = existing.extra[`${name}_unresolved`]
    return before !== undefined && before !== next[`${name}_unresolved`]
  })
  if (existing.deletedAt !== undefined || gained.length === 0) return undefined
  return {
    ...(gained.includes('dependencies') && { add: { dependencies: links.dependencies.ids } }),
    ...(gained.includes('parent') &&
      existing.values.parent === null && { set: { parent: links.parent.ids[0] ?? null } }),
    extra: Object.fromEntries(gained.map((name) => [`${name}_unresolved`, next[`${name}_unresolved`] ?? null])),
  }
}

function listOf(value: StoredRecord['values'][string] | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}
