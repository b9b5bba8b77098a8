import type { Kinds } from '../model/kind-set.ts'
import type { Operation } from './operation.ts'
import { attentionOperations } from './operations/attention.ts'
import { blameOperations } from './operations/blame.ts'
import { claimOperations } from './operations/claims.ts'
import { contextOperations } from './operations/contexts.ts'
import { daemonOperations } from './operations/daemon.ts'
import { editOperations } from './operations/edit.ts'
import { graphOperations } from './operations/graph.ts'
import { historyOperations } from './operations/history.ts'
import { importOperations } from './operations/import.ts'
import { keyOperationsOf } from './operations/keys.ts'
import { logOperationsOf } from './operations/logs.ts'
import { overviewOperations } from './operations/overview.ts'
import { pastOperations } from './operations/past.ts'
import { peerOperations } from './operations/peers.ts'
import { readyOperations } from './operations/ready.ts'
import { recordOperations } from './operations/records.ts'
import { reservationOperations } from './operations/reservations.ts'
import { searchOperations } from './operations/search.ts'
import { sessionOperations } from './operations/sessions.ts'
import { snapshotOperations } from './operations/snapshots.ts'
import { suggestOperations } from './operations/suggest.ts'
import { takeBackOperations } from './operations/take-back.ts'

/** The one table of what a caller can ask of a project with these kinds. Commands, docs and every other surface are views of it. */
export const operationsOf = (kinds: Kinds): readonly Operation[] => [
  ...overviewOperations,
  ...kinds.records.flatMap((kind) => recordOperations(kinds, kind)),
  ...sessionOperations(kinds),
  ...contextOperations(kinds),
  ...readyOperations,
  ...claimOperations,
  ...reservationOperations,
  ...searchOperations,
  ...graphOperations,
  ...editOperations,
  ...kinds.keyed.flatMap(keyOperationsOf),
  ...logOperationsOf(kinds.log),
  ...importOperations,
  ...historyOperations,
  ...pastOperations,
  ...blameOperations,
  ...takeBackOperations,
  ...snapshotOperations,
  ...peerOperations,
  ...suggestOperations,
  ...attentionOperations,
  ...daemonOperations,
]
