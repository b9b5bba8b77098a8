import { PerformanceObserver } from 'node:perf_hooks'
import type { Database } from '../../src/store/database.ts'

/** One turn of the event loop, in milliseconds. */
export interface LoopTurn {
  /** On the clock, which a busy machine stretches. */
  readonly clock: number
  /** CPU of the main thread; where the system does not tell it, of all threads. */
  readonly cpu: number
  /** On the clock: in which the collector of garbage had the main thread, and in which it waited for SQLite. */
  readonly garbage: number
  readonly sqlite: number
}

/** The turns of something: the one with the most CPU, and the most of one when what was collected in it is left out. */
export interface Turns {
  readonly longest: LoopTurn
  readonly without: number
  readonly over10: number
}

const CLOCK_THREAD_CPUTIME_ID = 3

/** CPU of this thread so far, in milliseconds. Linux has it for every thread, and Node 20 has no call for it. */
async function loadThreadCpu(): Promise<() => number> {
  const ofAll = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  if (process.platform !== 'linux') return ofAll
  try {
    const { default: koffi } = await import('koffi')
    const gettime = koffi.load(null).func('int clock_gettime(int, _Out_ int64_t *)')
    const time = new BigInt64Array(2)
    return () => {
      gettime(CLOCK_THREAD_CPUTIME_ID, time)
      return Number(time[0]) * 1000 + Number(time[1]) / 1e6
    }
  } catch {
    return ofAll
  }
}

export const threadCpu = await loadThreadCpu()

let inSqlite = 0

/** The same database, which says how long it had the thread. */
export function watched(db: Database): Database {
  const timed = <T>(work: () => T): T => {
    const start = performance.now()
    try {
      return work()
    } finally {
      inSqlite += performance.now() - start
    }
  }
  const around = <T>(transaction: (work: () => T) => T, work: () => T): T => {
    // What the work itself takes is not SQLite's, but for the calls in it, which count themselves.
    const start = performance.now()
    let inside = 0
    try {
      return transaction(() => {
        const begun = performance.now()
        try {
          return work()
        } finally {
          inside += performance.now() - begun
        }
      })
    } finally {
      inSqlite += performance.now() - start - inside
    }
  }
  return {
    exec: (sql) => timed(() => db.exec(sql)),
    run: (sql, ...params) => timed(() => db.run(sql, ...params)),
    get: (sql, ...params) => timed(() => db.get(sql, ...params)),
    all: (sql, ...params) => timed(() => db.all(sql, ...params)),
    transaction: (work) => around(db.transaction, work),
    relaxed: (work) => around(db.relaxed, work),
    synced: () => db.synced(),
    close: () => db.close(),
  }
}

/** Of so many turns that took long it is looked at afterwards what was collected in them. */
const KEPT = 200

interface Seen {
  readonly from: number
  readonly to: number
  readonly cpu: number
  readonly sqlite: number
}

/** Records every turn of the event loop until what is returned is called. */
export function recordTurns(): () => Promise<Turns> {
  const collected: { readonly from: number; readonly to: number }[] = []
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      collected.push({ from: startTime, to: startTime + duration })
  })
  observer.observe({ entryTypes: ['gc'] })
  let seen: Seen[] = []
  let isOver = false
  const keepLongest = (): void => {
    seen = seen.sort((a, b) => b.cpu - a.cpu).slice(0, KEPT)
  }
  const watching = (async () => {
    for (let from = performance.now(), cpu = threadCpu(), sqlite = inSqlite; !isOver; ) {
      await new Promise((next) => setImmediate(next))
      const [to, used, waited] = [performance.now(), threadCpu(), inSqlite]
      if (used - cpu > 0.5) seen.push({ from, to, cpu: used - cpu, sqlite: waited - sqlite })
      if (seen.length > 10 * KEPT) keepLongest()
      ;[from, cpu, sqlite] = [performance.now(), threadCpu(), inSqlite]
    }
  })()
  return async () => {
    isOver = true
    await watching
    // Entries of the collector are told a turn later.
    await new Promise((next) => setTimeout(next, 5))
    observer.disconnect()
    keepLongest()
    const turns = seen.map(({ from, to, cpu, sqlite }) => {
      const inside = collected.map((one) => Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)))
      return { clock: to - from, cpu, sqlite, garbage: inside.reduce((sum, ms) => sum + ms, 0) }
    })
    return {
      longest: turns[0] ?? { clock: 0, cpu: 0, garbage: 0, sqlite: 0 },
      without: Math.max(0, ...turns.map(({ cpu, garbage }) => cpu - garbage)),
      over10: turns.filter(({ cpu }) => cpu > 10).length,
    }
  }
}
