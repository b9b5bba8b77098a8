import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import { byClaude } from '../helpers/project.ts'
import { FAIR, openRealMirror, type RealMirror, race } from './race.ts'

/** As FAT and exFAT answer, and some network disks. */
vi.mock('node:fs', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:fs')>()),
  linkSync() {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })
  },
}))

describe.each([
  ['full', false],
  ['basic', true],
])('a disk without second names, %s tier', (_tier, isBasic) => {
  let mirror: RealMirror
  beforeEach(async () => {
    mirror = await openRealMirror({ isBasic })
  })
  afterEach(() => mirror.stop())

  test('[M5] files are made, replaced, removed and taken in as elsewhere', async () => {
    const { root, held } = mirror
    const { project } = held
    const id = await project.transact(byClaude, (tx) => tx.create(task, { title: 'One', body: 'one\n\ntwo' }))
    await mirror.mirror.sync()
    const file = join(root, project.pathOf(task, id))
    writeFileSync(file, readFileSync(file, 'utf8').replace('two', 'two by hand'))
    writeFileSync(join(root, 'tasks/new.md'), '# By hand\n')
    await project.transact(byClaude, (tx) => tx.update(task, id, { set: { status: 'review' } }))
    await mirror.mirror.sync()
    const record = must(project.read(task, id), 'the record')
    expect(record.values).toMatchObject({ body: 'one\n\ntwo by hand', status: 'review' })
    expect(readFileSync(file, 'utf8')).toBe(renderRecord(task, record))
    expect(readFileSync(join(root, 'tasks/new.md'), 'utf8')).toContain('id: t-')
    await project.transact(byClaude, (tx) => tx.delete(task, id))
    await mirror.mirror.sync()
    expect(existsSync(file)).toBe(false)
    expect(mirror.mirror.problems()).toEqual([])
  })

  test('[P2][M5] saves and commands race: nothing is lost, nothing doubled', async () => {
    expect(await race({ style: 'rename', saves: 12, isBasic })).toMatchObject(FAIR)
  })
})
