import { must } from '../../src/base/assert.ts'
import { silentLogger } from '../../src/base/log.ts'
import { type Attention, createAttention } from '../../src/daemon/attention.ts'
import type { Disk } from '../../src/mirror/disk.ts'
import { createMirror, type Mirror } from '../../src/mirror/mirror.ts'
import type { WatchEvents } from '../../src/mirror/watch.ts'
import { createMirrorWays } from '../../src/mirror/ways.ts'
import type { RecordId } from '../../src/model/id.ts'
import type { Kinds } from '../../src/model/kind-set.ts'
import { task } from '../../src/model/kinds/task.ts'
import { openAttention } from '../../src/store/attention.ts'
import { openMirrorBases } from '../../src/store/mirror-bases.ts'
import { openMirrorLogs } from '../../src/store/mirror-logs.ts'
import type { StoredRecord } from '../../src/store/project.ts'
import type { RecordPatch } from '../../src/store/tx.ts'
import { createMemoryDisk, type MemoryDisk, type MemoryDiskOptions } from '../memory/disk.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { alice, byClaude, createTestProject, type TestProject } from './project.ts'
import { createRandom } from './random.ts'

export interface TestMirror {
  readonly clock: TestClock
  readonly disk: MemoryDisk
  readonly held: TestProject
  readonly mirror: Mirror
  /** What needs somebody, and how it is settled. */
  readonly attention: Attention
  readonly events: () => WatchEvents | undefined
  /** Waits for something on the test's clock, moving it. */
  drive<T>(promise: Promise<T>): Promise<T>
  sync(): Promise<void>
  create(title: string, values?: Record<string, string | number | readonly string[]>): Promise<RecordId>
  update(id: RecordId, patch: RecordPatch): Promise<void>
  task(id: RecordId): StoredRecord
  path(id: RecordId): string
  file(id: RecordId): string
  /** The daemon dies as it is and starts again on the same disk and database, perhaps with other declarations. */
  restart(kinds?: Kinds): Promise<TestMirror>
}

/** A whole mirror on a real project, with disk, clock and events in the hands of the test. */
export async function createTestMirror(
  options: {
    readonly seed?: number
    readonly disk?: MemoryDisk
    readonly clock?: TestClock
    readonly held?: TestProject
    readonly start?: boolean
    readonly kinds?: Kinds
    /** What the disk can do. */
    readonly tier?: MemoryDiskOptions
    readonly scanMs?: number
  } = {},
): Promise<TestMirror> {
  const clock = options.clock ?? createTestClock()
  const disk = options.disk ?? createMemoryDisk(clock, options.tier)
  const held =
    options.held ??
    createTestProject({ clock, seed: options.seed ?? 1, ...(options.kinds && { kinds: options.kinds }) })
  const store = openAttention(held.database)
  let events: WatchEvents | undefined
  let isDead = false
  const mirror = createMirror({
    project: held.project,
    disk: mortal(disk, () => isDead),
    bases: openMirrorBases(held.database),
    writtenLogs: openMirrorLogs(held.database),
    attention: store,
    watch(given) {
      events = given
      return { follow: () => undefined, stop: () => undefined }
    },
    clock,
    random: createRandom((options.seed ?? 1) + 77),
    log: silentLogger,
    ...(options.scanMs !== undefined && { scanMs: options.scanMs }),
    fileActor: () => alice,
    facts: () => ({
      replica: held.project.replica,
      addresses: [['HTTP', 'http://127.0.0.1:1']],
      peers: [],
      problems: attention.list(),
    }),
  })
  const attention = createAttention({
    store,
    clock,
    current: mirror.problems,
    ways: createMirrorWays(held.project, mirror),
    onChange: mirror.refreshLocal,
  })
  const stopListening = held.project.onCommit(mirror.note)
  const drive = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    promise.then(settled, settled)
    for (let i = 0; !isSettled; i++) {
      if (i > 2000) throw new Error('never settled')
      await clock.advance(20)
    }
    return promise
  }
  const read = (id: RecordId): StoredRecord => must(held.project.read(task, id), `no ${id}`)
  const path = (id: RecordId): string => held.project.pathOf(task, id)
  if (options.start !== false) await drive(mirror.start())
  return {
    clock,
    disk,
    held,
    mirror,
    events: () => events,
    attention,
    drive,
    sync: () => drive(mirror.sync()),
    create: (title, values = {}) =>
      drive(held.project.transact(byClaude, (tx) => tx.create(task, { title, ...values }))),
    update: (id, patch) => drive(held.project.transact(byClaude, (tx) => tx.update(task, id, patch))),
    task: read,
    path,
    file: (id) => must(disk.text(path(id)), `no file of ${id}`),
    async restart(kinds) {
      isDead = true
      stopListening()
      return createTestMirror({ ...options, clock, disk, held: held.reopen(kinds ? { kinds } : {}), start: true })
    },
  }
}

/** The disk of one process: once that is dead, none of its calls comes back. */
function mortal(disk: Disk, isDead: () => boolean): Disk {
  const live = async <T>(call: () => Promise<T>): Promise<T> => {
    const result = isDead() ? new Promise<T>(() => undefined) : await call()
    return isDead() ? new Promise<T>(() => undefined) : result
  }
  return {
    probe: () => live(() => disk.probe()),
    list: (path) => live(() => disk.list(path)),
    read: (path) => live(() => disk.read(path)),
    makeDirectory: (path) => live(() => disk.makeDirectory(path)),
    create: (path, bytes, mode) => live(() => disk.create(path, bytes, mode)),
    append: (path, bytes, signature) => live(() => disk.append(path, bytes, signature)),
    move: (from, to) => live(() => disk.move(from, to)),
    exchange: (a, b) => live(() => disk.exchange(a, b)),
    link: (from, to) => live(() => disk.link(from, to)),
    atOnce: (steps) => live(() => disk.atOnce(steps)),
    remove: (path) => live(() => disk.remove(path)),
  }
}

/** What disks can do, for suites that must hold on all. */
export const TIERS: readonly (readonly [name: string, tier: MemoryDiskOptions])[] = [
  ['basic', {}],
  ['full', { isFull: true }],
]
