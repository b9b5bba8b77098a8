import type { Clock } from '../../base/clock.ts'
import { OrchError } from '../../base/error.ts'
import { type Actor, isActorName } from '../../model/actor.ts'
import { type Principal, parseScope } from '../../model/principal.ts'
import type { Credentials } from '../http/credentials.ts'
import { isLoopback } from '../http/origin.ts'
import { createFailures, type Failures } from './failures.ts'
import type { Tokens } from './tokens.ts'

/** Checks a token that somebody else has signed. Rejects with `unauthorized` or `forbidden`. */
export type VerifyJwt = (token: string, from: string) => Promise<Principal>

export interface AuthenticateParts {
  readonly tokens: Pick<Tokens, 'verify'>
  readonly verifyJwt?: VerifyJwt | undefined
  readonly clock: Clock
  /** Where failures are counted that others count, too. */
  readonly failures?: Failures
  /** Hears of each wrong token, with the address it came from. */
  readonly onFailure: (from: string) => void
}

/**
 * Who shows these credentials. An address that showed too many wrong tokens is not listened to for a minute, whatever it
 * shows; but this machine's own, where one stale program would lock out all others, is.
 */
export function createAuthenticate(parts: AuthenticateParts): (credentials: Credentials) => Promise<Principal> {
  const { tokens, verifyJwt, clock } = parts
  const failures = parts.failures ?? createFailures(clock)

  const fail = (from: string): OrchError => {
    parts.onFailure(from)
    return failures.note(from) ? new OrchError('too_many_attempts', { from }) : new OrchError('unauthorized')
  }

  return async ({ token: text, actor: said, session, from }) => {
    if (text === undefined) throw new OrchError('unauthorized')
    if (!isLoopback(from) && failures.areTooMany(from)) throw new OrchError('too_many_attempts', { from })
    const valid = tokens.verify(text)
    if (valid) {
      const { id, role, scopes, actor } = valid.stored
      return {
        actor: actorOf(actor, said),
        role,
        ...(scopes && { scopes: scopes.map(parseScope) }),
        session,
        by: 'token',
        token: id,
        from,
        ended: valid.ended,
      }
    }
    if (!verifyJwt || !isJwt(text)) throw fail(from)
    try {
      const principal = await verifyJwt(text, from)
      return { ...principal, actor: actorOf(principal.actor, said), session }
    } catch (error) {
      throw error instanceof OrchError && error.code === 'unauthorized' ? fail(from) : error
    }
  }
}

/** Whom a token stands for; where it stands for nobody in particular, whom its bearer says it is. */
function actorOf(actor: Pick<Actor, 'name' | 'type'> | null, said: string | undefined): Actor {
  if (said !== undefined && !isActorName(said)) {
    throw new OrchError('invalid_input', { field: 'actor', reason: 'it cannot be the name of an actor' })
  }
  if (actor === null) return { name: said ?? 'peer', type: said === undefined ? 'person' : 'agent', verified: false }
  if (said !== undefined && said !== actor.name) {
    throw new OrchError('forbidden', { reason: `this token is ${actor.name}'s, not ${said}'s` })
  }
  return { name: actor.name, type: actor.type, verified: true }
}

function isJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)
}
