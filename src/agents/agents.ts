import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Actor } from '../model/actor.ts'
import type { Random } from '../model/id.ts'
import type { Json } from '../model/record.ts'
import { type AgentMarks, openAgentMarks, type SessionKey } from '../store/agent-marks.ts'
import type { Database } from '../store/database.ts'
import { openLeases } from '../store/leases.ts'
import type { Project } from '../store/project.ts'
import type { Claimant } from '../store/task-claims.ts'
import type { SharedArbiter } from './arbiter.ts'
import { type Claims, createClaims } from './claims.ts'
import { type ConnectedSessions, type ConnectedSessionsParts, createConnectedSessions } from './connected-sessions.ts'
import { createIdentity, type Identity } from './identity.ts'

export interface AgentsParts {
  readonly db: Database
  readonly project: Project
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly graceMs: number
  readonly idleMs: number
  /** Asks another replica. Rejects when it cannot be reached. */
  readonly ask: (replica: string, body: Json) => Promise<Json>
  /** What decides about claims in the place of any replica. */
  readonly shared?: SharedArbiter
  /** Hears of the key of each session that is started here. */
  readonly onIssued?: (session: string, key: SessionKey) => void
  /** Whether a replica can only have been this database before. */
  readonly wasHere?: (replica: string) => boolean
  /** Whether a replica is what this database was before. */
  readonly wasCalled?: (replica: string) => boolean
  /** What ends with a connection, and goes on with it. */
  readonly sessions: Pick<ConnectedSessionsParts, 'end' | 'resume'>
}

/** What the daemon keeps of its agents: who holds what, who is who, and what each has read. */
export interface Agents extends Identity {
  readonly claims: Claims
  readonly marks: AgentMarks
  readonly connected: ConnectedSessions
  /**
   * A caller has a connection, until the returned function is called: that keeps its claims. With `ends`, its session ends a
   * while after it, too; only whoever has the key of a session may say so.
   */
  readonly attach: (claimant: Claimant, ends?: boolean) => () => void
  readonly issueKey: (session: string, actor: Actor) => string
}

export function createAgents({ db, ...parts }: AgentsParts): Agents {
  const { project, clock, random } = parts
  const marks = openAgentMarks(db)
  const leases = openLeases(db, project, clock.now)
  const claims = createClaims({ ...parts, leases })
  const identity = createIdentity(marks, random, parts.onIssued)
  const { log, graceMs, sessions } = parts
  const connected = createConnectedSessions({ marks, clock, log, graceMs, ...sessions })
  return {
    claims,
    marks,
    connected,
    attach(claimant, ends = false) {
      const detach = claims.attach(claimant)
      const { actor, session } = claimant
      const leave = ends && actor.verified && session !== undefined ? connected.connect(session) : undefined
      return () => {
        detach()
        leave?.()
      }
    },
    issueKey: identity.issue,
    ...identity,
  }
}
