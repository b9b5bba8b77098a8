import { OrchError } from '../../base/error.ts'
import { nearest } from '../../base/nearest.ts'
import type { RecordId } from '../../model/id.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Kinds } from '../../model/kind-set.ts'
import { relationsOf } from '../../model/relation.ts'
import type { Project } from '../../store/project.ts'
import { hasParts } from './graph.ts'
import { entryOutput } from './logs.ts'
import { type RecordOutput, toOutput } from './output.ts'

/** What a list can bring along for each of its records. */
export function includesOf(kinds: Kinds, kind: RecordKind): readonly string[] {
  const relations = relationsOf(kinds.records, kind)
  return [
    ...relations.map(({ name }) => name),
    ...(relations.some(({ name }) => name === 'sessions') ? ['activeSession'] : []),
    ...(logged(kind) ? ['lastLog'] : []),
    ...(hasParts(kind) ? ['progress'] : []),
  ]
}

/**
 * What belongs to the records of a page, by record: a statement for each name, however many records there are. Throws
 * `invalid_input` on a name that there is not.
 */
export function included(
  project: Project,
  kind: RecordKind,
  ids: readonly RecordId[],
  names: readonly string[],
): ReadonlyMap<RecordId, RecordOutput> {
  const parts = names.map((name) => [name, one(project, kind, ids, name)] as const)
  return new Map(ids.map((id) => [id, Object.fromEntries(parts.map(([name, of]) => [name, of(id)]))]))
}

function one(project: Project, kind: RecordKind, ids: readonly RecordId[], name: string): (id: RecordId) => unknown {
  if (!includesOf(project.kinds, kind).includes(name)) throw unknown(project.kinds, kind, name)
  if (name === 'lastLog') {
    const entries = project.lastEntries(kind.name === 'session' ? 'session' : 'task', ids)
    return (id) => {
      const entry = entries.get(id)
      return entry ? entryOutput(entry) : null
    }
  }
  if (name === 'progress') {
    const progress = project.progress(kind, ids)
    return (id) => progress.get(id) ?? null
  }
  const relation = relationsOf(project.kinds.records, kind).find(
    (found) => found.name === (name === 'activeSession' ? 'sessions' : name),
  )
  if (!relation) throw unknown(project.kinds, kind, name)
  const related = project.related(kind, relation, ids)
  const shown = (id: RecordId): readonly RecordOutput[] =>
    (related.get(id) ?? []).map((record) => toOutput(project, relation.target, record, { withBody: false }))
  return name === 'activeSession' ? (id) => shown(id).find(({ endedAt }) => endedAt === null) ?? null : shown
}

/** Entries of the work log name tasks and sessions. */
function logged({ name }: RecordKind): boolean {
  return name === 'task' || name === 'session'
}

function unknown(kinds: Kinds, kind: RecordKind, name: string): OrchError {
  const known = includesOf(kinds, kind)
  const near = nearest(name, known)
  const reason = `"${name}" is not one of: ${known.join(', ')}${near ? `; did you mean ${near}?` : ''}`
  return new OrchError('invalid_input', { field: 'include', reason })
}
