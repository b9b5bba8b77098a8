import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { createCompaction } from '../../src/store/compaction.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createFileLoadSnapshots } from '../../src/store/file-load-snapshots.ts'
import { type OpenProject, openProject } from '../../src/store/open-project.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const dir = mkdtempSync(join(tmpdir(), 'orch-load-'))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('a load snapshot is made in a worker every 1,000 rows, no row is deleted, and a damaged one is passed over', async () => {
  const file = join(dir, 'orch.db')
  const loads = createFileLoadSnapshots({
    dir: join(dir, 'load'),
    databaseFile: file,
    worker: pathToFileURL(resolve(import.meta.dirname, '../../dist/load-worker.mjs')),
    log: silentLogger,
  })
  const open = (): { project: OpenProject; close: () => void } => {
    const db = openDatabase(file)
    const project = openProject({
      db,
      kinds: builtInKinds,
      clock: createTestClock(),
      random: createRandom(1),
      log: silentLogger,
      lease: { machine: 'm', path: file, inode: '1' },
      generations: { get: () => undefined, set: () => undefined },
      loads,
      name: 'demo',
    })
    return { project, close: () => db.close() }
  }

  const first = open()
  const compaction = createCompaction({ project: first.project, loads, log: silentLogger })
  await compaction.start()
  const id: RecordId = await first.project.transact(byAlice, (tx) => tx.create(task, { title: 'Counted' }))
  const write = (project: OpenProject) =>
    project.transact(byAlice, (tx) => tx.update(task, id, { increment: { spentHours: 1 } }))
  await Promise.all(Array.from({ length: 999 }, () => write(first.project)))
  await compaction.stop()
  expect(readdirSync(join(dir, 'load'))).toEqual(['load-1000.bin'])
  await write(first.project)
  expect(first.project.rowCount()).toBe(1001)
  first.close()

  const second = open()
  expect(second.project.read(task, id)?.values.spentHours).toBe(1000)
  expect(second.project.rowsSince({}, 5000)).toHaveLength(1001)
  await write(second.project)
  second.close()

  const damaged = join(dir, 'load', 'load-1000.bin')
  const bytes = readFileSync(damaged)
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1
  writeFileSync(damaged, bytes)
  const third = open()
  expect(third.project.read(task, id)?.values.spentHours).toBe(1001)
  expect(third.project.checkIndex(openDatabase(':memory:'))).toEqual([])
  third.close()
})
