import { expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { alice, claude, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { createMemoryDatabase } from '../memory/database.ts'

/** `ORCH_INDEX_STEPS=10000` for the long one. */
const STEPS = Number(process.env.ORCH_INDEX_STEPS ?? 400)

test(
  '[P3] the index that grew with random writes and merges of a second replica is the one made anew',
  async () => {
    const random = createRandom(11)
    const pick = (n: number): number => ((random(1)[0] ?? 0) * 256 + (random(1)[0] ?? 0)) % n
    const word = (): string => ['login', 'loop', '東京', 'a', 'fix', 'Ünïcode', 'draft'][pick(7)] ?? 'x'
    const one = createTestProject({ seed: 1 })
    const two = createTestProject({ seed: 2, clock: one.clock })
    two.project.adopt({ id: one.project.id, name: one.project.name })
    const projects = [one.project, two.project] as const

    const meet = async (from: OpenProject, to: OpenProject): Promise<void> => {
      for (;;) {
        const rows = from.rowsSince(to.have(), 500)
        if (rows.length === 0) return
        await to.applyRows(rows, { source: 'peer', peer: from.replica })
      }
    }
    const step = async (project: OpenProject): Promise<void> => {
      const ids = project.ids(task)
      const gone = project.ids(task, { deleted: true }).filter((id) => !ids.includes(id))
      const id = ids[pick(Math.max(1, ids.length))] as RecordId
      const other = ids[pick(Math.max(1, ids.length))] as RecordId
      const origin = { source: 'api', actor: pick(2) === 0 ? alice : claude } as const
      const kind = pick(ids.length < 5 ? 1 : 12)
      await project.transact(origin, (tx) => {
        switch (kind) {
          case 0:
            tx.create(task, { title: `${word()} ${word()}`, labels: [word()], body: `${word()} ${word()}` })
            break
          case 1:
            tx.update(task, id, { set: { status: ['todo', 'review', 'completed'][pick(3)] ?? 'todo' } })
            break
          case 2:
            tx.update(task, id, { set: { title: `${word()} ${pick(9)}` } })
            break
          case 3:
            tx.update(task, id, { add: { labels: [word()] }, remove: { labels: [word()] } })
            break
          case 4:
            if (id !== other) tx.update(task, id, { add: { dependencies: [other] } })
            break
          case 5:
            tx.update(task, id, { set: { parent: pick(2) === 0 ? null : other } })
            break
          case 6:
            tx.update(task, id, { increment: { spentHours: pick(5) } })
            break
          case 7:
            tx.update(task, id, { append: { comments: [{ text: word() }] } })
            break
          case 8:
            tx.delete(task, id)
            break
          case 9:
            if (gone.length > 0) tx.restore(task, gone[pick(gone.length)] as RecordId)
            break
          case 10:
            tx.setKey('state', `k${pick(5)}`, pick(3) === 0 ? undefined : pick(100))
            tx.appendLog({ action: word(), task: id })
            break
          default:
            // Both replicas ask for a few names: who has which path is settled by the index.
            tx.create(page, { title: word(), body: word() }, { file: `p${pick(6)}.md` })
        }
      })
    }

    for (let i = 1; i <= STEPS; i++) {
      await step(projects[pick(2)] ?? one.project)
      if (pick(40) === 0) await meet(...(pick(2) === 0 ? projects : ([two.project, one.project] as const)))
      if (i % Math.ceil(STEPS / 4) !== 0) continue
      for (const project of projects) expect(project.checkIndex(createMemoryDatabase())).toEqual([])
    }
    await meet(one.project, two.project)
    await meet(two.project, one.project)
    for (const project of projects) expect(project.checkIndex(createMemoryDatabase())).toEqual([])
    expect(one.project.search({ text: 'login', limit: 1000 }).total).toBe(
      two.project.search({ text: 'login', limit: 1000 }).total,
    )
  },
  60_000 + STEPS * 100,
)
