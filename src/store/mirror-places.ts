import type { Database } from './database.ts'

/** A mirror beside the main one: in a worktree made by `git worktree add`. */
export interface LinkedMirror {
  /** Names its tables; never used again. */
  readonly n: number
  readonly worktree: string
  readonly dir: string
}

/** Which linked worktrees have a mirror. Each has what the mirror remembers in tables of its own. */
export interface MirrorPlaces {
  list(): readonly LinkedMirror[]
  add(worktree: string, dir: string): LinkedMirror
  /** Forgets a mirror and all that is known of its files. */
  drop(mirror: LinkedMirror): void
  /** The database as the tables of that mirror. */
  scope(mirror: LinkedMirror): Database
}

const TABLES = `
CREATE TABLE IF NOT EXISTS linked_mirrors (
  n INTEGER PRIMARY KEY AUTOINCREMENT, worktree TEXT NOT NULL UNIQUE, dir TEXT NOT NULL)`

export function openMirrorPlaces(db: Database): MirrorPlaces {
  db.exec(TABLES)
  const list = (): readonly LinkedMirror[] =>
    db.all<LinkedMirror>('SELECT n, worktree, dir FROM linked_mirrors ORDER BY n')
  return {
    list,
    add(worktree, dir) {
      db.run('INSERT INTO linked_mirrors (worktree, dir) VALUES (?, ?) ON CONFLICT DO NOTHING', worktree, dir)
      const added = list().find((one) => one.worktree === worktree)
      if (!added) throw new Error('a mirror was not noted')
      return added
    },
    drop({ n }) {
      db.transaction(() => {
        const tables = db.all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (const { name } of tables) {
          if (name.startsWith('mirror_') && name.endsWith(`_of_${n}`)) db.exec(`DROP TABLE ${name}`)
        }
        db.run('DELETE FROM linked_mirrors WHERE n = ?', n)
      })
    },
    scope: ({ n }) => scoped(db, `_of_${n}`),
  }
}

/** The same database in which every table of the mirror has another name. */
function scoped(db: Database, suffix: string): Database {
  const named = (sql: string): string => sql.replace(/\bmirror_\w+/g, (name) => name + suffix)
  return {
    exec: (sql) => db.exec(named(sql)),
    run: (sql, ...params) => db.run(named(sql), ...params),
    get: (sql, ...params) => db.get(named(sql), ...params),
    all: (sql, ...params) => db.all(named(sql), ...params),
    transaction: (work) => db.transaction(work),
    relaxed: (work) => db.relaxed(work),
    synced: () => db.synced(),
    close: () => undefined,
  }
}
