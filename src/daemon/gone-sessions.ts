import type { ConnectedSessionsParts } from '../agents/connected-sessions.ts'
import type { OperationContext } from '../api/operation.ts'
import { endGoneSession, resumeSession } from '../api/operations/end-session.ts'
import { systemActor } from '../model/actor.ts'

/** How orch itself ends a session whose connection is gone: as its actor would have, in orch's own name. */
export function goneSessions(
  known: () => Pick<OperationContext, 'project' | 'clock' | 'parts'>,
): Pick<ConnectedSessionsParts, 'end' | 'resume'> {
  const within = (session: string): OperationContext => ({
    ...known(),
    actor: systemActor,
    session,
    progress: () => undefined,
    signal: new AbortController().signal,
  })
  return {
    async end(session) {
      const context = within(session)
      if (await endGoneSession(context, session)) await context.parts.snapshots.take().catch(() => undefined)
    },
    resume: (session) => resumeSession(within(session), session),
  }
}
