import type { Actor } from '../model/actor.ts'
import type { AgentMarks } from '../store/agent-marks.ts'
import type { TaskClaims } from '../store/task-claims.ts'

/** What agents need besides the state itself. */
export interface AgentParts {
  readonly claims: TaskClaims
  readonly marks: AgentMarks
  /** Makes the key with which a session that was just started is continued. */
  readonly issueKey: (session: string, actor: Actor) => string
  /** How many tokens a text costs a language model; loaded when first asked for. */
  readonly countTokens: () => Promise<(text: string) => number>
}
