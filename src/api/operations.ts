import { keyedKinds, logKinds, recordKinds } from '../model/kinds.ts'
import type { Operation } from './operation.ts'
import { attentionOperations } from './operations/attention.ts'
import { contextOperations } from './operations/contexts.ts'
import { daemonOperations } from './operations/daemon.ts'
import { editOperations } from './operations/edit.ts'
import { importOperations } from './operations/import.ts'
import { keyOperationsOf } from './operations/keys.ts'
import { logOperationsOf } from './operations/logs.ts'
import { overviewOperations } from './operations/overview.ts'
import { peerOperations } from './operations/peers.ts'
import { operationsOf } from './operations/records.ts'
import { searchOperations } from './operations/search.ts'
import { sessionOperations } from './operations/sessions.ts'
import { snapshotOperations } from './operations/snapshots.ts'
import { suggestOperations } from './operations/suggest.ts'

/** The one table of what a caller can ask. Commands, docs and every other surface are views of it. */
export const operations: readonly Operation[] = [
  ...overviewOperations,
  ...recordKinds.flatMap(operationsOf),
  ...sessionOperations,
  ...contextOperations,
  ...searchOperations,
  ...editOperations,
  ...keyedKinds.flatMap(keyOperationsOf),
  ...logKinds.flatMap(logOperationsOf),
  ...importOperations,
  ...snapshotOperations,
  ...peerOperations,
  ...suggestOperations,
  ...attentionOperations,
  ...daemonOperations,
]
