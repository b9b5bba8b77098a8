import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createProjectDoc } from '../../src/doc/project-doc.ts'
import { task } from '../../src/model/kinds/task.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createPastViews } from '../../src/store/past-view.ts'
import { createHistoryWorld, histories, shown } from '../helpers/history.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createMemoryDatabase } from '../memory/database.ts'

test('[P5] the project at every moment of a random history is what it was, record by record and as a whole', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.nat(1000), async (steps, pick) => {
      const world = createHistoryWorld()
      const moments: { on: number; have: Record<string, number>; shown: string; at: number }[] = []
      for (const step of steps) {
        await world.run(step)
        const project = world.replicas[step.on]
        moments.push({ on: step.on, have: { ...project.have() }, shown: shown(project), at: world.clock.now() })
      }
      await world.meet()
      const moment = moments[pick % moments.length]
      if (!moment) return
      for (const project of world.replicas) {
        expect(project.checkIndex(createMemoryDatabase())).toEqual([])
        expect(await project.past.view(moment.have, shown)).toBe(moment.shown)
        const records = JSON.parse(moment.shown)[0] as { id: string; path?: string }[]
        for (const id of world.records) {
          // Where a file belongs is a matter of all records of a name, not of one.
          const { path: _, ...was } = records.find((one) => one.id === id) ?? {}
          expect(JSON.parse(JSON.stringify((await project.past.record(task, id, moment.have)) ?? null))).toEqual(
            'id' in was ? was : null,
          )
        }
        const changed = await project.past.keysBetween(moment.have, project.have())
        for (const id of world.records) {
          const was = JSON.stringify(records.find((one) => one.id === id))
          if (was !== JSON.stringify(project.read(task, id))) expect(changed).toContain(id)
        }
      }
      const [a, b] = world.replicas
      expect(a.past.momentAt(moment.at)).toEqual(b.past.momentAt(moment.at))
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 20) },
  )
})

test('a moment is a time, or right after a row with all that it had seen', async () => {
  const { project, clock } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A' }))
  const created = clock.now()
  await (clock as ReturnType<typeof createHistoryWorld>['clock']).advance(60_000)
  await project.transact(byAlice, (tx) => tx.update(task, id, { set: { title: 'B' } }))
  const { past, replica } = project
  expect(past.momentAt(created)).toEqual({ [replica]: 1 })
  expect(past.momentAt(created - 1)).toEqual({})
  expect(past.momentOf(`${replica}:2`)).toEqual({ [replica]: 2 })
  expect((await past.record(task, id, past.momentAt(created)))?.values.title).toBe('A')
  expect(await past.record(task, id, {})).toBeUndefined()
  expect(() => past.momentOf('r-unknown:1')).toThrow(/Nothing is known/)
  expect(() => past.assertKnown({ [replica]: 3 })).toThrow(/Nothing is known/)
  await past.view(past.momentAt(created), (view) => {
    expect(view.list(task, { limit: 5 }).items.map(({ values }) => values.title)).toEqual(['A'])
    expect(view.search({ text: 'a', limit: 5 }).total).toBe(1)
    expect(view.resolve(id.slice(0, 4)).id).toBe(id)
  })
})

test('of the views of the past the last ones are kept, and the others closed when nobody reads them', async () => {
  const { project, database, clock } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: '1' }))
  for (const title of ['2', '3', '4']) await project.transact(byAlice, (tx) => tx.update(task, id, { set: { title } }))
  const open = new Set<number>()
  let made = 0
  const views = createPastViews({
    db: database,
    kinds: project.kinds,
    clock,
    doc: () => createProjectDoc(project.kinds, [project.encodeState()]),
    have: () => project.have(),
    past: project.past,
    scratch() {
      const n = ++made
      open.add(n)
      const db = openDatabase(':memory:')
      return {
        ...db,
        close() {
          open.delete(n)
          db.close()
        },
      }
    },
  })
  const titleAt = (seq: number) =>
    views.view({ [project.replica]: seq }, (then) => then.read(task, id)?.values.title as string)
  const begun = gate()
  const finish = gate()
  const reading = views.view({ [project.replica]: 1 }, async (then) => {
    begun.open()
    await finish.passed
    return then.read(task, id)?.values.title
  })
  await begun.passed
  expect(await titleAt(2)).toBe('2')
  expect(await titleAt(3)).toBe('3')
  expect([...open]).toEqual([1, 2, 3])
  finish.open()
  expect(await reading).toBe('1')
  expect([...open]).toEqual([2, 3])
  expect(await titleAt(2)).toBe('2')
  expect(made).toBe(3)
})

function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}
