import type { FileStyle } from '../model/markdown.ts'
import type { Database } from './database.ts'

/** Why a file is left alone, and where in it. */
export interface FileProblem {
  readonly reason: string
  readonly line?: number
  readonly column?: number
}

/** What the mirror knows of one file: the text that is known to be on disk and to be in the document [M1]. */
export interface Base {
  /** Below the mirror directory. */
  readonly path: string
  /** The kind's name. */
  readonly kind: string
  /** The record's id; '' for a keyed kind, and for a file that is no record yet because it is broken. */
  readonly id: string
  /** Decoded: LF, no BOM. Of a broken file, the part that is merged. */
  readonly text: string
  /** Of the bytes last looked at; '' when they could not be read. */
  readonly hash: string
  readonly style: FileStyle
  readonly problem: FileProblem | undefined
}

/** A text that this replica replaced on disk: somebody may still have it open and save it [M6]. */
export interface Version {
  readonly text: string
  /** What it was replaced with. */
  readonly next: string
  readonly replacedAt: number
}

/** What is about to be done to a file, noted first, so that a crash at any step can be made good [M5]. */
export interface Intent {
  /** Random; names the private files. */
  readonly name: string
  readonly path: string
  readonly kind: string
  readonly id: string
  /** Hash of the bytes that must be there; undefined: no file. */
  readonly from: string | undefined
  /** Hash of the bytes that shall be there; undefined: no file. */
  readonly to: string | undefined
  readonly fromText: string
  readonly toText: string
  readonly style: FileStyle
}

/** A file that was replaced or removed. It is looked at again before it is dropped: a program may still be writing to it. */
export interface Displaced {
  /** The intent's: names the private file. */
  readonly name: string
  readonly path: string
  readonly kind: string
  readonly id: string
  /** Of what is merged of it. */
  readonly hash: string
  readonly text: string
  /** Until when it is kept, in milliseconds since 1970. */
  readonly until: number
}

/**
 * What the mirror remembers, in the same database as the journal: called inside `also` of a transaction it is durable
 * together with the row. By itself each change is durable when it returns; but for what says that a power cut may take it
 * back, which `synced` brings to disk.
 */
export interface MirrorBases {
  /** Every path with a base, or a page of them, and the signature its file had when it was last found unchanged, or ''. */
  signatures(page?: { readonly after: string; readonly limit: number }): ReadonlyMap<string, string>
  /** Keeps signatures for the next start. Without them, after a power cut, files are looked at again. */
  sign(signatures: Iterable<readonly [path: string, signature: string]>): void
  get(path: string): Base | undefined
  /** The files of a record: more than one only while it moves. */
  pathsOf(kind: string, id: string): readonly string[]
  /**
   * Some files of a kind without front matter: those that were made by hand, until they have their id, and those that got it
   * since a time: an editor may still have them open without.
   */
  barePaths(kind: string, since: number, limit: number): readonly string[]
  broken(): readonly Base[]
  put(base: Base): void
  /** Forgets a file, but for its style. */
  drop(path: string): void
  /** The style of the file that was last forgotten at a path; undefined where it was LF without a BOM. */
  lastStyle(path: string): FileStyle | undefined
  /** A file has another name. What was replaced at the old one is known of both: an editor may still save it there. */
  move(from: string, to: string): void
  /** Texts replaced at a path since a time, newest first. */
  versions(path: string, since: number): readonly Version[]
  addVersion(path: string, version: Version): void
  /** When a text was last replaced at any path. */
  lastAt(): number | undefined
  /** Hash of the old text that was last saved again at a path and not obeyed. */
  asked(path: string): string | undefined
  /** Remembers it, or forgets it. */
  ask(path: string, hash: string | undefined): void
  /** Since when files were replaced at a path that an editor said it had open; undefined where none does. */
  openSince(path: string): number | undefined
  /** A power cut may take it back: it ends the editor, too. */
  noteOpen(path: string, since: number | undefined): void
  intents(): readonly Intent[]
  /** A power cut may take it back: nothing may be done to the files before it is `synced`. */
  begin(intents: readonly Intent[]): void
  end(name: string): void
  displaced(): readonly Displaced[]
  /** Names of those that are kept no longer than until a time, the first to go first. */
  displacedUntil(until: number): readonly string[]
  displacedAs(name: string): Displaced | undefined
  /** When the time of the next is up. */
  nextDisplaced(): number | undefined
  /** None is kept for longer than until a time. A power cut may take it back. */
  keepUntil(latest: number): void
  keep(displaced: Displaced): void
  release(name: string): void
  /** Runs `work` so that all of it is durable or none. */
  atomically(work: () => void): void
  /** Runs `work` so that all of it is noted or none. A power cut may take it back, as if it had come before. */
  relaxed(work: () => void): void
  /** Resolves when everything noted so far is durable. */
  synced(): Promise<void>
}

const TABLES = `
CREATE TABLE IF NOT EXISTS mirror_bases (
  path TEXT PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, hash TEXT NOT NULL,
  style TEXT NOT NULL, signature TEXT NOT NULL, reason TEXT, line INTEGER, col INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mirror_bases_id ON mirror_bases (kind, id);
CREATE INDEX IF NOT EXISTS mirror_bases_bare ON mirror_bases (kind) WHERE text NOT LIKE '---%';
CREATE INDEX IF NOT EXISTS mirror_bases_broken ON mirror_bases (path) WHERE reason IS NOT NULL;
CREATE TABLE IF NOT EXISTS mirror_styles (path TEXT PRIMARY KEY, style TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mirror_versions (
  n INTEGER PRIMARY KEY, path TEXT NOT NULL, text TEXT NOT NULL, next TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS mirror_versions_path ON mirror_versions (path, n);
CREATE INDEX IF NOT EXISTS mirror_versions_at ON mirror_versions (at);
CREATE TABLE IF NOT EXISTS mirror_asked (path TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mirror_open (path TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mirror_intents (
  name TEXT PRIMARY KEY, path TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, from_hash TEXT, to_hash TEXT,
  from_text TEXT NOT NULL, to_text TEXT NOT NULL, style TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mirror_displaced (
  name TEXT PRIMARY KEY, path TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, hash TEXT NOT NULL,
  text TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mirror_displaced_until ON mirror_displaced (until);
`

/** What is written where nothing else is known, and not kept. */
const PLAIN: FileStyle = { bom: false, eol: 'lf' }

/** How many replaced texts are kept of one path, and how long. */
const VERSIONS_PER_PATH = 200
const VERSION_MS = 24 * 60 * 60 * 1000

/** Opens the mirror's tables, making them where they are missing. */
export function openMirrorBases(db: Database): MirrorBases {
  db.exec(TABLES)
  return {
    signatures: ({ after, limit } = { after: '', limit: -1 }) =>
      new Map(
        db
          .all<{ path: string; signature: string }>(
            'SELECT path, signature FROM mirror_bases WHERE path > ? ORDER BY path LIMIT ?',
            after,
            limit,
          )
          .map(({ path, signature }) => [path, signature]),
      ),
    sign(signatures) {
      db.relaxed(() => {
        for (const [path, signature] of signatures) {
          db.run('UPDATE mirror_bases SET signature = ? WHERE path = ?', signature, path)
        }
      })
    },
    get(path) {
      const row = db.get<BaseRow>('SELECT * FROM mirror_bases WHERE path = ?', path)
      return row && baseOf(row)
    },
    pathsOf: (kind, id) =>
      db
        .all<{ path: string }>('SELECT path FROM mirror_bases WHERE kind = ? AND id = ? ORDER BY path', kind, id)
        .map(({ path }) => path),
    barePaths: (kind, since, limit) =>
      db
        .all<{ path: string }>(
          `SELECT path FROM mirror_bases WHERE kind = ?1 AND id <> '' AND (text NOT LIKE '---%' OR path IN
             (SELECT path FROM mirror_versions WHERE at >= ?2 AND text <> '' AND text NOT LIKE '---%')) LIMIT ?3`,
          kind,
          since,
          limit,
        )
        .map(({ path }) => path),
    broken: () => db.all<BaseRow>('SELECT * FROM mirror_bases WHERE reason IS NOT NULL ORDER BY path').map(baseOf),
    put({ path, kind, id, text, hash, style, problem }) {
      db.run(
        "INSERT OR REPLACE INTO mirror_bases VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?)",
        path,
        kind,
        id,
        text,
        hash,
        JSON.stringify(style),
        problem?.reason ?? null,
        problem?.line ?? null,
        problem?.column ?? null,
      )
    },
    drop(path) {
      db.transaction(() => {
        db.run('DELETE FROM mirror_styles WHERE path = ?', path)
        db.run(
          'INSERT INTO mirror_styles SELECT path, style FROM mirror_bases WHERE path = ? AND style <> ?',
          path,
          JSON.stringify(PLAIN),
        )
        db.run('DELETE FROM mirror_bases WHERE path = ?', path)
      })
    },
    lastStyle(path) {
      const row = db.get<{ style: string }>('SELECT style FROM mirror_styles WHERE path = ?', path)
      return row && readStyle(row.style)
    },
    move(from, to) {
      db.run("UPDATE OR REPLACE mirror_bases SET path = ?, signature = '' WHERE path = ?", to, from)
      db.run(
        'INSERT INTO mirror_versions (path, text, next, at) SELECT ?, text, next, at FROM mirror_versions WHERE path = ? ORDER BY n',
        to,
        from,
      )
      db.run('INSERT OR REPLACE INTO mirror_asked SELECT ?, hash FROM mirror_asked WHERE path = ?', to, from)
    },
    versions: (path, since) =>
      db.all<Version>(
        'SELECT text, next, at AS replacedAt FROM mirror_versions WHERE path = ? AND at >= ? ORDER BY n DESC',
        path,
        since,
      ),
    addVersion(path, { text, next, replacedAt }) {
      db.run('INSERT INTO mirror_versions (path, text, next, at) VALUES (?, ?, ?, ?)', path, text, next, replacedAt)
      db.run('DELETE FROM mirror_versions WHERE at < ?', replacedAt - VERSION_MS)
      db.run(
        'DELETE FROM mirror_versions WHERE path = ?1 AND n <= (SELECT n FROM mirror_versions WHERE path = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?2)',
        path,
        VERSIONS_PER_PATH,
      )
    },
    lastAt: () => db.get<{ at: number | null }>('SELECT max(at) AS at FROM mirror_versions')?.at ?? undefined,
    asked: (path) => db.get<{ hash: string }>('SELECT hash FROM mirror_asked WHERE path = ?', path)?.hash,
    ask(path, hash) {
      if (hash === undefined) db.run('DELETE FROM mirror_asked WHERE path = ?', path)
      else db.run('INSERT OR REPLACE INTO mirror_asked VALUES (?, ?)', path, hash)
    },
    openSince: (path) => db.get<{ since: number }>('SELECT since FROM mirror_open WHERE path = ?', path)?.since,
    noteOpen(path, since) {
      db.relaxed(() => {
        if (since === undefined) db.run('DELETE FROM mirror_open WHERE path = ?', path)
        else db.run('INSERT OR REPLACE INTO mirror_open VALUES (?, ?)', path, since)
      })
    },
    intents: () => db.all<IntentRow>('SELECT * FROM mirror_intents').map(intentOf),
    begin(intents) {
      db.relaxed(() => {
        for (const { name, path, kind, id, from, to, fromText, toText, style } of intents) {
          db.run(
            'INSERT INTO mirror_intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            name,
            path,
            kind,
            id,
            from ?? null,
            to ?? null,
            fromText,
            toText,
            JSON.stringify(style),
          )
        }
      })
    },
    end: (name) => db.run('DELETE FROM mirror_intents WHERE name = ?', name),
    displaced: () => db.all<Displaced>('SELECT * FROM mirror_displaced ORDER BY until'),
    displacedUntil: (until) =>
      db
        .all<{ name: string }>('SELECT name FROM mirror_displaced WHERE until <= ? ORDER BY until, name', until)
        .map(({ name }) => name),
    displacedAs: (name) => db.get<Displaced>('SELECT * FROM mirror_displaced WHERE name = ?', name),
    nextDisplaced: () =>
      db.get<{ until: number | null }>('SELECT min(until) AS until FROM mirror_displaced')?.until ?? undefined,
    keepUntil(latest) {
      if (!db.get('SELECT 1 FROM mirror_displaced WHERE until > ? LIMIT 1', latest)) return
      db.relaxed(() => db.run('UPDATE mirror_displaced SET until = ?1 WHERE until > ?1', latest))
    },
    keep({ name, path, kind, id, hash, text, until }) {
      db.run(
        'INSERT OR REPLACE INTO mirror_displaced VALUES (?, ?, ?, ?, ?, ?, ?)',
        name,
        path,
        kind,
        id,
        hash,
        text,
        until,
      )
    },
    release: (name) => db.run('DELETE FROM mirror_displaced WHERE name = ?', name),
    atomically: (work) => db.transaction(work),
    relaxed: (work) => db.relaxed(work),
    synced: () => db.synced(),
  }
}

interface BaseRow {
  readonly path: string
  readonly kind: string
  readonly id: string
  readonly text: string
  readonly hash: string
  readonly style: string
  readonly reason: string | null
  readonly line: number | null
  readonly col: number | null
}

interface IntentRow {
  readonly name: string
  readonly path: string
  readonly kind: string
  readonly id: string
  readonly from_hash: string | null
  readonly to_hash: string | null
  readonly from_text: string
  readonly to_text: string
  readonly style: string
}

function baseOf({ path, kind, id, text, hash, style, reason, line, col }: BaseRow): Base {
  const problem: FileProblem | undefined =
    reason === null ? undefined : { reason, ...(line !== null && { line }), ...(col !== null && { column: col }) }
  return { path, kind, id, text, hash, style: readStyle(style), problem }
}

function intentOf({ from_hash, to_hash, from_text, to_text, style, ...rest }: IntentRow): Intent {
  return {
    ...rest,
    from: from_hash ?? undefined,
    to: to_hash ?? undefined,
    fromText: from_text,
    toText: to_text,
    style: readStyle(style),
  }
}

function readStyle(json: string): FileStyle {
  return JSON.parse(json) as FileStyle
}
