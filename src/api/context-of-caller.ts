import type { Actor } from '../model/actor.ts'
import { session } from '../model/kinds/session.ts'
import { isKnown, type Principal } from '../model/principal.ts'
import type { Project } from '../store/project.ts'
import type { DoorParts } from './door.ts'
import type { OperationContext } from './operation.ts'
import { activeSessionOf } from './operations/sessions.ts'

export interface CallerParts extends Pick<OperationContext, 'project' | 'clock' | 'parts'> {
  /** Hears of each call that its caller lives. */
  readonly renewed: (claimant: { readonly actor: Actor; readonly session: string | undefined }) => void
}

/**
 * What an operation is given of its caller. A call that names no session belongs to the only active one of its actor, but
 * only where orch knows that it is that actor: a name that was only said must not lead into somebody's session.
 */
export function contextOfCaller({ renewed, ...parts }: CallerParts): DoorParts['contextOf'] {
  const activeSession = rememberedSessions(parts.project)
  return (principal, call) => {
    const { actor, session: named } = principal
    const found = named ?? (isKnown(principal) ? activeSession(actor.name) : undefined)
    renewed({ actor, session: found })
    return { ...parts, actor, session: found, ...call }
  }
}

/** The only active session of an actor, looked up once until a session changes: every call asks. */
function rememberedSessions(project: Project): (actor: string) => string | undefined {
  const known = new Map<string, string | undefined>()
  project.onCommit(({ changes }) => {
    if (changes.some(({ kind }) => kind === session.name)) known.clear()
  })
  return (actor) => {
    if (!known.has(actor)) known.set(actor, activeSessionOf(project, actor)?.id)
    return known.get(actor)
  }
}

/** Who is asking, as claims see it. */
export function claimantOf({ actor, session }: Pick<Principal, 'actor' | 'session'>): {
  readonly actor: Actor
  readonly session: string | undefined
} {
  return { actor, session }
}
