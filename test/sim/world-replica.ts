import type { Clock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { type Attention, createAttention } from '../../src/daemon/attention.ts'
import type { Disk } from '../../src/mirror/disk.ts'
import { createMirror, type Mirror } from '../../src/mirror/mirror.ts'
import type { WatchEvents } from '../../src/mirror/watch.ts'
import { createMirrorWays } from '../../src/mirror/ways.ts'
import { openAttention } from '../../src/store/attention.ts'
import { type MirrorBases, openMirrorBases } from '../../src/store/mirror-bases.ts'
import { openMirrorLogs } from '../../src/store/mirror-logs.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { TestClock } from '../helpers/clock.ts'
import { alice, createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { borrowMemoryDatabase, type FaultyDatabase } from '../memory/database.ts'
import { createMemoryDisk, type MemoryDisk, type MemoryDiskOptions } from '../memory/disk.ts'
import { createTestReplica, type TestReplica } from '../peers/replica.ts'
import type { WorldNetwork } from './world-network.ts'

/** One daemon of the world, with its disk and database, which outlive it. */
export interface WorldReplica {
  readonly host: string
  readonly disk: MemoryDisk
  readonly database: FaultyDatabase
  /** Hashes of every text that somebody meant to be in a file of this disk, whole: people, or orch. */
  readonly intended: Set<string>
  /** What was found wrong at once, not only when all is quiet. */
  readonly wrong: string[]
  /** Where, and of which record, it was ever told that a save was made on an older text. */
  readonly stale: ReadonlySet<string>
  /** Where, and of which record, it was ever told that it was kept although its file was gone. */
  readonly kept: ReadonlySet<string>
  /** Steps of the disk that change it. */
  readonly diskWrites: () => number
  isAlive(): boolean
  project(): OpenProject
  mirror(): Mirror
  attention(): Attention
  events(): WatchEvents | undefined
  /** It dies in the middle of the so-many-th step of its disk or database from now on, or just after it. */
  crashAfter(steps: number): void
  crash(): void
  start(): Promise<void>
  stop(): Promise<void>
  /** The wall clock is set. */
  jump(ms: number): void
  /** Waits on the clock of the world, moving it, until this is settled or the replica is dead: then undefined. */
  drive<T>(promise: Promise<T>): Promise<T | undefined>
}

class Dead extends Error {}

/** The life of one process: counts its steps, and ends in one of them. */
interface Life {
  isDead: boolean
  fuse: number
  step(): void
}

function createLife(): Life {
  const life: Life = {
    isDead: false,
    fuse: 0,
    step() {
      if (life.isDead) throw new Dead('this process is dead')
      if (life.fuse > 0 && --life.fuse === 0) life.isDead = true
      if (life.isDead) throw new Dead('this process dies')
    },
  }
  return life
}

export function createWorldReplica(options: {
  readonly n: number
  readonly seed: number
  readonly clock: TestClock
  readonly tier: MemoryDiskOptions
  readonly network: WorldNetwork
  /** Hosts it links to. */
  readonly peers: readonly string[]
  /** Whose project it takes part in. */
  readonly of?: { readonly id: string; readonly name: string }
}): WorldReplica {
  const { n, seed, network, clock: shared } = options
  const host = `host${n}`
  let offset = 0
  // As that of a system, in whole milliseconds.
  const wall = { ...shared, now: () => Math.floor(shared.now()) + offset }
  const disk = createMemoryDisk(wall, options.tier)
  const database = borrowMemoryDatabase()
  const generations = new Map<string, number>()
  const intended = new Set<string>()
  const stale = new Set<string>()
  const kept = new Set<string>()
  const wrong: string[] = []
  let diskWrites = 0
  let lives = 0
  let life = createLife()
  life.isDead = true
  let now:
    | { project: OpenProject; mirror: Mirror; attention: Attention; peer: TestReplica; events: WatchEvents | undefined }
    | undefined
  const running = () => {
    if (!now) throw new Error(`${host} never ran`)
    return now
  }

  const drive = async <T>(promise: Promise<T>): Promise<T | undefined> => {
    const mine = life
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    promise.then(settled, settled)
    for (let i = 0; !isSettled && !mine.isDead; i++) {
      if (i > 4000) throw new Error(`${host}: never settled`)
      await shared.advance(i === 0 ? 0 : 20)
    }
    return isSettled && !mine.isDead ? promise : undefined
  }

  const start = async (): Promise<void> => {
    // Every other time it was the power that went: with the process goes what was not on disk yet.
    if (lives % 2 === 1) database.powerCut()
    const mine = createLife()
    life = mine
    lives++
    const clock: Clock = {
      now: wall.now,
      monotonic: wall.monotonic,
      after: (ms, run) => wall.after(ms, () => (mine.isDead ? undefined : run())),
    }
    const held = createTestProject({
      clock,
      seed: seed * 1000 + n * 50 + lives,
      database: mortalDatabase(database, mine),
      generations,
    })
    const { project } = held
    if (lives === 1 && options.of) project.adopt(options.of)
    const store = openAttention(held.database)
    const bases = openMirrorBases(held.database)
    let events: WatchEvents | undefined
    const mirror = createMirror({
      project,
      disk: mortalDisk(disk, mine, () => diskWrites++),
      bases: watched(bases, intended, (what) => wrong.push(`${host}: ${what}`)),
      writtenLogs: openMirrorLogs(held.database),
      attention: {
        ...store,
        keep(happened, at) {
          const told = { stale_save: stale, kept_record: kept }[happened.kind as string]
          for (const at of [happened.where, happened.record]) if (at) told?.add(at)
          store.keep(happened, at)
        },
      },
      watch(given) {
        events = given
        if (now) now.events = given
        return { follow: () => undefined, stop: () => undefined }
      },
      clock,
      random: createRandom(seed * 77 + n * 13 + lives),
      log: silentLogger,
      fileActor: () => alice,
      facts: () => ({ replica: project.replica, addresses: [], peers: [], problems: attention.list() }),
    })
    const attention = createAttention({
      store,
      clock,
      current: mirror.problems,
      ways: createMirrorWays(project, mirror),
      onChange: mirror.refreshLocal,
    })
    project.onCommit((commit) => {
      if (!mine.isDead) mirror.note(commit)
    })
    const peer = await createTestReplica({
      host,
      seed: seed * 10 + n,
      network: network.of(host),
      clock,
      from: held,
      instance: `n-${seed}-${n}`,
    })
    now = { project, mirror, attention, peer, events }
    await drive(mirror.start())
    if (mine.isDead) return
    if (lives === 1) for (const other of options.peers) peer.dial(other, 'demo')
  }

  const crash = (): void => {
    life.isDead = true
    network.silence(host)
    now?.peer.stop().catch(() => undefined)
  }

  return {
    host,
    disk,
    database,
    intended,
    wrong,
    stale,
    kept,
    diskWrites: () => diskWrites,
    isAlive: () => !life.isDead,
    project: () => running().project,
    mirror: () => running().mirror,
    attention: () => running().attention,
    events: () => (life.isDead ? undefined : now?.events),
    crashAfter(steps) {
      life.fuse = steps
    },
    crash,
    start,
    async stop() {
      await drive(running().mirror.stop())
      crash()
      database.giveBack()
    },
    jump(ms) {
      offset += ms
    },
    drive,
  }
}

/** The database of one process: once that is dead, nothing it does is done. */
function mortalDatabase(db: FaultyDatabase, life: Life): FaultyDatabase {
  let depth = 0
  const alive = (): void => {
    if (life.isDead) throw new Dead('this process is dead')
  }
  return {
    exec(sql) {
      alive()
      db.exec(sql)
    },
    run(sql, ...params) {
      life.step()
      db.run(sql, ...params)
    },
    get(sql, ...params) {
      alive()
      return db.get(sql, ...params)
    },
    all(sql, ...params) {
      alive()
      return db.all(sql, ...params)
    },
    transaction(work) {
      alive()
      const isOuter = depth++ === 0
      try {
        const result = db.transaction(() => {
          const made = work()
          life.step()
          return made
        })
        // It dies when all is durable, and nobody was told.
        if (isOuter) life.step()
        return result
      } finally {
        depth--
      }
    },
    relaxed(work) {
      if (depth > 0) return this.transaction(work)
      alive()
      depth++
      try {
        const result = db.relaxed(() => {
          const made = work()
          life.step()
          return made
        })
        life.step()
        return result
      } finally {
        depth--
      }
    },
    async synced() {
      life.step()
      await db.synced()
      life.step()
    },
    powerCut: db.powerCut,
    close: () => undefined,
    failAt: db.failAt,
    heal: db.heal,
    get calls() {
      return db.calls
    },
  }
}

/** The disk of one process: once that is dead, none of its calls comes back. */
function mortalDisk(disk: Disk, life: Life, onWrite: () => void): Disk {
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined)
  const live = async <T>(call: () => Promise<T>, writes = false): Promise<T> => {
    try {
      life.step()
      const result = await call()
      if (writes) onWrite()
      life.step()
      return result
    } catch (error) {
      if (life.isDead) return never()
      throw error
    }
  }
  const liveStep = <T>(call: () => T): T => {
    life.step()
    const result = call()
    onWrite()
    life.step()
    return result
  }
  return {
    probe: () => live(() => disk.probe()),
    list: (path) => live(() => disk.list(path)),
    read: (path) => live(() => disk.read(path)),
    makeDirectory: (path) => live(() => disk.makeDirectory(path)),
    create: (path, bytes, mode) => live(() => disk.create(path, bytes, mode), true),
    append: (path, bytes, signature) => live(() => disk.append(path, bytes, signature), true),
    move: (from, to) => live(() => disk.move(from, to), true),
    exchange: (a, b) => live(() => disk.exchange(a, b), true),
    link: (from, to) => live(() => disk.link(from, to), true),
    atOnce: (work) =>
      live(() =>
        disk.atOnce((steps) =>
          work({
            move: (from, to) => liveStep(() => steps.move(from, to)),
            link: (from, to) => liveStep(() => steps.link(from, to)),
            bytesOf: steps.bytesOf,
          }),
        ),
      ),
    remove: (path) => live(() => disk.remove(path), true),
  }
}

/** A base is never anything but a whole text that somebody meant to be there [I8] [I9]. */
function watched(bases: MirrorBases, intended: Set<string>, complain: (what: string) => void): MirrorBases {
  return {
    ...bases,
    begin(intents) {
      for (const { to } of intents) if (to !== undefined) intended.add(to)
      bases.begin(intents)
    },
    put(base) {
      if (base.hash !== '' && !intended.has(base.hash)) complain(`[I9] ${base.path}: half a text was taken as saved`)
      bases.put(base)
    },
  }
}
