import { type Database, openDatabase, type SqlValue } from '../../src/store/database.ts'

export interface FaultyDatabase extends Database {
  /**
   * From the `k`-th call on (1 is the next), `times` of them fail as a full or broken disk does. By default only writes
   * and commits count; with `reads` those do too.
   */
  failAt(k: number, times?: number, what?: 'writes' | 'reads'): void
  heal(): void
  /** The power is cut: what was committed relaxed, and is not known to be on disk, is gone. Tells how many commits that was. */
  powerCut(): number
  /** Calls that counted so far. */
  readonly calls: number
}

const SQLITE_FULL = 13

/** A database in memory that can be told to fail like a disk. It outlives the parts that use it, as a file does. */
export function createMemoryDatabase(): FaultyDatabase {
  return withFaults(openDatabase(':memory:'))
}

const used: Database[] = []

/**
 * A database of a project, for simulations that need thousands: one that was used before if there is one, emptied. It has
 * the tables of a new one, and its statements are prepared.
 */
export function borrowMemoryDatabase(): FaultyDatabase & { giveBack(): void } {
  const db = used.pop() ?? openDatabase(':memory:')
  const faulty = withFaults(db)
  return Object.assign(faulty, {
    giveBack() {
      faulty.powerCut()
      db.transaction(() => {
        for (const { name } of db.all<{ name: string }>(TABLES)) {
          db.run(`DELETE FROM ${name}${name === 'meta' ? " WHERE key <> 'index_stamp'" : ''}`)
        }
      })
      used.push(db)
    },
  })
}

/** All but SQLite's own, and those that a full text index keeps. */
const TABLES =
  "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE 'search!_text!_%' ESCAPE '!'"

/** The same for a database that is there. */
export function withFaults(db: Database): FaultyDatabase {
  let calls = 0
  let from = Number.POSITIVE_INFINITY
  let until = 0
  let depth = 0
  let countsReads = false
  /** Relaxed commits that are not on disk yet: parts of one transaction that is held open. */
  let held = 0
  const bringToDisk = (): void => {
    if (held > 0) db.exec('COMMIT')
    held = 0
  }
  const part = <T>(work: () => T): T => {
    db.exec('SAVEPOINT held')
    try {
      const result = work()
      db.exec('RELEASE held')
      return result
    } catch (error) {
      db.exec('ROLLBACK TO held; RELEASE held')
      throw error
    }
  }
  const outer = <T>(work: () => T, run: (all: () => T) => T): T => {
    depth++
    try {
      return run(() => {
        const result = work()
        call()
        return result
      })
    } finally {
      depth--
    }
  }
  const call = (): void => {
    calls++
    if (calls >= from && calls < until)
      throw Object.assign(new Error('database or disk is full'), { errcode: SQLITE_FULL })
  }
  const reading = (): void => {
    if (countsReads) call()
  }
  return {
    exec: (sql) => db.exec(sql),
    run(sql: string, ...params: readonly SqlValue[]) {
      call()
      db.run(sql, ...params)
      if (depth === 0) bringToDisk()
    },
    get(sql, ...params) {
      reading()
      return db.get(sql, ...params)
    },
    all(sql, ...params) {
      reading()
      return db.all(sql, ...params)
    },
    transaction(work) {
      if (held > 0) {
        if (depth > 0) return part(work)
        const result = outer(work, part)
        bringToDisk()
        return result
      }
      return depth > 0 ? db.transaction(work) : outer(work, db.transaction)
    },
    relaxed(work) {
      if (depth > 0) return this.transaction(work)
      if (held === 0) db.exec('BEGIN')
      held++
      try {
        return outer(work, part)
      } catch (error) {
        if (--held === 0) db.exec('ROLLBACK')
        throw error
      }
    },
    async synced() {
      bringToDisk()
    },
    powerCut() {
      const lost = held
      if (held > 0) db.exec('ROLLBACK')
      held = 0
      return lost
    },
    // Closing a file does not lose it.
    close: () => undefined,
    failAt(k, times = Number.POSITIVE_INFINITY, what = 'writes') {
      countsReads = what === 'reads'
      from = calls + k
      until = from + times
    },
    heal() {
      countsReads = false
      from = Number.POSITIVE_INFINITY
    },
    get calls() {
      return calls
    },
  }
}
