import type { Keyring } from '../base/keys.ts'
import { createProjectDoc, type ProjectDoc } from '../doc/project-doc.ts'
import type { Declaration } from '../model/declaration.ts'
import type { Kinds } from '../model/kind-set.ts'
import { type Database, openDatabase } from './database.ts'
import { createJournal, type Journal, updatesBetween } from './journal.ts'
import type { OpenProject } from './open-project.ts'
import { dumpIndex, rebuildIndex } from './rebuild.ts'
import { runWorker } from './worker.ts'

/** What is wrong with a database; empty lists when all is well. */
export interface StoreFindings {
  /** What SQLite finds damaged. */
  readonly damage: readonly string[]
  /** What differs between the index, the document in memory, and both made anew from all rows. */
  readonly differences: readonly string[]
}

/** The document in memory, as far as another thread can compare it. */
export interface InMemory {
  /** Rows that it is made of. */
  readonly rows: number
  readonly stateVector: Uint8Array
}

/** What the worker is told. */
export interface CheckWorkerInput {
  readonly databaseFile: string
  readonly keyring: Keyring
  readonly declared: Partial<Declaration>
  readonly inMemory: InMemory
}

/** Checks the database of a running project in a thread of its own: all rows are read, and a whole index is made. */
export async function checkInWorker({
  databaseFile,
  keyring,
  declared,
  project,
  worker,
}: Omit<CheckWorkerInput, 'inMemory'> & {
  readonly project: Pick<OpenProject, 'rowCount' | 'encodeStateVector'>
  /** The compiled `check-worker`. */
  readonly worker: URL
}): Promise<StoreFindings> {
  const inMemory: InMemory = { rows: project.rowCount(), stateVector: project.encodeStateVector() }
  const { statuses = {}, fields = {}, kinds = {} } = declared
  const input: CheckWorkerInput = { databaseFile, keyring, declared: { statuses, fields, kinds }, inMemory }
  return (await runWorker(worker, input)) as StoreFindings
}

/** Checks a database that another thread may write meanwhile: all that is read is of one moment, at which `inMemory` was durable. */
export function checkStore(db: Database, kinds: Kinds, inMemory: InMemory): StoreFindings {
  db.exec('BEGIN')
  const damage = db
    .all<{ quick_check: string }>('PRAGMA quick_check')
    .map((row) => row.quick_check)
    .filter((line) => line !== 'ok')
  const journal = createJournal(db)
  const fresh = createProjectDoc(kinds, updatesBetween(journal, 0, inMemory.rows))
  const isEqual = isSameState(fresh.encodeStateVector(), inMemory.stateVector)
  for (const update of updatesBetween(journal, inMemory.rows)) fresh.apply(update)
  const found = compareIndex({ db, kinds, journal, fresh })
  db.exec('COMMIT')
  return { damage, differences: isEqual ? found : [OTHER_DOCUMENT, ...found] }
}

export const OTHER_DOCUMENT = 'the document in memory is not what its rows give'

export function isSameState(ours: Uint8Array, theirs: Uint8Array): boolean {
  return Buffer.compare(ours, theirs) === 0
}

/** What differs between an index and one made from all rows and the document that they give. */
export function compareIndex(
  {
    db,
    kinds,
    journal,
    fresh,
  }: {
    readonly db: Database
    readonly kinds: Kinds
    readonly journal: Journal
    readonly fresh: ProjectDoc
  },
  scratch: Database = openDatabase(':memory:'),
): readonly string[] {
  scratch.transaction(() => rebuildIndex(scratch, kinds, fresh, journal))
  const found = differences(dumpIndex(db, kinds), dumpIndex(scratch, kinds))
  scratch.close()
  return found
}

function differences(ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const [left, right] = [new Set(ours), new Set(theirs)]
  return [
    ...ours.filter((row) => !right.has(row)).map((row) => `only in the index: ${row}`),
    ...theirs.filter((row) => !left.has(row)).map((row) => `missing in the index: ${row}`),
  ]
}
