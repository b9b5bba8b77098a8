import { expect, test } from 'vitest'
import { createRenderer } from '../../src/daemon/render.ts'
import type { Disk } from '../../src/mirror/disk.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { byClaude } from '../helpers/project.ts'
import { createMemoryDatabase } from '../memory/database.ts'

/** Every call is tried with `npm run test:faults`; every third, each time. */
const stride = Number(process.env.ORCH_FAULT_STRIDE ?? 3)

/** Counts the calls of the disk; those from the `k`-th on, `times` of them, fail as a broken disk does. */
function failAt(t: TestMirror, k: number, times: number): { readonly wasHit: () => boolean } {
  let calls = 0
  let hidden: string | undefined
  t.disk.before = (step: keyof Disk, path: string) => {
    if (hidden !== undefined) t.disk.unreadable.delete(hidden)
    hidden = undefined
    calls++
    if (calls < k || calls >= k + times) return
    if (step !== 'read' && step !== 'list') throw Object.assign(new Error(`EIO: i/o error, ${step}`), { code: 'EIO' })
    // The port's answer to an error while it reads.
    hidden = path
    t.disk.unreadable.add(path)
  }
  return { wasHit: () => calls >= k }
}

/** Everything that makes the mirror use its disk: files made, edited by both sides, renamed, removed, added by hand; the log. */
async function scenario(t: TestMirror): Promise<{ readonly ids: readonly RecordId[]; readonly gone: RecordId }> {
  const [a, b, gone] = [
    await t.create('One', { body: 'first\n\nlast' }),
    await t.create('Two', { body: 'first\n\nlast' }),
    await t.create('Gone'),
  ]
  await t.sync()
  await t.clock.advance(11_000)
  const path = t.path(a)
  const found = t.disk.text(path)
  if (found !== undefined) t.disk.save(path, found.replace('last', 'last by-hand'))
  await t.update(a, { edit: { body: [{ at: 0, delete: 0, insert: 'by-command\n\n' }] } })
  await t.update(b, { set: { title: 'Second' }, file: `${b}-second.md` })
  await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, gone)))
  await t.drive(t.held.project.transact(byClaude, (tx) => tx.appendLog({ action: 'ran the tests' })))
  t.disk.save('tasks/new.md', '# Made by hand\n\nwith-text\n')
  await t.sync()
  return { ids: [a, b], gone }
}

test.each([
  [1, stride],
  [7, 4 * stride],
])(
  '[P2] [P3] [M8] if any call of the disk fails, %i times in a row, all is well a little later without help',
  async (times, step) => {
    for (let k = 1; ; k += step) {
      const t = await createTestMirror({ start: false })
      const fault = failAt(t, k, times)
      await t.drive(t.mirror.start())
      const { ids, gone } = await scenario(t)
      const wasHit = fault.wasHit()
      await t.clock.advance(11_000)
      await t.sync()
      await t.clock.advance(16_000)
      const where = `call ${k}`
      const { project, database } = t.held
      const all = project.ids(task)
      expect(all, where).toHaveLength(3)
      const render = createRenderer(project)
      for (const id of all) {
        const rendered = render(id)
        expect(t.disk.text(rendered?.path ?? ''), `${where}: ${id}`).toBe(rendered?.text)
      }
      const body = String(project.read(task, ids[0] as RecordId)?.values.body)
      expect(body, where).toMatch(/^by-command\n\nfirst\n\nlast( by-hand)?$/)
      expect(
        all.some((id) => String(project.read(task, id)?.values.body).includes('with-text')),
        where,
      ).toBe(true)
      expect(project.read(task, gone)?.deletedAt, where).toBeDefined()
      expect(
        t.disk.paths().filter((one) => one.includes(gone)),
        where,
      ).toEqual([])
      expect(
        t.disk.paths().some((one) => t.disk.text(one)?.includes('ran the tests')),
        where,
      ).toBe(true)
      expect(t.attention.list(), where).toEqual([])
      // What is left of a page is nobody's, and goes at the next start.
      const left = t.disk.paths().filter((one) => /^\.orch\/(?!root$|page-)/.test(one))
      expect(left, where).toEqual([])
      expect(project.checkIndex(createMemoryDatabase()), where).toEqual([])
      expect(database.calls, where).toBeGreaterThan(0)
      if (!wasHit) {
        expect(k).toBeGreaterThan(100)
        return
      }
    }
  },
)
