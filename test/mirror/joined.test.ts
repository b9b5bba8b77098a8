import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { sha256 } from '../../src/base/hash.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import { openMirrorBases } from '../../src/store/mirror-bases.ts'
import { createTestClock } from '../helpers/clock.ts'
import { createTestMirror } from '../helpers/mirror.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { createMemoryDisk } from '../memory/disk.ts'

const THEIRS = 't-00000001' as RecordId
const OURS = 't-00000002' as RecordId
const PATH = 'tasks/t-00000001-one.md'

test('[P2] after a join, a file whose record got another id moves to its name with what was saved meanwhile, and the other record takes its place', async () => {
  const clock = createTestClock()
  const held = createTestProject({ clock })
  const disk = createMemoryDisk(clock)
  // As it was before the join: this id was ours.
  const before = createTestProject({ clock, seed: 4 })
  await before.project.transact(byAlice, (tx) => tx.create(task, { title: 'One', body: 'Our text.' }, { id: THEIRS }))
  const text = renderRecord(task, must(before.project.read(task, THEIRS), 'ours'))
  await held.project.transact(byAlice, (tx) => {
    tx.create(task, { title: 'One', body: 'Their text.' }, { id: THEIRS })
    tx.create(task, { title: 'One', body: 'Our text.', aliases: [THEIRS] }, { id: OURS, file: 't-00000002-one.md' })
  })
  expect(held.project.pathOf(task, THEIRS)).toBe(PATH)
  const style = { bom: false, eol: 'lf' } as const
  const base = { path: PATH, kind: 'task', id: OURS, text, hash: sha256(Buffer.from(text)), style, problem: undefined }
  openMirrorBases(held.database).put(base)
  await disk.makeDirectory('.orch')
  await disk.create('.orch/root', Buffer.from('x'))
  await disk.makeDirectory('tasks')
  await disk.create(PATH, Buffer.from(text.replace('Our text.', 'Our text, saved meanwhile.')))

  const world = await createTestMirror({ clock, disk, held })
  await world.sync()
  expect(world.task(OURS).values).toMatchObject({ body: 'Our text, saved meanwhile.', aliases: [THEIRS] })
  expect(world.task(THEIRS).values.body).toBe('Their text.')
  expect(world.file(THEIRS)).toContain('Their text.')
  expect(world.file(OURS)).toContain('Our text, saved meanwhile.')
  expect(world.file(OURS)).toContain(`id: ${OURS}`)
  expect(world.mirror.problems()).toEqual([])
})
