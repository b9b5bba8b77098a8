import { type Database, openDatabase, type SqlValue } from '../../src/store/database.ts'

export interface FaultyDatabase extends Database {
  /** From the `k`-th write or commit on (1 is the next), `times` of them fail as a full disk does. */
  failAt(k: number, times?: number): void
  heal(): void
  /** Writes and commits so far. */
  readonly calls: number
}

/** A database in memory that can be told to fail like a disk. It outlives the parts that use it, as a file does. */
export function createMemoryDatabase(): FaultyDatabase {
  const db = openDatabase(':memory:')
  let calls = 0
  let from = Number.POSITIVE_INFINITY
  let until = 0
  let depth = 0
  const call = (): void => {
    calls++
    if (calls >= from && calls < until) throw new Error('database or disk is full')
  }
  return {
    exec: (sql) => db.exec(sql),
    run(sql: string, ...params: readonly SqlValue[]) {
      call()
      db.run(sql, ...params)
    },
    get: (sql, ...params) => db.get(sql, ...params),
    all: (sql, ...params) => db.all(sql, ...params),
    transaction(work) {
      if (depth > 0) return work()
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
    failAt(k, times = Number.POSITIVE_INFINITY) {
      from = calls + k
      until = from + times
    },
    heal() {
      from = Number.POSITIVE_INFINITY
    },
    get calls() {
      return calls
    },
  }
}
