import { keyedKinds, recordKinds } from '../model/kinds.ts'
import type { Operation } from './operation.ts'
import { daemonOperations } from './operations/daemon.ts'
import { importOperations } from './operations/import.ts'
import { keyOperationsOf } from './operations/keys.ts'
import { peerOperations } from './operations/peers.ts'
import { operationsOf } from './operations/records.ts'
import { snapshotOperations } from './operations/snapshots.ts'

/** The one table of what a caller can ask. Commands, docs and every other surface are views of it. */
export const operations: readonly Operation[] = [
  ...recordKinds.flatMap(operationsOf),
  ...keyedKinds.flatMap(keyOperationsOf),
  ...importOperations,
  ...snapshotOperations,
  ...peerOperations,
  ...daemonOperations,
]
