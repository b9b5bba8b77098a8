import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { createNodeDisk } from '../../src/mirror/node-disk.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import { byClaude } from '../helpers/project.ts'
import { FAIR, openRealMirror, type RealMirror, race } from './race.ts'

/** As FAT and exFAT answer, and some network disks; some of them do not bring directories to disk by themselves either. */
vi.mock('node:fs', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:fs')>()),
  linkSync() {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })
  },
}))
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>()
  const open: typeof real.open = async (...args) => {
    const file = await real.open(...args)
    if ((await file.stat()).isDirectory()) {
      file.sync = () => Promise.reject(Object.assign(new Error('ENOTSUP: fsync'), { code: 'ENOTSUP' }))
    }
    return file
  }
  return { ...real, open }
})

test('[M5] a name goes from file to file where there is no second one, and is never taken from somebody', async () => {
  const root = mkdtempSync(join(tmpdir(), 'orch-no-links-'))
  const disk = createNodeDisk(root)
  await disk.create('.orch/x.new', Buffer.from('ours'))
  writeFileSync(join(root, 'a.md'), 'theirs')
  expect(await disk.link('.orch/x.new', 'a.md')).toBe(false)
  expect(await disk.link('.orch/x.new', 'b.md')).toBe(true)
  expect(readdirSync(root)).toEqual(['.orch', 'a.md', 'b.md'])
  expect([readFileSync(join(root, 'a.md'), 'utf8'), readFileSync(join(root, 'b.md'), 'utf8')]).toEqual([
    'theirs',
    'ours',
  ])
  expect(await disk.atOnce((steps) => [steps.link('b.md', 'a.md'), steps.link('b.md', 'c.md')])).toEqual([false, true])
  rmSync(root, { recursive: true })
})

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
