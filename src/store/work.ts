import { task } from '../model/kinds/task.ts'
import { statusesOf } from '../model/statuses.ts'
import type { Project, Query, StoredRecord } from './project.ts'

/** How many tasks are looked at to tell what is ready: dependencies are no question that the index answers. */
const LOOKED_AT = 200

/** A task, and the open tasks that it depends on. */
export interface Waiting {
  readonly task: StoredRecord
  readonly waitsFor: readonly string[]
}

/** Tasks to do, in the order of lists: what can be begun, and what waits for other tasks. */
export interface Todo {
  readonly ready: readonly StoredRecord[]
  readonly waiting: readonly Waiting[]
  /** How many were not looked at. */
  readonly unseen: number
}

/** Parts the tasks that nobody has begun by whether all they depend on is over. A deleted dependency stands in nobody's way. */
export function todoOf(project: Project, where: NonNullable<Query['where']> = {}): Todo {
  const page = project.list(task, {
    where: { ...where, status: statusesOf(project.kinds).like('todo') },
    limit: LOOKED_AT,
  })
  const all = page.items.map((record) => ({ task: record, waitsFor: waitsFor(project, record) }))
  return {
    ready: all.filter((one) => one.waitsFor.length === 0).map((one) => one.task),
    waiting: all.filter((one) => one.waitsFor.length > 0),
    unseen: page.total - page.items.length,
  }
}

/** The open tasks that a task depends on. */
export function waitsFor(project: Project, { values }: StoredRecord): readonly string[] {
  const { closed } = statusesOf(project.kinds)
  const ids = Array.isArray(values.dependencies) ? (values.dependencies as readonly string[]) : []
  return ids.filter((id) => {
    const record = project.read(task, id as StoredRecord['id'])
    return record !== undefined && record.deletedAt === undefined && !closed.includes(String(record.values.status))
  })
}

/** Statuses that tasks have and that are not declared here, but where another replica is. */
export function undeclaredStatuses(project: Project): readonly string[] {
  const known = new Set(statusesOf(project.kinds).all)
  const groups = project.groups(task, {}, 'status')
  return groups.flatMap(({ value }) => (typeof value === 'string' && !known.has(value) ? [value] : []))
}
