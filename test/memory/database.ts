import { type Database, openDatabase, type SqlValue } from '../../src/store/database.ts'

export interface FaultyDatabase extends Database {
  /**
   * From the `k`-th call on (1 is the next), `times` of them fail as a full or broken disk does. By default only writes
   * and commits count; with `reads` those do too.
   */
  failAt(k: number, times?: number, what?: 'writes' | 'reads'): void
  heal(): void
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
  return Object.assign(withFaults(db), {
    giveBack() {
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
      if (depth > 0) return db.transaction(work)
      depth++
      try {
        return db.transaction(() => {
          const result = work()
          call()
          return result
        })
      } finally {
        depth--
      }
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
