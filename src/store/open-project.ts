import type { Clock } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { KeptRecord } from '../doc/kept.ts'
import { createProjectDoc, type ProjectDoc } from '../doc/project-doc.ts'
import type { Random } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { LogEntry } from '../model/log.ts'
import { openChangeFeed } from './change-feed.ts'
import { createChanges } from './changes.ts'
import { compareIndex, isSameState, OTHER_DOCUMENT } from './check.ts'
import { createClients } from './clients.ts'
import { type Conflict, createConflicts } from './conflicts.ts'
import type { Database } from './database.ts'
import { openIdentity } from './identity.ts'
import { indexStamp } from './index-tables.ts'
import { createJournal, founderOf, type Journal, MAIN_DOC, updatesBetween } from './journal.ts'
import { keptRecords } from './kept-records.ts'
import { lastWrites } from './last-writes.ts'
import type { Generations, LeaseFacts } from './lease.ts'
import type { LoadSnapshot, LoadSnapshots } from './load-snapshot.ts'
import { createLogIndex } from './log-index.ts'
import { openLogRoom } from './log-room.ts'
import { openParkedUpdates, type ParkedSummary } from './parked.ts'
import { createPast } from './past.ts'
import { createPipeline } from './pipeline.ts'
import type { Change, Project, Undeclared } from './project.ts'
import { openPurges } from './purges.ts'
import { createQueries } from './queries.ts'
import { type RebuildProgress, rebuildIndex } from './rebuild.ts'
import { createRecordIndex } from './record-index.ts'
import { createMeta, prepareSchema } from './schema.ts'
import { createWorkGraph } from './work-graph.ts'
import { createWorkQueries } from './work-queries.ts'

export interface OpenProjectParts {
  readonly db: Database
  readonly kinds: Kinds
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly lease: LeaseFacts
  readonly generations: Generations
  readonly loads: LoadSnapshots
  /** The name for a project that is made now; one that is there keeps its own. */
  readonly name: string
  /** Under which names its rows are made, where these follow from what is written; else from what was drawn at random. */
  readonly writer?: () => { readonly replica: string; readonly client: number }
  /** Hears what each row changed, inside its SQL transaction. */
  readonly note?: (changes: readonly Change[]) => void
  /** Hears of each conflict that begins or ends, inside the SQL transaction. */
  readonly noteConflict?: (conflict: Conflict) => void
  /** Hears what waits of somebody's changes, whenever that changes, inside the SQL transaction. */
  readonly noteParked?: (summary: ParkedSummary) => void
  /** Hears what each row added to the work log, inside its SQL transaction. */
  readonly noteEntries?: (entries: readonly LogEntry[]) => void
}

/** A project with what only the composition root and the tests may ask. */
export interface OpenProject extends Project {
  /** Rows here, of every replica. */
  rowCount(): number
  clientCount(): number
  /** Why writes are refused at the moment, if they are. */
  failure(): string | undefined
  /** Becomes another project. Only while nothing was ever written here: throws `different_project` otherwise. */
  adopt(identity: { readonly id: string; readonly name: string }): void
  /** Takes a new replica identity: somebody else writes under the present one. */
  rollReplica(reason: string): void
  /** The replicas that this database was before: it was moved, copied or restored since. */
  former(): readonly string[]
  /** What clients brought and cannot be applied yet, by who brought it. */
  parked(): readonly ParkedSummary[]
  /** Applies, or forgets, what waits of the changes that an actor brought. Resolves to how many updates. */
  acceptParked(actor: string): Promise<number>
  discardParked(actor: string): Promise<number>
  idle(): Promise<void>
  rebuildIndex(): void
  /** What is here and not declared, of living records. */
  undeclared(): readonly Undeclared[]
  /** That of each record. */
  kept(): Iterable<KeptRecord>
  /** What differs between the index, the document in memory, and both made anew from all rows; empty when all is well. */
  checkIndex(scratch: Database): readonly string[]
}

/**
 * Opens the state of a project from its database, made if it is empty: loaded whole and checked, or not at all.
 * Throws `database_newer`, `database_damaged`.
 */
export function openProject(parts: OpenProjectParts): OpenProject {
  const { db, kinds, clock, random, log, writer } = parts
  prepareSchema(db)
  const meta = createMeta(db)

  const identity = openIdentity({ ...parts, meta })

  const journal = damaged(() => createJournal(db))
  const load = (): ProjectDoc => loadDocument(kinds, journal, parts.loads)
  const first = damaged(load)
  if (meta.get('index_stamp') !== indexStamp(kinds)) {
    db.transaction(() => {
      rebuildIndex(db, kinds, first, journal)
      meta.set('index_stamp', indexStamp(kinds))
    })
  }

  const index = createRecordIndex(db)
  const logs = createLogIndex(db, kinds.log)
  const graph = createWorkGraph(db, kinds)
  const feed = openChangeFeed(db, journal, (key) =>
    key.includes('/') ? key.slice(0, key.indexOf('/')) : kinds.lettered(key[0])?.name,
  )
  let loaded: ProjectDoc | undefined = first
  const conflicts = createConflicts({
    db,
    kinds,
    onChange: (conflict) => parts.noteConflict?.(conflict),
    now: clock.now,
    lastWrites: (id, field) => lastWrites(past.traces, id, field),
  })
  const parked = openParkedUpdates(db)
  const purges = openPurges(journal)
  const pipeline = createPipeline({
    conflicts,
    parked,
    purges,
    noteParked: (actor) => parts.noteParked?.(parked.summary(actor)),
    db,
    kinds,
    journal,
    index,
    logs,
    noteEntries(row, entries) {
      feed.noteEntries(row, entries)
      parts.noteEntries?.(entries)
    },
    onRollback: () => graph.forget(),
    changes: createChanges(index, kinds, (row, changes) => {
      feed.note(row, changes)
      graph.note(changes)
      parts.note?.(changes)
    }),
    clients: writer
      ? { of: () => writer().client, has: (client) => client === writer().client }
      : createClients(db, () => identity.replica, random),
    clock,
    random,
    replica: () => writer?.().replica ?? identity.replica,
    log,
    load() {
      const document = loaded ?? reload()
      loaded = undefined
      return document
    },
  })
  function reload(): ProjectDoc {
    journal.reload()
    return load()
  }
  const queries = createQueries(db, kinds)
  const past = createPast({ db, kinds, journal, clock, doc: () => pipeline.doc() })
  let founded: { readonly replicas: number; readonly by: string | undefined } | undefined
  const founder = (): string | undefined => {
    const replicas = Object.keys(journal.have()).length
    if (founded?.replicas !== replicas) founded = { replicas, by: founderOf(journal) }
    return founded.by
  }

  return {
    get id() {
      return identity.id
    },
    get name() {
      return identity.name
    },
    get replica() {
      return identity.replica
    },
    kinds,
    ...queries,
    past,
    conflicts,
    ...createWorkQueries(graph, queries, clock),
    changedSince(have, query) {
      // After a commit that failed, the journal in memory counts its rows until it is loaded anew.
      pipeline.doc()
      return feed.since(have, query)
    },
    changedIn: (session, limit) => feed.ofSession(session, limit),
    lastChange: (id) => feed.last(id),
    arbiter: () => pipeline.doc().arbiter() ?? { replica: founder() ?? identity.replica, epoch: 0 },
    transact: (origin, write, options) => pipeline.write(origin, write, options),
    applyRows: (rows, origin) => pipeline.rows(rows, origin),
    applyUpdate: (update, origin, presences) => pipeline.update(update, origin, MAIN_DOC, presences),
    readLog: (id) => logs.get(id),
    listLog: (query) => logs.list(query),
    logDays: () => logs.days(),
    logCount: (day) => logs.count(day),
    logOfDay: logs.ofDay,
    openLog: (name) =>
      openLogRoom({
        name,
        journal,
        onCommit: pipeline.onCommit,
        applyUpdate: (update, origin) => pipeline.update(update, origin, name),
      }),
    have: () => {
      pipeline.doc()
      return journal.have()
    },
    rowsSince: (have, limit) => journal.since(have, limit),
    adds: (update) => pipeline.doc().adds(update),
    encodeState: (stateVector) => pipeline.doc().encodeState(stateVector),
    encodeStateVector: () => pipeline.doc().encodeStateVector(),
    writerOf: parked.writerOf,
    onCommit: (listen) => pipeline.onCommit(listen),

    rowCount() {
      // After a commit that failed, the journal in memory counts its rows until it is loaded anew.
      pipeline.doc()
      return journal.last()
    },
    clientCount: () => pipeline.doc().clientCount(),
    failure: () => pipeline.failure(),
    adopt(other) {
      if (journal.last() > 0) throw new OrchError('different_project', { theirs: other.name, ours: identity.name })
      identity.adopt(other)
    },
    rollReplica: identity.roll,
    former: identity.former,
    parked: () => parked.all(),
    acceptParked: pipeline.acceptParked,
    discardParked: pipeline.discardParked,
    idle: () => pipeline.idle(),
    undeclared: () =>
      db.all<Undeclared>(
        `SELECT root, field, count(*) AS count, substr(min(undeclared.id), 1, 1) AS letter FROM undeclared
         LEFT JOIN ids ON ids.id = undeclared.id WHERE coalesce(ids.deleted, 0) = 0 GROUP BY root, field ORDER BY root, field`,
      ),
    kept: () => keptRecords(db, () => pipeline.doc()),
    rebuildIndex: () => db.transaction(() => rebuildIndex(db, kinds, pipeline.doc(), journal)),
    checkIndex(scratch) {
      const fresh = createProjectDoc(kinds, updatesOf(journal, undefined))
      const isEqual = isSameState(fresh.encodeStateVector(), pipeline.doc().encodeStateVector())
      const found = compareIndex({ db, kinds, journal, fresh }, scratch)
      fresh.destroy()
      return isEqual ? found : [OTHER_DOCUMENT, ...found]
    },
  }
}

/** The document from the newest load snapshot and the rows after it; from all rows when there is none that is whole. */
function loadDocument(kinds: Kinds, journal: Journal, loads: LoadSnapshots): ProjectDoc {
  const newest = loads.newest()
  const from = newest && newest.n <= journal.last() ? newest : undefined
  return createProjectDoc(kinds, updatesOf(journal, from))
}

/** Makes the index of a database anew from its rows; nobody else may have it open. Returns what it holds now. */
export function remakeIndex(
  db: Database,
  kinds: Kinds,
  onProgress: RebuildProgress,
): { readonly rows: number; readonly records: number } {
  const journal = damaged(() => createJournal(db))
  const doc = damaged(() => createProjectDoc(kinds, updatesOf(journal, undefined)))
  db.transaction(() => {
    rebuildIndex(db, kinds, doc, journal, onProgress)
    createMeta(db).set('index_stamp', indexStamp(kinds))
  })
  const records = db.get<{ n: number }>('SELECT count(*) AS n FROM ids')?.n ?? 0
  return { rows: journal.last(), records }
}

/** A load snapshot, where there is one, and the rows after it. */
export function* updatesOf(journal: Journal, from: LoadSnapshot | undefined, upto?: number): Generator<Uint8Array> {
  if (from) yield from.state
  yield* updatesBetween(journal, from?.n ?? 0, upto)
}

function damaged<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw new OrchError('database_damaged', { reason: reasonOf(error) }, error)
  }
}
