import { describe, expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import { parseFilter } from '../../src/model/filter.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import type { StoredRecord } from '../../src/store/project.ts'
import { byAlice, byClaude, createTestProject, type TestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const world = { kinds: builtInKinds.records, resolve: (_: string, text: string) => text }
const parse = (json: unknown) => parseFilter(world, task, json)

function found({ project }: TestProject, json: unknown): readonly string[] {
  return project
    .list(task, { filter: parse(json), limit: 1000 })
    .items.map(({ values }) => String(values.title))
    .sort()
}

/** Four tasks: a is done, b waits for a, c waits for a and d, d is open and a part of c. */
async function four(): Promise<TestProject> {
  const test = createTestProject()
  await test.project.transact(byAlice, (tx) => {
    const a = tx.create(task, { title: 'a', status: 'completed', estimatedHours: 2, due: '2026-11-20' })
    const d = tx.create(task, { title: 'd', labels: ['api', 'ui'], due: '2026-12-01T09:00:00+02:00', assignee: 'ada' })
    tx.create(task, { title: 'b', dependencies: [a], labels: ['api'], estimatedHours: 5, body: 'A *red* wire.' })
    const c = tx.create(task, { title: 'c', dependencies: [a, d], status: 'in_progress', due: '2026-12-02' })
    tx.update(task, d, { set: { parent: c } })
  })
  return test
}

describe('a filter', () => {
  test.each([
    [{}, ['a', 'b', 'c', 'd']],
    [{ status: 'done' }, ['a']],
    [{ status: ['todo', 'in_progress'] }, ['b', 'c', 'd']],
    [{ status: { ne: 'todo' } }, ['a', 'c']],
    [{ assignee: null }, ['a', 'b', 'c']],
    [{ assignee: { missing: false } }, ['d']],
    [{ assignee: { ne: 'ada' } }, ['a', 'b', 'c']],
    [{ labels: 'api' }, ['b', 'd']],
    [{ labels: { all: ['api', 'ui'] } }, ['d']],
    [{ labels: { notIn: ['ui'] } }, ['a', 'b', 'c']],
    [{ labels: { missing: true } }, ['a', 'c']],
    [{ labels: { contains: 'PI' } }, ['b', 'd']],
    [{ estimatedHours: { gte: 2, lt: 5 } }, ['a']],
    [{ estimatedHours: { gt: '2' } }, ['b']],
    [{ due: { lt: '2026-12-01' } }, ['a']],
    [{ due: { lte: '2026-12-01T07:00:00Z' } }, ['a', 'd']],
    [{ not: { due: { gt: '2026-12-01' } } }, ['a', 'b']],
    [{ body: { contains: 'RED' } }, ['b']],
    [{ body: { missing: true } }, ['a', 'c', 'd']],
    [{ title: { startsWith: 'c' } }, ['c']],
    [{ or: [{ title: 'a' }, { labels: 'ui' }] }, ['a', 'd']],
    [{ or: [] }, []],
    [{ and: [{ labels: 'api' }, { labels: 'ui' }] }, ['d']],
    [{ not: { status: 'todo' } }, ['a', 'c']],
    [{ dependencies: { every: { status: 'completed' } } }, ['a', 'b', 'd']],
    [{ dependencies: { some: { status: 'completed' }, every: { status: 'completed' } } }, ['b']],
    [{ dependencies: { none: { title: 'd' } } }, ['a', 'b', 'd']],
    [{ dependents: { some: { status: 'in_progress' } } }, ['a', 'd']],
    [{ subtasks: { some: {} } }, ['c']],
    [{ parent: { some: { title: 'c' } } }, ['d']],
    [{ parent: { missing: true } }, ['a', 'b', 'c']],
    [{ updatedBy: 'alice', createdAt: { gt: '2020-01-01' } }, ['a', 'b', 'c', 'd']],
    [{ updatedAt: { lt: '2020-01-01' } }, []],
  ])('%j finds %j', async (json, expected) => {
    expect(found(await four(), json)).toEqual(expected)
  })

  test('does not follow relations to deleted records: they stand in nobody’s way', async () => {
    const test = await four()
    const [d] = test.project.list(task, { filter: parse({ title: 'd' }), limit: 1 }).items
    await test.project.transact(byClaude, (tx) => tx.delete(task, d?.id as RecordId))
    expect(found(test, { dependencies: { every: { status: 'completed' } } })).toEqual(['a', 'b', 'c'])
    expect(found(test, { subtasks: { some: {} } })).toEqual([])
  })

  test.each([
    [{ titel: 'x' }, /titel.*there is no such field of a task; there are: title/],
    [{ status: 'finished' }, /status/],
    [{ due: { lt: 'tomorrow' } }, /"tomorrow" is not a date/],
    [{ labels: { gt: 'a' } }, /no order/],
    [{ status: { gt: 'todo' } }, /no order/],
    [{ body: 'x' }, /long text/],
    [{ estimatedHours: { gt: 'many' } }, /not a number/],
    [{ dependencies: { some: {}, most: {} } }, /"most" is not one of: some, every, none/],
    [{ title: { like: 'x' } }, /"like" is not one of: eq/],
    [{ or: { title: 'x' } }, /must be a list/],
    ['todo', /must be an object/],
    [[], /must be an object/],
    [{ __proto__: null, constructor: 'x' }, /there is no such field/],
    [{ labels: Array.from({ length: 1001 }, (_, i) => `l${i}`) }, /more than 1000 values/],
    [Array.from({ length: 8 }).reduce<object>((inner) => ({ not: inner }), {}), /deeper than 6/],
    [{ or: Array.from({ length: 101 }, () => ({ title: 'x' })) }, /more than 100 conditions/],
  ])('%j is refused', (json, reason) => {
    expect(() => parse(json)).toThrow(OrchError)
    expect(() => parse(json)).toThrow(reason)
  })
})

/** What a filter means, said by a program that knows nothing of SQL. */
function holds(
  all: ReadonlyMap<string, StoredRecord>,
  record: StoredRecord,
  json: Readonly<Record<string, unknown>>,
): boolean {
  return Object.entries(json).every(([name, condition]) => {
    if (name === 'or')
      return (condition as Readonly<Record<string, unknown>>[]).some((part) => holds(all, record, part))
    if (name === 'not') return !holds(all, record, condition as Readonly<Record<string, unknown>>)
    if (name === 'dependencies' || name === 'dependents') {
      const [[quantifier, inner]] = Object.entries(condition as object) as [[string, Readonly<Record<string, unknown>>]]
      const others = [...all.values()].filter(({ id, values }) =>
        name === 'dependencies'
          ? (record.values.dependencies as readonly string[]).includes(id)
          : (values.dependencies as readonly string[]).includes(record.id),
      )
      const matches = others.filter((other) => holds(all, other, inner)).length
      return quantifier === 'some' ? matches > 0 : quantifier === 'every' ? matches === others.length : matches === 0
    }
    const value = record.values[name]
    if (name === 'labels') return (value as readonly string[]).includes(condition as string)
    if (typeof condition === 'object' && condition !== null) {
      const { gt } = condition as { gt: number }
      return typeof value === 'number' && value > gt
    }
    return condition === null ? value === null : value === condition
  })
}

test('random filters over random records find what a plain program finds', async () => {
  const random = createRandom(7)
  const pick = (n: number): number => (random(1)[0] ?? 0) % n
  const test = createTestProject()
  const statuses = ['todo', 'in_progress', 'completed'] as const
  await test.project.transact(byAlice, (tx) => {
    const ids: RecordId[] = []
    for (let i = 0; i < 60; i++) {
      ids.push(
        tx.create(task, {
          title: `t${i}`,
          status: statuses[pick(3)] ?? 'todo',
          labels: ['x', 'y'].filter(() => pick(2) === 0),
          estimatedHours: pick(3) === 0 ? null : pick(10),
          dependencies: ids.filter(() => pick(12) === 0),
        }),
      )
    }
  })
  const all = new Map(test.project.list(task, { limit: 1000 }).items.map((record) => [record.id as string, record]))
  const filter = (depth: number): Readonly<Record<string, unknown>> => {
    switch (pick(depth > 2 ? 4 : 8)) {
      case 0:
        return { status: statuses[pick(3)] }
      case 1:
        return { labels: pick(2) === 0 ? 'x' : 'y' }
      case 2:
        return { estimatedHours: { gt: pick(10) } }
      case 3:
        return { estimatedHours: null }
      case 4:
        return { or: [filter(depth + 1), filter(depth + 1)] }
      case 5:
        return { not: filter(depth + 1) }
      case 6:
        return {
          ...filter(depth + 1),
          dependencies: { [['some', 'every', 'none'][pick(3)] ?? 'some']: filter(depth + 1) },
        }
      default:
        return { dependents: { [['some', 'every', 'none'][pick(3)] ?? 'some']: filter(depth + 1) } }
    }
  }
  for (let i = 0; i < 300; i++) {
    const json = filter(0)
    const expected = [...all.values()]
      .filter((record) => holds(all, record, json))
      .map(({ values }) => String(values.title))
    expect({ json, found: found(test, json) }).toEqual({ json, found: expected.sort() })
  }
})
