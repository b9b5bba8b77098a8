import { task } from '../model/kinds/task.ts'
import { statusesOf } from '../model/statuses.ts'
import type { Project } from './project.ts'

/** Statuses that tasks have and that are not declared here, but where another replica is. */
export function undeclaredStatuses(project: Project): readonly string[] {
  const known = new Set(statusesOf(project.kinds).all)
  const groups = project.groups(task, {}, 'status')
  return groups.flatMap(({ value }) => (typeof value === 'string' && !known.has(value) ? [value] : []))
}
