import { expect, test } from 'vitest'
import { entriesOf } from '../../src/model/comments.ts'
import type { RecordId } from '../../src/model/id.ts'
import type { RecordKind } from '../../src/model/kind.ts'
import type { Kinds } from '../../src/model/kind-set.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openDatabase } from '../../src/store/database.ts'
import { DECLARED, kindsOfText } from '../helpers/own-kinds.ts'
import { byAlice, byClaude, createTestProject, type TestProject } from '../helpers/project.ts'

const declared = kindsOfText(DECLARED)
const risk = declared.record('risk') as RecordKind

/** Exchanges rows until both have the same. */
async function exchange(a: TestProject, b: TestProject): Promise<void> {
  await b.project.applyRows(a.project.rowsSince(b.project.have(), 1000), { source: 'peer', peer: 'a' })
  await a.project.applyRows(b.project.rowsSince(a.project.have(), 1000), { source: 'peer', peer: 'b' })
}

/** Two replicas of one project, each with its own .orchrc. */
function pair(a: Kinds, b: Kinds): readonly [TestProject, TestProject] {
  const first = createTestProject({ seed: 1, kinds: a })
  const second = createTestProject({ seed: 2, kinds: b })
  second.project.adopt({ id: first.project.id, name: first.project.name })
  return [first, second]
}

function sound({ project }: TestProject): readonly string[] {
  return project.checkIndex(openDatabase(':memory:'))
}

test('[P1] [P3] what a replica does not declare it keeps, names, and shows when it is declared', async () => {
  const [a, plain] = pair(declared, builtInKinds)
  const t = await a.project.transact(byAlice, (tx) =>
    tx.create(task, {
      title: 'T',
      status: 'testing',
      severity: 'high',
      customers: ['acme'],
      notes: 'one two',
      votes: 0,
    }),
  )
  const k = await a.project.transact(byAlice, (tx) => tx.create(risk, { title: 'R', likelihood: 0.3, owners: ['ann'] }))
  await a.project.transact(byAlice, (tx) => {
    tx.update(task, t, { increment: { votes: 3 } })
    tx.update(risk, k, { append: { reviews: [{ text: 'looked' }] } })
  })
  await exchange(a, plain)

  expect(plain.project.read(task, t)).toMatchObject({
    values: { title: 'T', status: 'testing' },
    issues: [expect.stringMatching(/^status must be one of/)],
  })
  const found = plain.project.undeclared()
  expect(found).toContainEqual({ root: 'risks', field: '', count: 1, letter: 'k' })
  expect(found.map(({ field }) => field)).toEqual(
    expect.arrayContaining(['severity:register', 'customers:set', 'notes:prose', 'votes:counter']),
  )
  expect(sound(plain)).toEqual([])

  // Edits of what it does know leave the rest alone, and travel.
  await plain.project.transact(byClaude, (tx) => tx.update(task, t, { set: { title: 'T2' } }))
  await exchange(a, plain)
  expect(a.project.read(task, t)?.values).toMatchObject({
    title: 'T2',
    severity: 'high',
    customers: ['acme'],
    notes: 'one two',
    votes: 3,
  })

  const later = plain.reopen({ kinds: declared })
  expect(later.project.undeclared()).toEqual([])
  expect(later.project.read(risk, k)).toEqual(a.project.read(risk, k))
  expect(later.project.read(task, t)).toEqual(a.project.read(task, t))
  expect(entriesOf(later.project.read(risk, k)?.values.reviews).map(({ text }) => text)).toEqual(['looked'])
  expect(sound(later)).toEqual([])

  const without = later.reopen({ kinds: builtInKinds })
  expect(without.project.undeclared().length).toBeGreaterThan(0)
  const again = without.reopen({ kinds: declared })
  expect(again.project.read(task, t)?.values).toMatchObject({ severity: 'high', votes: 3 })
  expect(sound(again)).toEqual([])
})

test('[P2] texts, sets and counters of a field that came later merge on records that were there before', async () => {
  const [a, b] = pair(builtInKinds, builtInKinds)
  const t = await a.project.transact(byAlice, (tx) => tx.create(task, { title: 'T' }))
  await exchange(a, b)
  const [left, right] = [a.reopen({ kinds: declared }), b.reopen({ kinds: declared })]
  const write = (of: TestProject, name: string, votes: number) =>
    of.project.transact(byAlice, (tx) =>
      tx.update(task, t, {
        edit: { notes: [{ at: 0, delete: 0, insert: `${name} ` }] },
        add: { customers: [name] },
        increment: { votes },
      }),
    )
  await write(left, 'left', 2)
  await write(right, 'right', 3)
  await exchange(left, right)
  const values = left.project.read(task, t)?.values
  expect(right.project.read(task, t)?.values).toEqual(values)
  expect(values).toMatchObject({ customers: ['left', 'right'], votes: 5 })
  expect(String(values?.notes).trim().split(' ').sort()).toEqual(['left', 'right'])
  expect(sound(left)).toEqual([])
})

test('[P1] one field declared in two ways keeps both values', async () => {
  const asProse = kindsOfText('fields: { task: { size: { type: prose } } }')
  const asText = kindsOfText('fields: { task: { size: { type: text } } }')
  const asCounter = kindsOfText('fields: { task: { size: { type: counter } } }')
  const [a, b] = pair(asProse, asText)
  const t = await a.project.transact(byAlice, (tx) => tx.create(task, { title: 'T', size: 'a long story' }))
  await exchange(a, b)
  await b.project.transact(byClaude, (tx) => tx.update(task, t, { set: { size: 'big' } }))
  await exchange(a, b)
  expect(a.project.read(task, t)?.values.size).toBe('a long story')
  expect(b.project.read(task, t)?.values.size).toBe('big')
  const c = b.reopen({ kinds: asCounter })
  await c.project.transact(byClaude, (tx) => tx.update(task, t, { increment: { size: 2 } }))
  expect(c.project.read(task, t)?.values.size).toBe(2)
  expect(c.reopen({ kinds: asProse }).project.read(task, t)?.values.size).toBe('a long story')
})

test('one letter for two kinds hides neither: each is shown where it is declared, and named elsewhere', async () => {
  const goal = kindsOfText('kinds: { goal: { letter: k } }')
  const [a, b] = pair(declared, goal)
  const r = await a.project.transact(byAlice, (tx) => tx.create(risk, { title: 'R' }))
  const g = await b.project.transact(byClaude, (tx) => tx.create(goal.record('goal') as RecordKind, { title: 'G' }))
  await exchange(a, b)
  expect(a.project.ids(risk)).toEqual([r])
  expect(b.project.ids(goal.record('goal') as RecordKind)).toEqual([g])
  expect(a.project.undeclared()).toEqual([{ root: 'goals', field: '', count: 1, letter: 'k' }])
  expect(b.project.undeclared().filter(({ field }) => field === '')).toEqual([
    { root: 'risks', field: '', count: 1, letter: 'k' },
  ])
  expect([...sound(a), ...sound(b)]).toEqual([])
})

test('a front matter key from before its field was declared becomes its value, once it is written its only one', async () => {
  const before = createTestProject()
  const t = (await before.project.transact(byAlice, (tx) =>
    tx.create(
      task,
      { title: 'T' },
      { extra: { severity: 'high', customers: '[acme, beta]', effort: 'much', notes: 'kept' } },
    ),
  )) as RecordId
  const after = before.reopen({ kinds: declared })
  expect(after.project.read(task, t)).toMatchObject({
    values: { severity: 'high', customers: ['acme', 'beta'], effort: 'much', notes: '' },
    extra: { notes: 'kept' },
    issues: expect.arrayContaining([
      expect.stringMatching(/^effort must be a number/),
      expect.stringMatching(/^notes also stands there as kept/),
    ]),
  })
  await after.project.transact(byAlice, (tx) =>
    tx.update(task, t, { set: { severity: 'low', effort: 3 }, add: { customers: ['gamma'] } }),
  )
  expect(after.project.read(task, t)?.values).toMatchObject({
    severity: 'low',
    effort: 3,
    customers: ['acme', 'beta', 'gamma'],
  })
  expect(after.project.read(task, t)?.extra).toEqual({ notes: 'kept' })
  expect(sound(after)).toEqual([])
})
