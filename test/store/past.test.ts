import fc from 'fast-check'
import { expect, test } from 'vitest'
import { task } from '../../src/model/kinds/task.ts'
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
        expect(shown(await project.past.view(moment.have))).toBe(moment.shown)
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
    { numRuns: 20 },
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
  const view = await past.view(past.momentAt(created))
  expect(view.list(task, { limit: 5 }).items.map(({ values }) => values.title)).toEqual(['A'])
  expect(view.search({ text: 'a', limit: 5 }).total).toBe(1)
  expect(view.resolve(id.slice(0, 4)).id).toBe(id)
})
