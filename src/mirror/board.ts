import { must } from '../base/assert.ts'
import { type BoardList, type BoardStatuses, renderBoard } from '../model/board.ts'
import type { RecordKind } from '../model/kind.ts'
import { task } from '../model/kinds/task.ts'
import type { Project } from '../store/project.ts'
import { undeclaredStatuses } from '../store/work.ts'

/** How many tasks of a status the board shows. */
const OPEN = 200
const CLOSED = 20

/** What the kind of tasks says about the headings. */
export function boardStatuses(project: Project): BoardStatuses {
  const task = taskKind(project)
  const status = task.fields.status?.value
  const { choices: declared, synonyms } = status?.type === 'choice' ? status : { choices: [], synonyms: {} }
  const choices = [...declared, ...undeclaredStatuses(project)]
  const first = String(task.defaults.status ?? choices[0] ?? '')
  return { choices, synonyms, closed: closedOf(task), first, done: closedOf(task)[0] ?? first }
}

/** What the board shows: open tasks in the order of lists, of those that are over the last ones. */
export function boardLists(project: Project, { choices, closed } = boardStatuses(project)): readonly BoardList[] {
  return choices.map((status) => {
    const isClosed = closed.includes(status)
    const query = {
      where: { status: [status] },
      limit: isClosed ? CLOSED : OPEN,
      ...(isClosed && { sort: '-closedAt' }),
    }
    const page = project.briefs(taskKind(project), query, ['title'])
    const tasks = page.items.map(({ id, values }) => ({ id, title: String(values.title ?? '') }))
    return { status, tasks, more: page.total - tasks.length }
  })
}

export function boardText(project: Project): string {
  const statuses = boardStatuses(project)
  return renderBoard(boardLists(project, statuses), statuses)
}

/** The kind of tasks, as this project has it. */
export function taskKind(project: Project): RecordKind {
  return must(project.kinds.record(task.name), 'every project has tasks')
}

function closedOf({ stamps }: RecordKind): readonly string[] {
  return stamps.closedAt?.values ?? []
}
