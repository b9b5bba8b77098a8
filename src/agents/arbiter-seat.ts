import { toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Problem } from '../model/attention.ts'
import type { RecordId } from '../model/id.ts'
import type { Json } from '../model/record.ts'
import type { Commit, Project } from '../store/project.ts'
import type { Arbiter, SharedArbiter } from './arbiter.ts'
import { bySystem, lostByRecord } from './claim-rules.ts'
import { createLinkedArbiter } from './linked-arbiter.ts'

export interface ArbiterSeatParts {
  readonly project: Project
  readonly log: Logger
  /** When this process began: milliseconds since 1970. */
  readonly startedAt: number
  /** Asks the replica that grants claims. Rejects when it cannot be reached. */
  readonly ask: (replica: string, body: Json) => Promise<Json>
  /** What decides in the place of any replica, where several nodes share it. */
  readonly shared?: SharedArbiter | undefined
  /** Whether a replica can only have been this database, before it was moved or restored: nobody else will grant its claims. */
  readonly wasHere?: ((replica: string) => boolean) | undefined
  /** Whether a replica is what this database was before; it may still run where a copy was made. */
  readonly wasCalled?: ((replica: string) => boolean) | undefined
}

/** Where claims are decided: in this database, by another replica, or by what several nodes share. */
export interface ArbiterSeat {
  /** Whether this replica answers for the project: to those that ask it over a link, or in the log. */
  isHere(): boolean
  /** Whether this database decides. */
  decides(): boolean
  /** What several nodes share, as the arbiter it then is. */
  readonly shared: Arbiter | undefined
  /** What is asked where this database does not decide. */
  readonly elsewhere: Arbiter
  name(origin: WriteOrigin, replica: string): Promise<void>
  start(): Promise<void>
  /** Whether the arbiter is another one since. */
  note(commit: Commit): boolean
  /** Looks whether one that may be gone for good still lives. */
  probe(): Promise<void>
  problems(): readonly Problem[]
}

/** Asks for nothing but an answer. */
const NOTHING = { task: 't-00000000' as RecordId, fence: 0 }

export function createArbiterSeat(parts: ArbiterSeatParts): ArbiterSeat {
  const { project, log, startedAt } = parts
  const shared = parts.shared && withRecords(project, parts.shared)
  let known = ''
  /** The replica that is known to live, of those that may not. */
  let heard = ''

  const holds = (): string => project.arbiter().replica
  const isHere = (): boolean => holds() === project.replica
  const ask = async (body: Json): Promise<Json> => {
    const replica = holds()
    try {
      const answer = await parts.ask(replica, body)
      heard = replica
      return answer
    } catch (error) {
      // A refusal is a sign of life.
      if (toOrchError(error).code !== 'arbiter_unreachable') heard = replica
      throw error
    }
  }
  const elsewhere = shared ?? createLinkedArbiter(holds, ask)
  /** Whether claims are granted by what this database was before it was moved or copied, and that has not been heard of. */
  const isOrphan = (): boolean => !shared && !isHere() && heard !== holds() && parts.wasCalled?.(holds()) === true

  const name = async (origin: WriteOrigin, replica: string): Promise<void> => {
    await project.transact(origin, (tx) => {
      tx.setArbiter({ replica, epoch: project.arbiter().epoch + 1 })
      tx.appendLog({ action: 'named the arbiter', details: { replica } })
    })
  }

  return {
    isHere,
    decides: () => !shared && isHere(),
    shared,
    elsewhere,
    name,
    async start() {
      known = JSON.stringify(project.arbiter())
      if (isHere() || !parts.wasHere?.(holds())) return
      log.info('grants claims in the place of what this database was before', { was: holds() })
      await name(bySystem(''), project.replica)
    },
    note({ rows }) {
      const [row] = rows
      if (row && row.replica === holds() && row.at > startedAt) heard = row.replica
      const now = JSON.stringify(project.arbiter())
      if (now === known || known === '') return false
      known = now
      return true
    },
    async probe() {
      if (isOrphan()) await elsewhere.end(NOTHING).catch(() => undefined)
    },
    problems() {
      if (!isOrphan()) return []
      return [
        {
          kind: 'daemon',
          key: 'arbiter',
          where: 'claims',
          what: `Claims stay provisional: ${holds()}, which grants them, is what this database was before it was moved or copied, and was not heard of since`,
          fix: 'Where that one is gone for good, `orch arbiter set` lets this replica grant claims. Where it still runs, link the two: see `orch peer --help`.',
        },
      ]
    },
  }
}

/** What has no records to look at decides only about claims that the record says nothing against. */
function withRecords(project: Project, arbiter: Arbiter): Arbiter {
  return {
    grant: arbiter.grant,
    renew: async (lease) => (lease.provisional && lostByRecord(project, lease)) || (await arbiter.renew(lease)),
    end: arbiter.end,
  }
}
