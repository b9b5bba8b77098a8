import type { Actor } from '../model/actor.ts'
import { isKnown, type Principal } from '../model/principal.ts'
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
  return (principal, call) => {
    const { actor, session: named } = principal
    const session = named ?? (isKnown(principal) ? activeSessionOf(parts.project, actor.name)?.id : undefined)
    renewed({ actor, session })
    return { ...parts, actor, session, ...call }
  }
}

/** Who is asking, as claims see it. */
export function claimantOf({ actor, session }: Pick<Principal, 'actor' | 'session'>): {
  readonly actor: Actor
  readonly session: string | undefined
} {
  return { actor, session }
}
