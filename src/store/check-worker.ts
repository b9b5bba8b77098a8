/** The thread that checks the database for `orch doctor`: reads all rows and compares the index with one made anew. */
import { parentPort, workerData } from 'node:worker_threads'
import { declareKinds } from '../model/declare.ts'
import { builtInKinds } from '../model/kinds.ts'
import { type CheckWorkerInput, checkStore } from './check.ts'
import { openDatabaseReadOnly } from './database.ts'

const { databaseFile, keyring, declared, inMemory } = workerData as CheckWorkerInput
const db = openDatabaseReadOnly(databaseFile, keyring)
parentPort?.postMessage(checkStore(db, declareKinds(builtInKinds, declared), inMemory))
db.close()
