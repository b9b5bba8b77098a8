import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { task } from '../../src/model/kinds/task.ts'
import { openDatabase } from '../../src/store/database.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { withFaults } from '../memory/database.ts'

/** `npm test` tries some of the calls, `ORCH_FAULT_STRIDE=1` all. */
const STRIDE = Number(process.env.ORCH_FAULT_STRIDE ?? 7)

/** Writes of every sort; returns the titles that were acknowledged, and whether all were. */
async function scenario(project: OpenProject): Promise<{ titles: readonly string[]; isClean: boolean }> {
  const titles: string[] = []
  let isClean = true
  for (const title of ['one', 'two', 'three']) {
    try {
      const id = await project.transact(byAlice, (tx) => tx.create(task, { title, labels: ['ui'] }))
      titles.push(title)
      await project.transact(byAlice, (tx) => {
        tx.update(task, id, { increment: { spentHours: 1 } })
        tx.appendLog({ action: `made ${title}`, task: id })
      })
    } catch (error) {
      expect(error).toMatchObject({ code: 'storage_failed' })
      isClean = false
    }
  }
  return { titles, isClean }
}

test('[P1] a database file whose k-th write fails holds what was acknowledged, and its index is what its rows give', async () => {
  let k = 1
  for (let isClean = false; !isClean; k += STRIDE) {
    const dir = mkdtempSync(join(tmpdir(), 'orch-file-faults-'))
    const file = join(dir, 'orch.db')
    try {
      const first = openDatabase(file)
      const database = withFaults(first)
      const { project } = createTestProject({ database })
      database.failAt(k, 1)
      const done = await scenario(project)
      isClean = done.isClean
      first.close()
      const second = openDatabase(file)
      const again = createTestProject({ database: withFaults(second) }).project
      const titles = again.list(task, { limit: 10 }).items.map(({ values }) => values.title)
      expect(titles.toSorted(), `call ${k}`).toEqual([...done.titles].sort())
      expect(again.checkIndex(openDatabase(':memory:')), `call ${k}`).toEqual([])
      second.close()
    } finally {
      rmSync(dir, { recursive: true })
    }
  }
  expect(k).toBeGreaterThan(20)
})
