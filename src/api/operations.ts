import type { Kinds } from '../model/kind-set.ts'
import type { Operation } from './operation.ts'
import { attentionOperations } from './operations/attention.ts'
import { auditOperations } from './operations/audit.ts'
import { blameOperations } from './operations/blame.ts'
import { claimOperations } from './operations/claims.ts'
import { conflictOperations } from './operations/conflicts.ts'
import { contextGetOperation } from './operations/context-get.ts'
import { contextOperations } from './operations/contexts.ts'
import { daemonOperations } from './operations/daemon.ts'
import { editOperations } from './operations/edit.ts'
import { exportOperations } from './operations/export.ts'
import { graphOperations } from './operations/graph.ts'
import { historyOperations } from './operations/history.ts'
import { importOperations } from './operations/import.ts'
import { inboxOperation } from './operations/inbox.ts'
import { keyOperationsOf } from './operations/keys.ts'
import { logOperationsOf } from './operations/logs.ts'
import { mirrorOperations } from './operations/mirrors.ts'
import { overviewOperations } from './operations/overview.ts'
import { pastOperations } from './operations/past.ts'
import { peerOperations } from './operations/peers.ts'
import { readyOperations } from './operations/ready.ts'
import { recordOperations } from './operations/records.ts'
import { remoteOperations } from './operations/remote.ts'
import { reportOperations } from './operations/reports.ts'
import { reservationOperations } from './operations/reservations.ts'
import { searchOperations } from './operations/search.ts'
import { sessionOperations } from './operations/sessions.ts'
import { snapshotOperations } from './operations/snapshots.ts'
import { sqlOperations } from './operations/sql.ts'
import { suggestOperations } from './operations/suggest.ts'
import { takeBackOperations } from './operations/take-back.ts'
import { tokenOperations } from './operations/tokens.ts'
import { waitOperation } from './operations/wait.ts'

/** The one table of what a caller can ask of a project with these kinds. Commands, docs and every other surface are views of it. */
export function operationsOf(kinds: Kinds): readonly Operation[] {
  const all = tableOf(kinds)
  // What is written by hand takes the place of what is derived under its name.
  return all.filter(({ name }, at) => all.findLastIndex((other) => other.name === name) === at)
}

const tableOf = (kinds: Kinds): readonly Operation[] => [
  ...overviewOperations,
  ...kinds.records.flatMap((kind) => recordOperations(kinds, kind)),
  ...sessionOperations(kinds),
  ...contextOperations(kinds),
  contextGetOperation,
  inboxOperation,
  waitOperation,
  ...readyOperations,
  ...claimOperations,
  ...reservationOperations,
  ...searchOperations,
  ...graphOperations,
  ...reportOperations,
  ...sqlOperations,
  ...editOperations,
  ...kinds.keyed.flatMap(keyOperationsOf),
  ...logOperationsOf(kinds.log),
  ...importOperations,
  ...exportOperations,
  ...historyOperations,
  ...pastOperations,
  ...blameOperations,
  ...takeBackOperations,
  ...conflictOperations,
  ...snapshotOperations,
  ...peerOperations,
  ...remoteOperations,
  ...suggestOperations,
  ...attentionOperations,
  ...tokenOperations,
  ...mirrorOperations,
  ...auditOperations,
  ...daemonOperations,
]
