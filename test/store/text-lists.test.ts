import { beforeAll, describe, expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Query, StoredRecord } from '../../src/store/project.ts'
import { COUNTED } from '../../src/store/text-match.ts'
import { byAlice, createTestProject, type TestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const SIZE = 2_600
const STATUSES = ['todo', 'todo', 'in_progress', 'completed']
/** Every record holds `daemon`; more than are counted hold `merge`, `most` and `café`; fewer hold the others. */
const wordsOf = (i: number): string =>
  [
    'daemon',
    i % 5 < 3 ? 'merge' : 'merged',
    i % 3 > 0 && 'most',
    // Only those at the end of the order hold it.
    i >= SIZE - 1_200 && 'late',
    i % 2 === 0 && 'Café',
    i % 2 === 0 && 'ПРОБА',
    i % 7 === 0 && 'seventh word',
    i % 260 === 0 && 'rare',
    `n${i % 100}x`,
    i % 2 === 1 && '東京都',
  ]
    .filter(Boolean)
    .join(' ')

const plain = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
const saidBy = new WeakMap<StoredRecord, string>()

/** What a scan knows of words: no accents, signs that stand side by side, beginnings. */
function holds(record: StoredRecord, text: string): boolean {
  const said = saidBy.get(record) ?? plain(`${record.values.title} ${record.values.body}`)
  saidBy.set(record, said)
  return (plain(text).match(/"[^"]+"|\S+/g) ?? []).every((one) => {
    if (/\p{Script=Han}/u.test(one)) return said.includes(one)
    const end = one.startsWith('"') ? '(?![\\p{L}\\p{N}])' : ''
    return new RegExp(`(?<![\\p{L}\\p{N}])${one.replace(/"/g, '')}${end}`, 'u').test(said)
  })
}

const TEXTS = [
  'daemon',
  'daem',
  'd',
  'merge',
  'merged',
  'merge daemon',
  'most late',
  'late',
  'rare',
  'café',
  'caf daemon',
  'проб',
  'Проба café',
  '"seventh word"',
  'n1',
  'n7x most',
  '東京',
  '都 daemon',
  'nowhere',
  'daemon nowhere',
]

let made: TestProject
beforeAll(async () => {
  made = createTestProject()
  const ids: RecordId[] = []
  for (let from = 0; from < SIZE; from += 650) {
    await made.project.transact(byAlice, (tx) => {
      for (let i = from; i < from + 650; i++) {
        ids.push(
          tx.create(task, {
            title: i % 4 === 0 ? wordsOf(i) : `Number ${i}`,
            body: wordsOf(i),
            status: STATUSES[i % 4] ?? 'todo',
            priority: i >= SIZE - 1_200 ? 'low' : 'high',
            labels: [`l${i % 40}`],
            estimatedHours: i % 13,
          }),
        )
      }
    })
  }
  await made.project.transact(byAlice, (tx) => {
    for (let i = 0; i < SIZE; i += 97) tx.delete(task, ids[i] as RecordId)
  })
}, 60_000)

/** Every page of a list, one after the other. */
function all(query: Omit<Query, 'limit' | 'after'>, limit: number) {
  const { project } = made
  const pages = [project.list(task, { ...query, limit })]
  for (let next = pages[0]?.next; next !== undefined; next = pages.at(-1)?.next) {
    pages.push(project.list(task, { ...query, limit, after: next }))
  }
  return { pages, items: pages.flatMap(({ items }) => items) }
}

const scans = new Map<string, readonly StoredRecord[]>()

function scanned(query: Omit<Query, 'limit' | 'after'>): readonly StoredRecord[] {
  const key = JSON.stringify(query)
  const known = scans.get(key) ?? all(query, 1_000).items
  scans.set(key, known)
  return known
}

describe('[P8] a list of what holds words', () => {
  const random = createRandom(7)
  const pick = <T>(of: readonly T[]): T => of[(random(1)[0] ?? 0) % of.length] as T
  const queries = TEXTS.flatMap((text) =>
    Array.from({ length: 3 }, () => ({
      text,
      where: pick([
        {},
        { status: ['todo', 'in_progress'] },
        { status: ['completed'] },
        { labels: ['l7'] },
        { labels: ['l1', 'l2'], status: ['todo'] },
      ]),
      deleted: pick(['no', 'no', 'no', 'only', 'all'] as const),
      ...pick([{}, {}, { sort: 'id' }, { sort: '-updatedAt' }, { sort: '-estimatedHours' }, { sort: 'status' }]),
    })),
  )

  test.each(queries)('is what a scan finds, in its order, page by page: %j', ({ text, ...others }) => {
    const { project } = made
    const expected = scanned(others).filter((record) => holds(record, text))
    const { pages, items } = all({ ...others, text }, pick([40, 150, 1_000]))
    expect(items.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
    for (const { total, isAtLeast } of pages) {
      if (isAtLeast) expect(total).toBeLessThanOrEqual(expected.length)
      else expect(total).toBe(expected.length)
    }
    // Totals are exact, and one of no rows is the same as that of a page, unless very many hold the words.
    const holding = scanned({ deleted: 'all' }).filter((record) => holds(record, text)).length
    if (holding <= COUNTED) expect(pages.every(({ isAtLeast }) => !isAtLeast)).toBe(true)
    expect(project.list(task, { ...others, text, limit: 0, isExact: true })).toMatchObject({
      total: expected.length,
      isAtLeast: false,
    })
    const counted = project.list(task, { ...others, text, limit: 0 })
    if (counted.isAtLeast) expect(counted.total).toBeLessThanOrEqual(expected.length)
    else expect(counted.total).toBe(expected.length)
    const grouped = project.groups(task, { ...others, text }, 'status').reduce((sum, { count }) => sum + count, 0)
    expect(grouped).toBe(expected.length)
  })

  test('says so where it does not count them all', () => {
    const { project } = made
    expect(project.list(task, { text: 'daemon', limit: 20 })).toMatchObject({
      isAtLeast: true,
      total: expect.any(Number),
    })
    expect(project.list(task, { text: 'daemon', where: { labels: ['l39'] }, limit: 100 })).toMatchObject({
      isAtLeast: false,
      total: 64,
    })
    expect(project.search({ text: 'daemon', limit: 5 })).toMatchObject({ isAtLeast: true, total: COUNTED })
    expect(project.search({ text: 'rare', limit: 5 })).toMatchObject({ isAtLeast: false, total: 9 })
  })

  test('shows what stays where it is exactly once, whatever happens between the pages', async () => {
    const before = all({ text: 'daemon', where: { status: ['todo'] } }, 1_000).items
    const touched = new Set<string>()
    let turn = 0
    const shown: StoredRecord[] = []
    for (let after: string | undefined; ; ) {
      const page = made.project.list(task, {
        text: 'daemon',
        where: { status: ['todo'] },
        limit: 100,
        ...(after && { after }),
      })
      shown.push(...page.items)
      after = page.next
      if (after === undefined) break
      const [one, other] = [before[turn * 37], before[before.length - 1 - turn * 41]]
      turn++
      await made.project.transact(byAlice, (tx) => {
        for (const record of [one, other]) {
          if (!record || touched.has(record.id)) continue
          touched.add(record.id)
          tx.update(task, record.id, { set: { priority: 'medium', title: 'Moved' } })
        }
        tx.create(task, { title: 'daemon of later', priority: 'high' })
      })
    }
    expect(turn).toBeGreaterThan(5)
    const times = new Map<string, number>()
    for (const { id } of shown) times.set(id, (times.get(id) ?? 0) + 1)
    for (const { id } of before) if (!touched.has(id)) expect(times.get(id)).toBe(1)
  })
})
