import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { sleep, systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createMirror, type Mirror } from '../../src/mirror/mirror.ts'
import { createNodeDisk } from '../../src/mirror/node-disk.ts'
import { createNodeWatch } from '../../src/mirror/watch.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import { openAttention } from '../../src/store/attention.ts'
import { openMirrorBases } from '../../src/store/mirror-bases.ts'
import { openMirrorLogs } from '../../src/store/mirror-logs.ts'
import { alice, byClaude, createTestProject, type TestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

async function openReal(isBasic = false): Promise<{ root: string; held: TestProject; mirror: Mirror }> {
  const root = join(mkdtempSync(join(tmpdir(), 'orch-mirror-')), 'orch')
  const held = createTestProject({ clock: systemClock })
  const mirror = createMirror({
    project: held.project,
    disk: createNodeDisk(root, { isBasic }),
    bases: openMirrorBases(held.database),
    writtenLogs: openMirrorLogs(held.database),
    attention: openAttention(held.database),
    watch: createNodeWatch(root),
    clock: systemClock,
    random: createRandom(5),
    log: silentLogger,
    fileActor: () => alice,
    facts: () => ({ replica: 'r', addresses: [], peers: [], problems: [] }),
  })
  held.project.onCommit(mirror.note)
  cleanUps.push(() => rmSync(root, { recursive: true, force: true }))
  await mirror.start()
  cleanUps.push(() => mirror.stop())
  await mirror.sync()
  return { root, held, mirror }
}

/** Waits for the real clock, which nothing here can move. */
async function until(holds: () => boolean, limitMs: number): Promise<number> {
  const start = performance.now()
  while (!holds()) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms`)
    await sleep(systemClock, 5)
  }
  return performance.now() - start
}

test('[P8][M3] a save is told of, and merged well before the next scan would find it', async () => {
  const { root, held, mirror } = await openReal(true)
  const id = await held.project.transact(byClaude, (tx) => tx.create(task, { title: 'Fix login', body: 'one' }))
  await mirror.sync()
  const file = join(root, held.project.pathOf(task, id))
  writeFileSync(file, readFileSync(file, 'utf8').replace('one', 'one by hand'))
  const took = await until(() => held.project.read(task, id)?.values.body === 'one by hand', 3000)
  expect(took).toBeGreaterThanOrEqual(200)
  writeFileSync(join(root, 'tasks', 'new.md'), '# New\n')
  // For a moment of an exchange there is no file.
  const made = join(root, 'tasks', 'new.md')
  await until(() => existsSync(made) && readFileSync(made, 'utf8').includes('id: t-'), 3000)
  rmSync(file)
  await until(() => held.project.read(task, id)?.deletedAt !== undefined, 4000)
})

test.each(['truncate', 'rename', 'backup', 'slow'])(
  '[P2][M5][M6] an editor that saves by %s races commands: nothing is lost, nothing doubled',
  async (style) => {
    const { root, held, mirror } = await openReal()
    const id: RecordId = await held.project.transact(byClaude, (tx) =>
      tx.create(task, { title: 'Fix login', body: 'alpha\n\nbeta\n\ngamma' }),
    )
    await mirror.sync()
    const file = join(root, held.project.pathOf(task, id))
    const saves = 40
    const editor = spawn(process.execPath, [join(import.meta.dirname, 'editor.mjs'), file, style, String(saves)], {
      stdio: 'inherit',
    })
    const exited = once(editor, 'exit')
    let commands = 0
    while (editor.exitCode === null) {
      const token = `command${commands++}x`
      await held.project.transact(byClaude, (tx) => {
        const body = String(tx.read(task, id)?.values.body)
        const ends = [...body.matchAll(/\n/g)].map(({ index }) => index)
        const at = ends[(commands * 7) % Math.max(1, ends.length)] ?? body.length
        tx.update(task, id, { edit: { body: [{ at, delete: 0, insert: `\n${token}` }] } })
      })
      await sleep(systemClock, (commands * 13) % 50)
    }
    expect((await exited)[0]).toBe(0)
    await mirror.sync()
    const record = must(held.project.read(task, id), 'the record is gone')
    const lines = String(record.values.body).split('\n')
    const expected = [
      ...Array.from({ length: saves }, (_, i) => `hand${style}${i}x`),
      ...Array.from({ length: commands }, (_, i) => `command${i}x`),
      'alpha',
      'beta',
      'gamma',
    ]
    expect(lines.filter((line) => line !== '').toSorted()).toEqual(expected.toSorted())
    expect(record.deletedAt).toBeUndefined()
    expect(readFileSync(file, 'utf8')).toBe(renderRecord(task, record))
    expect(held.project.ids(task)).toHaveLength(1)
  },
)
