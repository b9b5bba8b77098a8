/** The thread that makes a load snapshot: reads the rows on disk into a document of its own and writes what it encodes to. */
import { workerData } from 'node:worker_threads'
import { killAt } from '../base/kill-at.ts'
import { createProjectDoc } from '../doc/project-doc.ts'
import { builtInKinds } from '../model/kinds.ts'
import { openDatabaseReadOnly } from './database.ts'
import { type LoadWorkerInput, readNewest, writeSnapshotFile } from './file-load-snapshots.ts'
import { createJournal } from './journal.ts'
import { updatesOf } from './open-project.ts'

const { dir, databaseFile, keyring, n, crashAt } = workerData as LoadWorkerInput
const db = openDatabaseReadOnly(databaseFile, keyring)
const newest = readNewest(dir, keyring, () => undefined)
const from = newest && newest.n <= n ? newest : undefined
// Which kinds there are makes no difference to what the document encodes to.
const doc = createProjectDoc(builtInKinds, updatesOf(createJournal(db), from, n))
const snapshot = { n, state: doc.encodeState() }
writeSnapshotFile(dir, snapshot, keyring, crashAt === undefined ? undefined : killAt(crashAt))
db.close()
