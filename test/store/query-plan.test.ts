import { expect, test } from 'vitest'
import { parseFilter } from '../../src/model/filter.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import type { Query } from '../../src/store/project.ts'
import { createQueries } from '../../src/store/queries.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'

/** How SQLite goes about a list: what it says of each statement. */
async function plansOf(query: Query): Promise<readonly string[]> {
  const { project, database } = createTestProject()
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'One' }))
  const plans: string[] = []
  const explain = (sql: string, params: readonly (string | number)[]): void => {
    const steps = database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params)
    plans.push(steps.map(({ detail }) => detail).join('\n'))
  }
  const watched = {
    ...database,
    get: <T>(sql: string, ...params: never[]) => {
      explain(sql, params)
      return database.get<T>(sql, ...params)
    },
    all: <T>(sql: string, ...params: never[]) => {
      explain(sql, params)
      return database.all<T>(sql, ...params)
    },
  }
  createQueries(watched, project.kinds).list(task, query)
  return plans
}

const open = parseFilter({ kinds: builtInKinds.records, resolve: (_, id) => id }, task, {
  status: { notIn: ['completed', 'cancelled'] },
})

test('[P8] lists are counted without reading the records', async () => {
  const asked: readonly Omit<Query, 'limit'>[] = [
    {},
    { filter: open },
    { where: { status: ['todo', 'in_progress'] } },
    { where: { status: ['todo', 'in_progress'] }, text: 'one' },
  ]
  for (const query of asked) {
    const [count] = (await plansOf({ ...query, limit: 0 })).toReversed()
    expect(count).toContain('COVERING INDEX')
    expect(count).not.toMatch(/tasks USING (?!COVERING)/)
  }
})

test('[P8] words lead to the numbers of records, without looking up ids', async () => {
  const plans = await plansOf({ text: 'one', limit: 10 })
  expect(plans.join('\n')).not.toMatch(/search_docs|autoindex/)
})

test('[P8] who asks for a label and a status is answered from those with the label', async () => {
  const filter = parseFilter({ kinds: builtInKinds.records, resolve: (_, id) => id }, task, {
    status: 'todo',
    labels: 'api',
  })
  const [first] = await plansOf({ filter, limit: 10 })
  expect(first).toContain('task_labels_value')
  expect(first).not.toContain('tasks_status')
})

test('[P8] what is asked of several indexed fields is counted without reading the records', async () => {
  const world = { kinds: builtInKinds.records, resolve: (_: string, id: string) => id }
  for (const json of [
    { status: 'todo', estimatedHours: { gte: 3, lt: 5 } },
    { due: { gte: '2026-06-05', lt: '2026-06-15' }, status: { ne: 'completed' } },
  ]) {
    const [count] = (await plansOf({ filter: parseFilter(world, task, json), limit: 0 })).toReversed()
    expect(count).toMatch(/^SEARCH tasks USING COVERING INDEX tasks_(?:status|due|estimatedHours) /)
  }
})
